internal import StoreHistory

private let a = Actor(session: 1)
private let b = Actor(session: 2)
private let c = Actor(session: 3)

/// Two containers that are there.
private let two = [a.add(1, 2, 1, v(1, 1, 11)), a.add(3, 4, 2, v(2, 1, 21))]

/// The same as the sequence of changes tells them.
private let twoChanges = [change(1, .added, 1, 1), change(2, .added, 2, 1)]

/// What no correct store can do with several records at once, and with others than containers.
let badWholeModelStories: [Story] =
  commitStories + ruleStories + partStories + codeStories + sequenceStories + lateStories + holderStories

private let commitStories: [Story] = [
  Story(
    "G-single: half of what was written together in a list", .gSingle,
    two + [
      a.commit(.together, 10, 40, [(1, v(1, 2, 12)), (2, v(2, 2, 22))]),
      b.list(15, 35, [1: v(1, 2, 12), 2: v(2, 1, 21)]),
    ]),
  Story(
    "half of what was written together by one who was killed", .gSingle,
    two + [
      a.killedCommit(.together, 10, [(1, 12, v(1, 1, 11)), (2, 22, v(2, 1, 21))]),
      b.read(50, 55, 1, v(1, 2, 12)), b.read(60, 65, 2, v(2, 1, 21)),
    ]),
  Story(
    "G1a: a part of what was written together and failed", .g1a,
    two + [
      Operation(
        session: 1, .together, began: 10, ended: 40,
        accesses: [Access(object: 1, value: 12), Access(object: 2, value: 22)], outcome: .failed("conflict")),
      b.read(50, 55, 1, v(1, 2, 12)),
    ]),
  Story(
    "a pod that went without its container", .gSingle,
    [
      a.add(1, 2, pod1, v(1, 1, 1)), a.add(3, 4, 1, v(2, 1, 2)),
      b.removeTogether(10, 40, [pod1, 1], seeing: [present(pod1), present(1)]),
      c.ended(.read, 15, 20, pod1, .failed("notFound")), c.read(25, 30, 1, v(2, 1, 2)),
    ]),
  Story(
    "a demand for a revision ignored", .ignoredDemand,
    two + [
      b.demanding(12, 20, revision: 7, over: v(1, 1, 11), .succeeded([Seen(object: 1, version: v(1, 2, 12))]))
    ]),
  Story(
    "a conflict without a cause", .falseConflict,
    two + [b.demanding(12, 20, revision: 1, over: v(1, 1, 11), .failed("conflict"))]),
]

private let ruleStories: [Story] = [
  Story(
    "a container was removed while another depended on it", .brokenRule,
    two + [
      b.removeTogether(30, 40, [1], seeing: [Seen(object: 1, version: v(1, 1, 11)), isAbsent(2)]),
      c.read(50, 55, 2, v(2, 1, 21)),
    ]),
  Story(
    "a container was added and what it depends on was gone", .brokenRule,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.remove(3, 4, 1, v(1, 1, 11)),
      b.commit(.add, 10, 20, [(2, v(2, 1, 21))], seeing: [present(1)]),
    ]),
  Story(
    "a container was added into a pod that was gone", .brokenRule,
    [
      a.add(1, 2, pod1, v(1, 1, 1)), a.remove(3, 4, pod1, v(1, 1, 1)),
      b.commit(.add, 10, 20, [(2, v(2, 1, 21))], seeing: [present(pod1)]),
    ]),
  Story(
    "a volume was removed while a container used it", .brokenRule,
    [
      a.add(1, 2, volume1, v(1, 1, 1)), a.add(3, 4, 1, v(1, 1, 2)),
      b.removeTogether(10, 20, [volume1], seeing: [present(volume1), isAbsent(1)]),
      c.read(30, 35, 1, v(1, 1, 2)),
    ]),
  Story(
    "a container was added that uses a volume which was gone", .brokenRule,
    [
      a.add(1, 2, volume1, v(1, 1, 1)), a.remove(3, 4, volume1, v(1, 1, 1)),
      b.commit(.add, 10, 20, [(1, v(1, 1, 11))], seeing: [present(volume1)]),
    ]),
  Story(
    "two with one name", .brokenRule,
    two + [
      b.commit(.add, 10, 20, [(3, v(3, 1, 31))], seeing: [isAbsent(2)]), c.read(30, 35, 2, v(2, 1, 21)),
    ]),
  Story(
    "write skew: a removal and an addition that excludes it", .writeSkew,
    [
      a.add(1, 2, 1, v(1, 1, 11)),
      a.removeTogether(10, 40, [1], seeing: [Seen(object: 1, version: v(1, 1, 11)), isAbsent(2)]),
      b.commit(.add, 11, 41, [(2, v(2, 1, 21))], seeing: [present(1)]),
    ]),
  Story(
    "refused for a dependant that had gone", .resurrected,
    two + [
      a.remove(10, 20, 2, v(2, 1, 21)), b.refused(.remove, 30, 40, [1], "inUse", because: [present(2)]),
    ]),
  Story(
    "refused for want of what was there", .lostWrite,
    two + [b.refused(.add, 30, 40, [3], "notFound", because: [isAbsent(1)])]),
  Story(
    "a pod of which the list of containers lacks one", .lostWrite,
    [
      a.add(1, 2, pod1, v(1, 1, 1)), a.add(3, 4, 1, v(2, 1, 2)),
      Operation(
        session: 2, .list, began: 10, ended: 20, accesses: [Access(object: 1)],
        outcome: .succeeded([present(pod1)])),
    ]),
]

