internal import StoreHistory

private let a = Actor(session: 1)
private let b = Actor(session: 2)
private let c = Actor(session: 3)

/// What a correct store can do, although it looks strange.
let goodStories: [Story] = [
  Story("nothing at all", nil, []),
  Story(
    "a life", nil,
    [
      a.absent(0, 5, 1), a.add(10, 20, v(1, 1, 1)), b.read(21, 25, v(1, 1, 1)),
      a.write(30, 40, v(1, 2, 2), over: v(1, 1, 1)), b.read(41, 45, v(1, 2, 2)), a.remove(50, 60, v(1, 2, 2)),
      b.absent(61, 65, 1), b.list(70, 75, [:]),
    ]),
  Story(
    "a killed update that took effect", nil,
    [
      a.add(10, 20, v(1, 1, 1)), b.killed(30, value: 2, over: v(1, 1, 1)), a.read(40, 45, v(1, 2, 2)),
      c.list(50, 55, [1: v(1, 2, 2)]),
    ]),
  Story(
    "a killed update that is only known by its value", nil,
    [
      a.add(10, 20, v(1, 1, 1)), b.killed(30, value: 2), a.look(.state, 40, 45, [Seen(object: 1, value: 2)]),
      a.write(50, 60, v(1, 3, 3)), a.read(61, 65, v(1, 3, 3)),
    ]),
  Story(
    "a killed update that did not take effect", nil,
    [
      a.add(10, 20, v(1, 1, 1)), b.killed(30, value: 2, over: v(1, 1, 1)), a.read(40, 45, v(1, 1, 1)),
      a.write(50, 60, v(1, 2, 3), over: v(1, 1, 1)), c.list(70, 75, [1: v(1, 2, 3)]),
    ]),
  Story(
    "a killed update that takes effect later", nil,
    [
      a.add(10, 20, v(1, 1, 1)), b.killed(30, value: 2, over: v(1, 1, 1)), a.read(40, 45, v(1, 1, 1)),
      c.list(50, 55, [1: v(1, 2, 2)]),
    ]),
  Story(
    "a killed update that nobody saw before the next one", nil,
    [
      a.add(10, 20, v(1, 1, 1)), b.killed(30, value: 2, over: v(1, 1, 1)), a.write(40, 50, v(1, 3, 3)),
      c.list(60, 65, [1: v(1, 3, 3)]),
    ]),
  Story(
    "a killed addition that took effect", nil,
    [
      a.killed(.add, 10, 1, value: 1), b.read(20, 25, v(1, 1, 1)), b.remove(30, 40, v(1, 1, 1)),
      c.absent(41, 45, 1),
    ]),
  Story(
    "a killed addition that did not", nil,
    [a.killed(.add, 10, 1, value: 1), b.absent(20, 25, 1), c.list(30, 35, [:])]),
  Story(
    "a killed addition of which only the presence was seen", nil,
    [
      a.killed(.add, 10, 1, value: 1), b.look(.has, 20, 25, [Seen(object: 1, isThere: true)]),
      b.killed(.remove, 30, 1), c.absent(41, 45, 1),
    ]),
  Story(
    "a killed removal that took effect, and an addition", nil,
    [
      a.add(10, 20, v(1, 1, 1)), b.killed(.remove, 30, 1, over: v(1, 1, 1)), a.read(35, 37, v(1, 1, 1)),
      a.absent(40, 45, 1), c.add(50, 60, v(2, 1, 2)), a.read(70, 75, v(2, 1, 2)),
    ]),
  Story(
    "a killed removal that did not", nil,
    [a.add(10, 20, v(1, 1, 1)), b.killed(.remove, 30, 1, over: v(1, 1, 1)), c.list(40, 45, [1: v(1, 1, 1)])]),
  Story(
    "times that are equal are no order", nil,
    [
      a.add(10, 20, v(1, 1, 1)), a.write(30, 40, v(1, 2, 2), over: v(1, 1, 1)), b.read(40, 40, v(1, 1, 1)),
      c.read(40, 40, v(1, 2, 2)), b.read(40, 50, v(1, 2, 2)), a.remove(50, 50, v(1, 2, 2)),
      b.read(50, 50, v(1, 2, 2)), c.absent(50, 50, 1), a.add(50, 50, v(2, 1, 3)),
    ]),
  Story(
    "an absence that fits several removals", nil,
    [
      a.add(10, 20, v(1, 1, 1)), b.list(25, 95, [:]), a.remove(30, 40, v(1, 1, 1)), a.add(50, 60, v(2, 1, 2)),
      a.remove(70, 80, v(2, 1, 2)), a.add(90, 99, v(3, 1, 3)), a.read(100, 105, v(3, 1, 3)),
    ]),
  Story(
    "failures that changed nothing", nil,
    [
      a.ended(.update, 0, 5, 1, value: 9, .failed("notFound")), a.add(10, 20, v(1, 1, 1)),
      b.ended(.add, 21, 25, 1, value: 8, .failed("alreadyExists")),
      b.ended(.update, 30, 35, 1, value: 7, .failed("lockTimeout")),
      b.ended(.remove, 40, 45, 1, .failed("inUse")), c.list(50, 55, [1: v(1, 1, 1)]),
    ]),
  Story(
    "a change of which only the durability is unknown", nil,
    [
      a.ended(.add, 10, 20, 1, value: 1, .durabilityUnknown), b.read(25, 30, v(1, 1, 1)),
      a.ended(.update, 40, 50, 1, value: 2, .durabilityUnknown), b.read(55, 60, v(1, 2, 2)),
      a.ended(.remove, 70, 80, 1, .durabilityUnknown), b.absent(85, 90, 1),
    ]),
  Story(
    "a list between the two commits of a batch", nil,
    [
      a.add(10, 20, 1, v(1, 1, 1)), a.add(21, 30, 2, v(2, 1, 2)),
      a.batch(40, 60, [(1, v(1, 1, 1), v(1, 2, 3), 45), (2, v(2, 1, 2), v(2, 2, 4), 55)]),
      b.list(46, 54, [1: v(1, 2, 3), 2: v(2, 1, 2)]),
    ]),
  Story(
    "a batch that failed at its second object", nil,
    [
      a.add(10, 20, 1, v(1, 1, 1)), a.add(21, 30, 2, v(2, 1, 2)),
      Operation(
        session: 1, .batch, began: 40, ended: 60,
        accesses: [
          Access(object: 1, value: 3, committed: 45, written: v(1, 2, 3)), Access(object: 2, value: 4),
        ], outcome: .failed("busy")),
      b.list(70, 75, [1: v(1, 2, 3), 2: v(2, 1, 2)]),
    ]),
  Story(
    "a holder that died inside", nil,
    [
      a.hold(10, 0, inside: (12, nil), token: 1, hasEnd: false),
      b.hold(11, 40, inside: (20, 30), token: 2, found: 1), c.hold(11, 60, inside: (50, 55), token: 3),
    ]),
  Story(
    "a holder that died before it could write down that it was inside", nil,
    [a.killed(10, value: 1), b.hold(11, 40, inside: (20, 30), token: 2, found: 1)]),
  Story(
    "a session that was stopped, and one that need not do anything", nil,
    lives: [
      1: Life(born: 0, died: 90_000_000_000, stops: [Life.Stop(from: 10, to: 80_000_000_000)]),
      2: Life(born: 0, died: 90_000_000_000, isBusy: false),
    ], [a.absent(0, 5, 1)]),
]
