internal import StoreHistory

private let a = Actor(session: 1)
private let b = Actor(session: 2)
private let c = Actor(session: 3)

/// Two containers that are there.
private let two = [a.add(1, 2, 1, v(1, 1, 11)), a.add(3, 4, 2, v(2, 1, 21))]

/// What no correct store can do, one thing each.
let badStories: [Story] =
  orderStories + readStories + lossStories + lockStories + [
    Story(
      "a session without an answer", .noProgress, lives: [1: Life(born: 0, died: 90_000_000_000)],
      [a.absent(0, 5, 1), a.killed(10, value: 1)])
  ]

private let orderStories: [Story] = [
  Story(
    "G0: two batches write two containers in opposite order", .g0, and: .overlap,
    two + [
      a.batch(10, 40, [(1, v(1, 1, 11), v(1, 2, 12), 20), (2, v(2, 2, 23), v(2, 3, 22), 30)]),
      b.batch(10, 40, [(1, v(1, 2, 12), v(1, 3, 13), 25), (2, v(2, 1, 21), v(2, 2, 23), 26)]),
    ]),
  Story(
    "G0: an acknowledged write is placed before an earlier one", .g0,
    [
      a.add(1, 2, v(1, 1, 1)), a.write(10, 20, v(1, 3, 3)), b.write(30, 40, v(1, 2, 2)),
    ]),
  Story(
    "G1a: the value of an update that failed", .g1a,
    two + [b.ended(.update, 10, 20, 1, value: 12, .failed("io")), c.read(30, 35, v(1, 2, 12))]),
  Story(
    "G1a: the value of an addition that failed, in a list", .g1a,
    [
      b.ended(.add, 10, 20, 1, value: 12, .failed("outOfSpace")), c.list(30, 35, [1: v(1, 1, 12)]),
    ]),
  Story(
    "G1b: a value that its own commit overwrote", .g1b,
    two + [
      b.ended(
        .update, 10, 20, 1, value: 13, intermediate: [12], .succeeded([Seen(object: 1, version: v(1, 2, 13))])
      ),
      c.look(.state, 12, 15, [Seen(object: 1, value: 12)]),
    ]),
  Story(
    "G1c: two sections each saw what the other wrote", .g1c, and: .overlap,
    two + [
      // Each takes place after the other's commit in one container.
      a.batch(10, 40, [(1, v(1, 1, 11), v(1, 2, 12), 20), (2, v(2, 2, 22), nil, 31)]),
      b.batch(10, 40, [(2, v(2, 1, 21), v(2, 2, 22), 21), (1, v(1, 2, 12), nil, 32)]),
    ]),
  Story(
    "G-single: a list with the newer of two changes and without the older", .gSingle,
    two + [
      a.write(10, 20, 1, v(1, 2, 12)), a.write(30, 40, 2, v(2, 2, 22)),
      b.list(5, 50, [1: v(1, 1, 11), 2: v(2, 2, 22)]),
    ]),
  Story(
    "G-single: a list without a container that was there before another", .gSingle,
    [
      a.add(10, 20, 1, v(1, 1, 1)), a.add(30, 40, 2, v(2, 1, 2)), b.list(5, 50, [2: v(2, 1, 2)]),
    ]),
  Story(
    "G2: two lists that see two changes in opposite order", .g2,
    two + [
      a.write(10, 90, 1, v(1, 2, 12)), b.write(10, 90, 2, v(2, 2, 22)),
      c.list(20, 80, [1: v(1, 2, 12), 2: v(2, 1, 21)]),
      Actor(session: 4).list(20, 80, [1: v(1, 1, 11), 2: v(2, 2, 22)]),
    ]),
  Story(
    "write skew: each of two saw both containers and wrote one", .writeSkew, and: .overlap,
    two + [
      a.batch(10, 40, [(1, v(1, 1, 11), v(1, 2, 12), 30), (2, v(2, 1, 21), nil, 31)]),
      b.batch(10, 40, [(1, v(1, 1, 11), nil, 32), (2, v(2, 1, 21), v(2, 2, 22), 33)]),
    ]),
]

