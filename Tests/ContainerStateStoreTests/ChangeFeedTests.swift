@testable internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Changes are read once each, in commit order", .serialized)
struct ChangeFeedTests {
  var fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  private static let patience = Duration.seconds(60)

  private func follower(after position: Int64 = 0, _ more: [String] = []) throws -> ChildProcess {
    let follower = try ChildProcess(role: "follow", [fixture.root, "\(position)"] + more)
    try follower.expect("reading", within: Self.patience)
    return follower
  }

  /// Every change that the store has, straight from its table.
  private func table() throws -> [String] {
    let kinds = RecordKind.allCases.map { "WHEN \($0.rawValue) THEN '\($0.name)'" }.joined(separator: " ")
    let actions = ChangeAction.allCases.map { "WHEN \($0.rawValue) THEN '\($0.name)'" }.joined(separator: " ")
    let text = try fixture.shell(
      """
      SELECT sequence || ' ' || CASE kind \(kinds) END || ' ' || CASE what \(actions) END || ' ' || id || ' '
        || revision FROM change ORDER BY sequence;
      """)
    return text.split(separator: "\n").map(String.init)
  }

  /// What a follower says until it has said the last of `count` lines.
  private func lines(of follower: ChildProcess, _ count: Int) throws -> [String] {
    try (0..<count).map { _ in try follower.line(within: Self.patience) ?? "ended" }
  }

  @Test("I-11: a reader follows while several write and are killed: it misses nothing and repeats nothing")
  func writersKilled() throws {
    let store = try fixture.open()
    for name in ["a", "b", "c"] { try store.add(name) }
    let reader = try follower()
    var told = try lines(of: reader, 3)
    for round in 0..<scaled(6) {
      let writers = try fixture.openChildren(3)
      for (writer, name) in zip(writers, ["a", "b", "c"]) { try writer.send("count-aloud \(name)") }
      // The kills fall wherever the writers are after so many changes of all of them.
      told += try lines(of: reader, 20 + round)
      for writer in writers { writer.signal(SIGKILL) }
      for writer in writers { try writer.waitForExit() }
    }
    let expected = try table()
    told += try lines(of: reader, expected.count - told.count)
    #expect(told == expected)
    // And nothing comes again.
    try store.add("last")
    #expect(try reader.line(within: Self.patience) == "\(expected.count + 1) container added last 1")
    try expectClean(store)
  }

  @Test("I-11: a reader that the kernel does not wake sees what is committed as its wait begins")
  func withoutWakeup() throws {
    // The same to a reader whose wake-up came before the commit was to be seen.
    let store = try fixture.open()
    let reader = try follower(after: 0, ["unwatched"])
    for (number, name) in ["a", "b", "c"].enumerated() {
      try store.add(name)
      #expect(try reader.line(within: Self.patience) == "\(number + 1) container added \(name) 1")
    }
  }

  @Test("I-11: a reader that is killed and goes on from its last change has read each change once")
  func readerKilled() throws {
    let store = try fixture.open()
    try store.add("a")
    let writer = try fixture.child()
    try writer.succeed("open")
    try writer.send("count-aloud a")
    var told: [String] = []
    for round in 0..<scaled(8) {
      let reader = try follower(after: Int64(told.count))
      told += try lines(of: reader, 5 + round)
      reader.signal(SIGKILL)
      try reader.waitForExit()
    }
    writer.signal(SIGKILL)
    try writer.waitForExit()
    #expect(told == Array(try table().prefix(told.count)))
  }

  @Test("a stopped writer keeps no reader from what others have committed, which the kernel wakes it for")
  func wokenByKernel() throws {
    let store = try fixture.open()
    let id = try store.add("a")
    let reader = try follower(after: 1)
    for round in 1...scaled(50) {
      try store.change(id) { $0.restartCount += 1 }
      #expect(try reader.line(within: Self.patience) == "\(round + 1) container updated a \(round + 1)")
    }
  }

