internal import Glibc
internal import StoreHistory
internal import StoreTestSupport
internal import Testing

@Suite("Journals")
struct JournalTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  @Test("what a worker writes down is read back as it was")
  func roundTrip() throws {
    let journal = try Journal(directory: directory.path, session: 7, thread: 2)
    let first = Version(generation: 3, revision: 1, value: .max)
    let second = Version(generation: 3, revision: 2, value: 9)
    let token = Token(epoch: 1, bootNanoseconds: 55)
    let began = try journal.begin(.add, [4], values: [.max])
    let ended = try journal.end(.succeeded([Seen(object: 4, version: first)]))
    try journal.begin(.batch, [4, 5], values: [9])
    try journal.inside(4, token: token, found: -3, base: first)
    try journal.inside(5, token: token, found: 0, base: nil)
    try journal.wrote(4, second)
    try journal.leaving(4)
    try journal.end(.failed("lockTimeout"))
    let seen = [
      Seen(object: 1, isThere: true), Seen(object: 2, isThere: false), Seen(object: 3, value: 0),
      Seen(object: 4, .half),
    ]
    try journal.begin(.list, [])
    try journal.end(.succeeded(seen))
    try journal.begin(.update, [4], values: [10])
    try journal.end(.durabilityUnknown)
    try journal.begin(.remove, [4])

    let operations = try History(directory: directory.path).operations
    #expect(operations.count == 5)
    #expect(operations.allSatisfy { $0.session == 7 && $0.thread == 2 })
    #expect(operations.map(\.verb) == [.add, .batch, .list, .update, .remove])
    #expect(operations[0].began == began && operations[0].ended == ended && began <= ended)
    #expect(operations[0].accesses == [Access(object: 4, value: .max)])
    #expect(operations[0].outcome == .succeeded([Seen(object: 4, version: first)]))
    let batch = operations[1].accesses
    #expect(batch.map(\.object) == [4, 5] && batch.map(\.value) == [9, nil])
    #expect(batch[0].section?.token == token && batch[0].section?.found == -3)
    #expect(batch[0].section?.base == first && batch[1].section?.base == nil)
    #expect(batch[0].written == second && batch[0].committed != nil && batch[1].committed == nil)
    #expect(batch[0].section?.left != nil && batch[1].section?.left == nil)
    #expect(operations[1].outcome == .failed("lockTimeout"))
    #expect(operations[2].outcome == .succeeded(seen))
    #expect(operations[3].outcome == .durabilityUnknown)
    #expect(operations[4].outcome == .unknown && operations[4].ended == .max)
  }

  @Test("what a worker writes down of other records than containers is read back as it was")
  func wholeModel() throws {
    let journal = try Journal(directory: directory.path, session: 7, thread: 0)
    let version = Version(generation: 3, revision: 1, value: 5)
    try journal.begin(
      .update, [pod1, configuration1], values: [5, 6], expected: [configuration1: 8], locked: [1])
    try journal.looked(configuration1, version)
    let looked = try journal.end(
      .refused("inUse", because: [Seen(object: session1, .present), Seen(object: code1, value: 9)]))
    let changes = [
      change(4, .added, pod1, 1), change(5, .pruned, code1, 0), change(6, .updated, 1, 7, from: 2, to: 3),
    ]
    try journal.begin(.changes, [])
    let told = ChangesSeen(after: 3, position: 6, limit: 9, wasTrimmed: true, changes: changes)
    try journal.end(.changes(told))
    try journal.begin(.add, [connection1], values: [1])
    try journal.looked(connection1, nil)

    let operations = try History(directory: directory.path).operations
    #expect(operations.map(\.accesses.count) == [3, 0, 1])
    let accesses = operations[0].accesses
    #expect(accesses.map(\.object) == [pod1, configuration1, 1] && accesses.map(\.value) == [5, 6, nil])
    #expect(
      accesses.map(\.expected) == [nil, 8, nil] && accesses.map(\.isOnlyLocked) == [false, false, true])
    #expect(accesses[1].look?.version == version && accesses[1].look?.time ?? .max <= looked)
    #expect(
      operations[0].outcome
        == .refused("inUse", because: [Seen(object: session1, .present), Seen(object: code1, value: 9)]))
    #expect(operations[1].outcome == .changes(told))
    #expect(operations[2].accesses[0].look != nil && operations[2].accesses[0].look?.version == nil)
  }

  @Test("every kind of object has a name of its own, which says what it is")
  func names() {
    let objects = ObjectKind.allCases.map { $0.object(12) }
    #expect(Set(objects).count == objects.count)
    #expect(objects.map { ObjectKind(of: $0) } == ObjectKind.allCases)
    #expect(Set(objects.map(ObjectKind.name(of:))).count == objects.count)
    #expect(ObjectKind.name(of: 7) == "c7" && ObjectKind.name(of: pod1) == "p1")
  }

  @Test("lives of sessions are read back as the coordinator saw them")
  func lives() throws {
    let journal = try CoordinatorJournal(directory: directory.path)
    try journal.born(1, isBusy: true)
    try journal.born(2, isBusy: false)
    try journal.stopped(1)
    try journal.woken(1)
    try journal.stopped(1)
    try journal.died(1)
    let lives = try History(directory: directory.path).lives
    #expect(lives.count == 2 && lives[2]?.died == nil && lives[2]?.isBusy == false)
    let life = try #require(lives[1])
    #expect(life.isBusy && life.died != nil && life.stops.count == 2)
    #expect(life.stops[0].to != nil && life.stops[1].to == nil)
  }

  @Test("a line that was being written when its process died counts as not written")
  func tornLine() throws {
    try write("J 1 1 0\nB 5 read 3\nE 9 ok 3@1.2.3", toPath: directory.path("1.0"))
    let operations = try History(directory: directory.path).operations
    #expect(operations == [Operation(session: 1, .read, began: 5, accesses: [Access(object: 3)])])
  }

  @Test("a value that the same commit overwrites is intermediate")
  func intermediate() throws {
    try write("J 1 1 0\nB 5 update 3=1 3=2 3=3 4=9\n", toPath: directory.path("1.0"))
    let accesses = try History(directory: directory.path).operations.flatMap(\.accesses)
    #expect(accesses.map(\.value) == [3, 9])
    #expect(accesses.map(\.intermediateValues) == [[1, 2], []])
  }

  @Test(
    "a line that means nothing is refused with its number",
    arguments: [
      "X 1", "B 5", "B 5 fly", "B x read", "B 5 read 3=", "B 5 read 99999999999",
      "B 5 read 3\nI 6 4 1.1 0", "B 5 read 3\nI 6 3 1.1", "B 5 read 3\nE 6 ok 3@1.2",
      "B 5 read 3\nE 6 ok 3?", "B 5 read 3\nE 6 perhaps", "E 6 ok", "", "B 5 read y3", "B 5 read p16777216",
      "B 5 update 3=1?", "B 5 read 3\nR 6 4", "B 5 read 3\nR 6 3 1.2", "B 5 changes\nE 6 changes 1 2 3",
      "B 5 changes\nE 6 changes 1 2 3 2", "B 5 changes\nE 6 changes 1 2 3 0 4.c1.z.1.0.0",
    ])
  func nonsense(lines: String) throws {
    let path = directory.path("1.0")
    try write("J 1 1 0\n\(lines)\n", toPath: path)
    let count = lines.split(separator: "\n", omittingEmptySubsequences: false).count
    #expect(throws: HistoryFailure.line(1 + count, path: path)) { try History(directory: directory.path) }
  }

  @Test("a journal is never continued by somebody else")
  func exclusive() throws {
    _ = try Journal(directory: directory.path, session: 1, thread: 0)
    #expect(throws: HistoryFailure.systemCall("open", path: directory.path("1.0"), errno: EEXIST)) {
      _ = try Journal(directory: directory.path, session: 1, thread: 0)
    }
  }
}
