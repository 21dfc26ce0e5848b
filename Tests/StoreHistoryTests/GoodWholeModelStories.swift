internal import StoreHistory

private let a = Actor(session: 1)
private let b = Actor(session: 2)
private let c = Actor(session: 3)

/// What a correct store can do with the whole model, although it looks strange.
let goodWholeModelStories: [Story] = [
  Story(
    "a killed commit that took effect as a whole", nil,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.add(3, 4, 2, v(2, 1, 21)),
      a.killedCommit(.together, 10, [(1, 12, v(1, 1, 11)), (2, 22, v(2, 1, 21))]),
      b.list(15, 20, [1: v(1, 1, 11), 2: v(2, 1, 21)]), b.list(50, 55, [1: v(1, 2, 12), 2: v(2, 2, 22)]),
    ]),
  Story(
    "a commit that a list does not see at all", nil,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.add(3, 4, 2, v(2, 1, 21)),
      a.commit(.together, 10, 40, [(1, v(1, 2, 12)), (2, v(2, 2, 22))]),
      b.list(15, 35, [1: v(1, 1, 11), 2: v(2, 1, 21)]), c.list(15, 35, [1: v(1, 2, 12), 2: v(2, 2, 22)]),
    ]),
  Story(
    "a list of containers says nothing of pods", nil,
    [
      a.add(1, 2, pod1, v(1, 1, 1)), b.list(10, 20, [:]),
      c.look(.listPods, 30, 40, [Seen(object: pod1, version: v(1, 1, 1))]),
    ]),
  Story(
    "a volume and a container of one generation, and mounts in the sequence of changes", nil,
    [
      a.commit(.add, 1, 2, [(volume1, v(1, 1, 1)), (volumeConfiguration1, v(1, 1, 2))]),
      a.add(3, 4, 1, v(1, 1, 3)),
      b.look(.section, 5, 6, [Seen(object: volume1, version: v(1, 1, 1)), present(1)]),
      a.write(7, 8, volume1, v(1, 2, 4)), a.write(9, 10, volumeConfiguration1, v(1, 2, 5)),
      b.told(
        30, 40, after: 0,
        [
          change(1, .added, volume1, 1), change(2, .added, 1, 1), change(3, .other, volume1, 0),
          change(4, .updated, volume1, 2), change(5, .updated, volumeConfiguration1, 2),
        ]),
    ]),
  Story(
    "a removal of several that met one, next to an addition", nil,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.removeTogether(10, 40, [1, 2], seeing: [present(1), isAbsent(2)]),
      b.add(39, 50, 1, v(2, 1, 12)), b.read(60, 65, 1, v(2, 1, 12)),
    ]),
  Story(
    "a removal of which it is open which generation it took", nil,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.removeTogether(10, 60, [1], seeing: [present(1)]),
      b.killed(.remove, 11, 1), c.add(20, 30, 1, v(2, 1, 12)), c.read(70, 75, 1, v(2, 1, 12)),
    ]),
  Story(
    "a killed removal of two, of which one came later", nil,
    [
      a.add(1, 2, 1, v(1, 1, 11)),
      Operation(session: 2, .remove, began: 10, accesses: [Access(object: 1), Access(object: 2)]),
      c.add(20, 30, 1, v(2, 1, 12)), c.add(40, 50, 2, v(3, 1, 21)), c.write(60, 70, 2, v(3, 2, 22)),
      c.read(80, 85, 2, v(3, 2, 22)),
    ]),
  Story(
    "an addition that was refused for a name that went", nil,
    [
      a.add(1, 2, 1, v(1, 1, 11)), b.refused(.add, 5, 30, [2], "alreadyExists", because: [present(1)]),
      a.remove(10, 20, 1, v(1, 1, 11)),
    ]),
  Story(
    "a conflict that is one", nil,
    [
      a.add(1, 2, v(1, 1, 1)), a.write(3, 4, v(1, 2, 2)),
      b.demanding(10, 20, revision: 1, over: v(1, 2, 2), .failed("conflict")),
    ]),
  Story(
    "exit codes that overlap", nil,
    [
      a.record(1, 20, 5), b.record(2, 21, 6), c.code(5, 15, 6), c.code(16, 30, 5), a.prune(25, 40),
      c.code(31, 45, nil),
      Operation(session: 1, .record, began: 50, accesses: [Access(object: code1, value: 7)]),
      c.code(60, 65, nil),
      c.code(70, 75, 7),
    ]),
  Story(
    "an exit code pruned by one who was killed", nil,
    [a.record(1, 2, 5), Operation(session: 2, .prune, began: 10), c.code(30, 35, nil)]),
  Story(
    "an exit code of which nobody could tell the time", nil,
    [
      a.add(1, 2, v(1, 1, 1)),
      Operation(
        session: 1, .update, began: 10, accesses: [Access(object: 1, value: 2), Access(object: code1)]),
      b.code(20, 25, 99), b.read(30, 35, v(1, 2, 2)),
    ]),
  Story(
    "a life in the sequence of changes", nil,
    [
      a.commit(.add, 1, 2, [(1, v(1, 1, 1)), (configuration1, v(1, 1, 2))]),
      b.told(3, 4, after: 0, [change(1, .added, 1, 1)]),
      a.write(5, 6, configuration1, v(1, 2, 3)), a.write(7, 8, v(1, 2, 4)),
      a.add(9, 10, connection1, v(70, 1, 5)),
      a.record(11, 12, 6),
      a.commit(.remove, 13, 14, [(1, v(1, 2, 4)), (configuration1, v(1, 2, 3)), (connection1, v(70, 1, 5))]),
      b.told(
        20, 30, after: 1,
        [
          change(2, .updated, configuration1, 2), change(3, .updated, 1, 2), change(4, .added, networks1, 0),
          change(5, .recorded, code1, 0), change(6, .removed, 1, 2),
        ]),
    ]),
  Story(
    "a killed life that only the sequence of changes tells of", nil,
    [
      a.killed(.add, 1, 1, value: 1), b.killed(.remove, 5, 1), c.add(10, 20, 1, v(2, 1, 2)),
      c.told(
        30, 40, after: 0, [change(1, .added, 1, 1), change(2, .removed, 1, 1), change(3, .added, 1, 1)]),
    ]),
  Story(
    "changes that are gone, and said to be", nil,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.add(3, 4, 2, v(2, 1, 21)), a.write(5, 6, 2, v(2, 2, 22)),
      b.told(10, 20, after: 0, [change(2, .added, 2, 1), change(3, .updated, 2, 2)], trimmed: true),
    ]),
  Story(
    "as many changes as are to be kept, of which one reader is told a part", nil, keptChanges: 3,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.add(3, 4, 2, v(2, 1, 21)), a.write(5, 6, 2, v(2, 2, 22)),
      a.write(7, 8, 2, v(2, 3, 23)),
      b.told(10, 20, after: 0, [change(2, .added, 2, 1)], trimmed: true, limit: 1),
      c.told(
        30, 40, after: 0,
        [change(2, .added, 2, 1), change(3, .updated, 2, 2), change(4, .updated, 2, 3)], trimmed: true),
    ]),
  Story(
    "fewer changes than are to be kept, as far as anybody can tell", nil, keptChanges: 3,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.add(3, 4, 2, v(2, 1, 21)),
      b.told(10, 20, after: 0, [change(2, .added, 2, 1)], trimmed: true, limit: 1),
    ]),
  Story(
    "a pod and a volume whose locks are held one after the other", nil,
    [
      a.hold(10, 20, inside: (12, 18), token: 1, of: pod1),
      b.hold(15, 30, inside: (22, 28), token: 2, of: pod1),
      b.hold(40, 50, inside: (42, nil), token: 1, hasEnd: false, of: volume1),
      c.hold(60, 70, inside: (62, 68), token: 2, found: 2, of: volume1),
    ]),
  Story(
    "a leap after a reboot", nil,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.add(3, 4, 2, v(2, 1, 21)),
      b.told(
        10, 20, after: 0,
        [
          change(1, .added, 1, 1), change(900, .leapt, ObjectKind.other.object(0), 0),
          change(901, .added, 2, 1),
        ]),
    ]),
  Story(
    "a reader that is not told everything at once", nil,
    [
      a.add(1, 2, 1, v(1, 1, 11)), a.add(3, 4, 2, v(2, 1, 21)),
      b.told(10, 20, after: 0, [change(1, .added, 1, 1)], limit: 1),
      b.told(30, 40, after: 1, [change(2, .added, 2, 1)]),
    ]),
]