private let partStories: [Story] = [
  Story(
    "a configuration from before a rewriting", .staleRead,
    [
      a.commit(.add, 1, 2, [(1, v(1, 1, 1)), (configuration1, v(1, 1, 2))]),
      a.write(10, 20, configuration1, v(1, 2, 3)), b.read(30, 35, configuration1, v(1, 1, 2)),
      c.read(40, 45, configuration1, v(1, 2, 3)),
    ]),
  Story(
    "a configuration that outlives its container", .resurrected,
    [
      a.commit(.add, 1, 2, [(1, v(1, 1, 1)), (configuration1, v(1, 1, 2))]),
      a.commit(.remove, 10, 20, [(1, v(1, 1, 1)), (configuration1, v(1, 1, 2))]),
      b.read(30, 35, configuration1, v(1, 1, 2)),
    ]),
  Story(
    "an exec session of a container that was removed", .brokenRule,
    [
      a.add(1, 2, 1, v(1, 1, 1)), a.add(3, 4, session1, v(70, 1, 2)),
      b.removeTogether(10, 20, [1], seeing: [Seen(object: 1, version: v(1, 1, 1)), isAbsent(session1)]),
      c.read(30, 35, session1, v(70, 1, 2)),
    ]),
  Story(
    "a connection that was changed twice over one state", .lostUpdate,
    [
      a.add(1, 2, connection1, v(70, 1, 1)), a.write(10, 30, connection1, v(70, 2, 2), over: v(70, 1, 1)),
      b.write(15, 35, connection1, v(70, 2, 3), over: v(70, 1, 1)),
    ]),
  Story(
    "an anonymous volume that outlives its container", .resurrected,
    [
      a.add(1, 2, volume1, v(1, 1, 1)), a.add(3, 4, 1, v(1, 1, 2)),
      a.removeTogether(
        10, 20, [1, volume1], seeing: [Seen(object: 1, version: v(1, 1, 2)), present(volume1)]),
      b.read(30, 35, volume1, v(1, 1, 1)),
    ]),
  Story(
    "one generation for two volumes", .versionClash,
    [a.add(1, 2, volume1, v(1, 1, 1)), a.add(3, 4, ObjectKind.volume.object(2), v(1, 1, 2))]),
  Story(
    "an exec session lost", .lostWrite,
    [a.add(1, 2, session1, v(70, 1, 1)), b.look(.listSessions, 10, 20, [])]),
]