private let readStories: [Story] = [
  Story(
    "stale read", .staleRead,
    two + [
      a.write(10, 20, v(1, 2, 12)), b.read(30, 35, v(1, 1, 11)), c.read(50, 55, v(1, 2, 12)),
    ]),
  Story(
    "non-monotone read", .nonMonotoneRead,
    two + [
      a.write(10, 90, v(1, 2, 12)), b.read(20, 30, v(1, 2, 12)), b.read(31, 35, v(1, 1, 11)),
    ]),
  Story(
    "non-monotone read: two threads of one session", .nonMonotoneRead,
    two + [
      a.write(10, 90, v(1, 2, 12)), b.read(20, 30, v(1, 2, 12)),
      Actor(session: 2, thread: 1).look(.state, 31, 35, [Seen(object: 1, value: 11)]),
    ]),
  Story(
    "non-monotone read: one thread within one tick of the clock", .nonMonotoneRead,
    two + [
      a.write(10, 90, v(1, 2, 12)), b.read(30, 30, v(1, 2, 12)), b.read(30, 30, v(1, 1, 11)),
    ]),
  Story(
    "own write not read", .readYourWrites,
    two + [
      a.write(10, 20, v(1, 2, 12)), a.read(30, 35, v(1, 1, 11)), b.read(40, 45, v(1, 2, 12)),
    ]),
  Story(
    "another session's write not read, which told of it", .staleRead,
    two + [
      a.write(10, 20, v(1, 2, 12)), b.absent(22, 25, 3), b.list(30, 35, [1: v(1, 1, 11), 2: v(2, 1, 21)]),
      c.read(40, 45, v(1, 2, 12)),
    ]),
  Story(
    "read of the future", .futureRead, two + [b.read(10, 20, v(1, 2, 12)), a.write(30, 40, v(1, 2, 12))]),
  Story("value from nowhere", .inventedValue, two + [b.read(10, 20, v(1, 2, 99))]),
  Story("another container's value", .inventedValue, two + [b.read(10, 20, v(1, 2, 21))]),
  Story("one value with two revisions", .versionClash, two + [b.read(10, 20, v(1, 2, 11))]),
  Story(
    "a change with the revision of a new container", .versionClash, two + [a.write(10, 20, 3, v(3, 1, 31))]),
  Story(
    "one generation for two containers", .versionClash,
    [a.add(1, 2, 1, v(1, 1, 1)), a.add(3, 4, 2, v(1, 1, 2))]),
  Story(
    "half an addition", .halfDone,
    [a.killed(.add, 1, 1, value: 1), b.look(.read, 10, 20, [Seen(object: 1, .half)])]),
  Story(
    "half an addition that is gone when it is asked for", .lostWrite,
    [
      a.killed(.add, 1, 1, value: 1), b.list(10, 20, [1: v(1, 1, 1)]),
      c.ended(.read, 30, 35, 1, .failed("notFound")),
    ]),
  Story(
    "listed twice", .listedTwice,
    two + [
      b.look(
        .list, 10, 20,
        [
          Seen(object: 1, version: v(1, 1, 11)), Seen(object: 2, version: v(2, 1, 21)),
          Seen(object: 1, version: v(1, 1, 11)),
        ])
    ]),
]

private let lossStories: [Story] = [
  Story(
    "lost update: two writes over one version", .lostUpdate,
    two + [
      a.write(10, 30, v(1, 2, 12), over: v(1, 1, 11)), b.write(15, 35, v(1, 2, 13), over: v(1, 1, 11)),
    ]),
  Story(
    "lost update: a killed write over the version of an acknowledged one", .lostUpdate,
    two + [
      a.write(10, 20, v(1, 2, 12), over: v(1, 1, 11)), b.killed(15, value: 13, over: v(1, 1, 11)),
      c.look(.state, 30, 35, [Seen(object: 1, value: 13)]),
    ]),
  Story(
    "lost update: a write over another version than was read", .lostUpdate,
    two + [b.write(10, 20, v(1, 2, 12)), a.write(15, 30, v(1, 3, 13), over: v(1, 1, 11))]),
  Story(
    "lost update: a removal of another version than was read", .lostUpdate,
    two + [a.write(10, 20, v(1, 2, 12)), b.remove(15, 30, v(1, 1, 11))]),
  Story(
    "lost acknowledged update", .lostWrite,
    two + [a.write(10, 20, v(1, 2, 12)), c.list(30, 35, [1: v(1, 1, 11), 2: v(2, 1, 21)])]),
  Story("lost acknowledged addition", .lostWrite, two + [c.list(30, 35, [1: v(1, 1, 11)])]),
  Story("lost acknowledged addition, added again", .lostWrite, two + [a.add(10, 20, 1, v(3, 1, 31))]),
  Story(
    "an update that was refused because there is nothing", .lostWrite,
    two + [b.ended(.update, 10, 20, 1, value: 12, .failed("notFound"))]),
  Story(
    "an addition that was refused although there is nothing", .resurrected,
    two + [a.remove(10, 20, v(1, 1, 11)), b.ended(.add, 30, 40, 1, value: 12, .failed("alreadyExists"))]),
  Story(
    "resurrected container", .resurrected,
    two + [a.remove(10, 20, v(1, 1, 11)), b.read(30, 35, v(1, 1, 11))]),
  Story(
    "resurrected container, after a removal that was killed", .resurrected,
    two + [a.killed(.remove, 10, 1, over: v(1, 1, 11)), b.absent(20, 25, 1), c.read(30, 35, v(1, 1, 11))]),
  Story(
    "removed twice", .removedTwice,
    two + [a.remove(10, 20, v(1, 1, 11)), b.remove(15, 25, v(1, 1, 11))]),
  Story(
    "a revision nobody wrote", .missingWrite,
    two + [a.write(10, 20, v(1, 3, 12)), b.read(30, 35, v(1, 3, 12))]),
]

private let lockStories: [Story] = [
  Story(
    "double holder by token", .tokenOrder,
    [a.hold(10, 30, inside: (15, 20), token: 7), b.hold(31, 60, inside: (40, 50), token: 6)]),
  Story(
    "double holder by equal tokens", .tokenOrder,
    [a.hold(10, 30, inside: (15, 20), token: 7), b.hold(31, 60, inside: (40, 50), token: 7)]),
  Story(
    "double holder by overlap", .overlap,
    [a.hold(10, 60, inside: (15, 50), token: 7), b.hold(11, 60, inside: (40, 45), token: 8)]),
  Story(
    "double holder by witness: the other goes on", .witness,
    [
      a.hold(10, 60, inside: (15, nil), token: 7), b.hold(11, 60, inside: (40, 45), token: 8, found: 1),
    ]),
  Story(
    "double holder by witness: the other dies later", .witness,
    [
      Actor(session: 1, thread: 1).absent(50, 55, 2),
      a.hold(10, 0, inside: (15, nil), token: 7, hasEnd: false),
      b.hold(11, 60, inside: (40, 45), token: 8, found: 1),
    ]),
]