  @Test("changes that were removed before they were read are said to be, once; what is there follows")
  mutating func trimmedByCount() throws {
    fixture.options.changeRetention = ChangeRetention(count: 100)
    let store = try fixture.open()
    let id = try store.add("a")
    let reader = try ChangeReader(store)
    let first = try reader.next(after: .beginning)
    #expect(first.changes.map(\.action) == [.added] && !first.wasTrimmed)
    for _ in 0..<1_000 { try store.change(id) { $0.restartCount += 1 } }
    let batch = try reader.next(after: first.position, limit: 10_000)
    #expect(batch.wasTrimmed)
    #expect((100..<100 + 256).contains(batch.changes.count), "\(batch.changes.count)")
    #expect(batch.position == (try store.lastChange()))
    let oldest = try #require(batch.changes.first).sequence
    #expect(try reader.next(after: oldest, limit: 5).wasTrimmed == false)
    #expect(try !reader.next(after: ChangeSequence(rawValue: oldest.rawValue - 1), limit: 5).wasTrimmed)
    #expect(try reader.next(after: ChangeSequence(rawValue: oldest.rawValue - 2), limit: 5).wasTrimmed)
    try expectClean(store)
  }

  @Test("by age as well, from the oldest on, up to the first that is young; never the newest")
  mutating func trimmedByAge() throws {
    fixture.options.changeRetention = ChangeRetention(count: 1_000_000, age: .seconds(3_600))
    let store = try fixture.open()
    let id = try store.add("a")
    for _ in 1..<60 { try store.change(id) { $0.restartCount += 1 } }
    try fixture.shell(
      "UPDATE change SET at_ns = 1 WHERE sequence <= 40; UPDATE change SET at_ns = 1 WHERE sequence > 50;")
    for _ in 60..<128 { try store.change(id) { $0.restartCount += 1 } }
    #expect(try table().first?.hasPrefix("41 ") == true, "the first that is young stops it")
    try fixture.shell("UPDATE change SET at_ns = 1;")
    for _ in 128..<192 { try store.change(id) { $0.restartCount += 1 } }
    #expect(try table().first?.hasPrefix("129 ") == true)
    #expect(try store.lastChange().rawValue == 192)
    try expectClean(store)
  }

  @Test("the newest change stays where everything is too old")
  mutating func newestStays() throws {
    fixture.options.changeRetention = ChangeRetention(count: 1, age: .zero)
    let store = try fixture.open()
    let id = try store.add("a")
    for _ in 1..<64 { try store.change(id) { $0.restartCount += 1 } }
    #expect(try table() == ["64 container updated a 64"])
    try store.change(id) { $0.restartCount += 1 }
    #expect(try store.lastChange().rawValue == 65)
  }

  @Test("I-11: after a reboot sequences go on far above, and a reader from before goes on without a gap")
  mutating func reboot() throws {
    let store = try fixture.open()
    let id = try store.add("a")
    try store.close()
    fixture.options.bootID = "another"
    let next = try fixture.open()
    let reader = try ChangeReader(next)
    let batch = try reader.next(after: ChangeSequence(rawValue: 1))
    #expect(!batch.wasTrimmed)
    #expect(batch.changes.first?.kind == .store && batch.changes.first?.action == .recovered)
    #expect(try #require(batch.changes.first).sequence.rawValue > 1 << 32)
    try next.change(id) { $0.restartCount += 1 }
    #expect(try reader.next(after: batch.position).changes.map(\.id) == ["a"])
    try expectClean(next)
  }

  @Test(
    "a place that the store has not given out is refused, and a wait ends at its deadline or when told to")
  func misuse() throws {
    let store = try fixture.open()
    try store.add("a")
    let reader = try ChangeReader(store)
    expectError(.invalidArgument) { try reader.next(after: ChangeSequence(rawValue: 2)) }
    let place = try store.lastChange()
    #expect(try reader.wait(after: place, deadlineNanoseconds: 1).isEmpty)
    reader.interrupt()
    #expect(try reader.wait(after: place, deadlineNanoseconds: .max).isEmpty)
    try store.close()
    expectError(.closed) { try reader.next(after: place) }
    expectError(.closed) { try ChangeReader(store) }
  }

  @Test("I-16: a change that cannot be read is named, and hides no other")
  func unreadable() throws {
    let store = try fixture.open()
    for name in ["a", "b", "c"] { try store.add(name) }
    try fixture.shell("UPDATE change SET kind = 99 WHERE sequence = 2;")
    let batch = try ChangeReader(store).next(after: .beginning)
    #expect(batch.changes.map(\.id) == ["a", "c"])
    #expect(batch.corrupt.map(\.subject) == ["change 2"])
    #expect(batch.position.rawValue == 3)
  }
}