private let codeStories: [Story] = [
  Story("an exit code lost", .lostWrite, [a.record(1, 2, 5), b.code(10, 20, nil)]),
  Story(
    "an exit code lost with its container", .lostWrite,
    [
      a.commit(.add, 1, 2, [(1, v(1, 1, 1))]),
      Operation(
        session: 1, .update, began: 10, ended: 20,
        accesses: [Access(object: 1, value: 2), Access(object: code1)],
        outcome: .succeeded([Seen(object: 1, version: v(1, 2, 2)), Seen(object: code1, value: 99)])),
      a.remove(30, 40, 1, v(1, 2, 2)), b.code(50, 60, nil),
    ]),
  Story(
    "an end that is seen in the state and not in the exit codes", .lostWrite,
    [
      a.add(1, 2, v(1, 1, 1)),
      Operation(
        session: 1, .update, began: 10,
        accesses: [Access(object: 1, value: 2), Access(object: code1, value: 7)]),
      b.read(20, 25, v(1, 2, 2)), b.code(30, 35, nil), c.code(40, 45, 7),
    ]),
  Story(
    "an exit code from before a newer one", .staleRead,
    [a.record(1, 2, 5), b.record(10, 20, 6), c.code(30, 35, 5)]),
  Story(
    "two exit codes in turns", .staleRead,
    [a.record(1, 20, 5), b.record(1, 20, 6), c.code(30, 35, 5), c.code(40, 45, 6), c.code(50, 55, 5)]),
  Story("an exit code that nobody recorded", .inventedValue, [a.record(1, 2, 5), b.code(10, 20, 6)]),
  Story(
    "an exit code of which the record failed", .g1a, [a.record(1, 2, 5, .failed("io")), b.code(10, 20, 5)]),
  Story("an exit code before it was recorded", .futureRead, [b.code(1, 2, 5), a.record(10, 20, 5)]),
  Story(
    "an exit code after it was pruned", .resurrected,
    [a.record(1, 2, 5), b.code(4, 6, 5), a.prune(10, 20), c.code(30, 35, 5)]),
  Story(
    "an exit code pruned while its container was there", .brokenRule,
    [a.add(1, 2, v(1, 1, 1)), a.record(3, 4, 5), b.prune(10, 20), c.read(30, 35, v(1, 1, 1))]),
]

private let sequenceStories: [Story] = [
  Story(
    "a change missed by one reader", .missedChange,
    two + [b.told(10, 20, after: 0, [change(1, .added, 1, 1), change(3, .updated, 1, 2)])] + [
      a.write(5, 9, v(1, 2, 12))
    ]),
  Story(
    "a place to go on from that leaves one out", .missedChange,
    two + [b.told(10, 20, after: 0, twoChanges, position: 3)]),
  Story(
    "an acknowledged change that nobody is told of", .missedChange,
    two + [a.write(10, 20, v(1, 2, 12)), b.told(30, 40, after: 0, twoChanges)]),
  Story(
    "a change without its place, another one there", .missedChange,
    two + [
      a.write(5, 6, v(1, 2, 12)), a.write(7, 8, v(1, 3, 13)),
      b.told(30, 40, after: 0, twoChanges + [change(3, .updated, 1, 3)]),
    ]),
  Story(
    "a disconnection that nobody is told of", .missedChange,
    [
      a.add(1, 2, connection1, v(70, 1, 1)), a.remove(3, 4, connection1, v(70, 1, 1)),
      b.told(30, 40, after: 0, [change(1, .added, networks1, 0)]),
    ]),
  Story(
    "a rewriting of a volume that nobody is told of", .missedChange,
    [
      a.commit(.add, 1, 2, [(volume1, v(1, 1, 1)), (volumeConfiguration1, v(1, 1, 2))]),
      a.write(3, 4, volumeConfiguration1, v(1, 2, 3)),
      b.told(30, 40, after: 0, [change(1, .added, volume1, 1)]),
    ]),
  Story(
    "an exit code of which nobody is told", .missedChange,
    two + [a.record(5, 6, 5), b.told(30, 40, after: 0, twoChanges)]),
  Story(
    "one change twice in one answer", .repeatedChange,
    two + [
      b.told(10, 20, after: 0, [change(1, .added, 1, 1), change(1, .added, 1, 1), change(2, .added, 2, 1)])
    ]),
  Story(
    "one change recorded twice", .repeatedChange, and: .inventedChange,
    two + [
      a.write(5, 6, v(1, 2, 12)),
      b.told(10, 20, after: 0, twoChanges + [change(3, .updated, 1, 2), change(4, .updated, 1, 2)]),
    ]),
  Story(
    "changes of one record out of order", .changeOrder, and: .missedChange,
    two + [
      a.write(5, 6, v(1, 2, 12)), a.write(7, 8, v(1, 3, 13)),
      b.told(10, 20, after: 0, twoChanges + [change(3, .updated, 1, 3), change(4, .updated, 1, 2)]),
    ]),
  Story(
    "an answer that goes back", .changeOrder,
    two + [
      b.told(
        10, 20, after: 0, [change(1, .added, 1, 1), change(2, .added, 2, 1), change(1, .added, 1, 1)],
        position: 1)
    ]),
  Story(
    "a status that came from another one", .changeOrder,
    two + [
      a.write(5, 6, v(1, 2, 12)), a.write(7, 8, v(1, 3, 13)),
      b.told(
        10, 20, after: 0,
        twoChanges + [change(3, .updated, 1, 2, from: 0, to: 3), change(4, .updated, 1, 3, from: 5, to: 6)]),
    ]),
  Story(
    "two records in the order in which they were not committed", .changeOrder,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.add(3, 4, 2, v(2, 1, 21)),
      b.told(10, 20, after: 0, [change(1, .added, 2, 1), change(2, .added, 1, 1)]),
    ]),
  Story(
    "one place with two changes", .changeClash,
    two + [
      b.told(10, 20, after: 0, twoChanges),
      c.told(10, 20, after: 0, [change(1, .added, 1, 1), change(2, .removed, 1, 1)]),
    ]),
  Story(
    "a change that nobody made", .inventedChange,
    two + [b.told(10, 20, after: 0, twoChanges + [change(3, .updated, 1, 2)])]),
  Story(
    "a change of a connection that nobody made", .inventedChange,
    two + [b.told(10, 20, after: 0, twoChanges + [change(3, .removed, networks1, 0)])]),
  Story(
    "a change told before it was made", .inventedChange,
    two + [b.told(5, 6, after: 0, twoChanges + [change(3, .updated, 1, 2)]), a.write(10, 20, v(1, 2, 12))]),
]

private let lateStories: [Story] = [
  Story(
    "a change that a later reader does not find", .lateChange,
    two + [
      a.write(10, 20, v(1, 2, 12)), b.told(30, 40, after: 2, []),
      c.told(50, 60, after: 0, twoChanges + [change(3, .updated, 1, 2)]),
    ]),
  Story(
    "a change that another reader had known before", .lateChange,
    two + [
      a.write(10, 90, v(1, 2, 12)), b.told(30, 40, after: 0, twoChanges + [change(3, .updated, 1, 2)]),
      c.told(50, 60, after: 2, []),
    ]),
  Story(
    "changes that are gone without a word", .wrongTrimming,
    two + [b.told(10, 20, after: 0, [change(2, .added, 2, 1)])]),
  Story(
    "changes that are said to be gone and are there", .wrongTrimming,
    two + [b.told(10, 20, after: 0, twoChanges, trimmed: true)]),
  Story(
    "changes that come back", .wrongTrimming,
    two + [
      b.told(10, 20, after: 0, [change(2, .added, 2, 1)], trimmed: true),
      c.told(30, 40, after: 0, twoChanges),
    ]),
  Story(
    "fewer changes than are to be kept", .wrongTrimming, keptChanges: 2,
    two + [b.told(10, 20, after: 0, [change(2, .added, 2, 1)], trimmed: true)]),
  Story(
    "fewer changes than are to be kept, as a later reader of the end can tell", .wrongTrimming,
    keptChanges: 3,
    two + [
      a.write(5, 6, 2, v(2, 2, 22)),
      b.told(10, 20, after: 0, [change(2, .added, 2, 1)], trimmed: true, limit: 1),
      c.told(30, 40, after: 2, [change(3, .updated, 2, 2)]),
    ]),
]

/// Locks of others than containers have holders too.
private let holderStories: [Story] = [pod1, volume1].flatMap { object in
  [
    Story(
      "two holders of the lock of \(ObjectKind.name(of: object))", .overlap,
      [
        a.hold(10, 40, inside: (12, 38), token: 1, of: object),
        b.hold(20, 60, inside: (30, 50), token: 2, of: object),
      ]),
    Story(
      "tokens of \(ObjectKind.name(of: object)) that do not grow", .tokenOrder,
      [
        a.hold(10, 20, inside: (12, 18), token: 5, of: object),
        b.hold(30, 40, inside: (32, 38), token: 4, of: object),
      ]),
    Story(
      "somebody living in the witness word of \(ObjectKind.name(of: object))", .witness,
      [
        a.hold(10, 20, inside: (12, 18), token: 1, of: object),
        b.hold(30, 40, inside: (32, 38), token: 2, found: 1, of: object),
      ]),
  ]
}
