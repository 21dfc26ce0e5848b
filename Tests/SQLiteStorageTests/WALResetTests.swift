internal import CSQLite
internal import Glibc
@testable import SQLiteStorage
internal import StoreTestSupport
internal import Testing

/// The WAL-reset race of SQLite 3.7.0–3.51.2 (https://sqlite.org/wal.html#walresetbug), made to happen: a
/// writer restarts the WAL between a checkpointer's look at the header and its locks.
@Suite("the WAL-reset race", .serialized)
struct WALResetTests {
  @Test("33: between foreign programs the race loses commits where SQLite has it, which this test can see")
  func foreignAgainstForeign() throws {
    let fixture = try Fixture()
    try fixture.create()
    let (writer, checkpointer) = (try PlainConnection(fixture.path), try PlainConnection(fixture.path))
    let counter = try Counter(writer, copiedBackFrom: checkpointer)
    let pause = try PausedCheckpoint(checkpointer.handle)
    defer { pause.end() }
    try pause.run({ try checkpointer.checkpoint() }, meanwhile: { try counter.add(3) })
    let lost = try counter.addUntilLost(in: fixture.path)
    let hasRace = try fixture.open().facts().hasWALResetRace
    #expect((lost > 0) == hasRace, "\(lost) commits lost by SQLite \(String(cString: sqlite3_libversion()))")
  }

  @Test("33: the gate keeps a process of the store from writing while another copies the WAL back")
  func storeAgainstStore() throws {
    let fixture = try Fixture()
    try fixture.create()
    // The child holds the gate by this file, and this process asks it there.
    let database = try fixture.open()
    let other = try fixture.child()
    try other.order("open")
    try other.order("add 20")
    // Copied back completely, so that the next write restarts the WAL.
    try other.order("checkpoint")
    let gateFile = try GateFile(path: fixture.path + ".gate")
    defer { gateFile.close() }
    fixture.gate.change { state in
      state.onEnter = { gateFile.lock() }
      state.onLeave = { gateFile.unlock() }
    }
    var answer = ""
    let pause = try PausedCheckpoint(database.onlyHandle())
    defer { pause.end() }
    _ = try pause.run({ try database.checkpoint(deadlineNanoseconds: soon) }) {
      answer = try other.ask("try-add")
    }
    #expect(answer == "ok held", "the gate was free while the WAL was copied back")
    try other.order("add 40")
    #expect(try fixture.open().count() == 60)
  }

  @Test("L-17: a foreign program's WAL checkpoint keeps the store from restarting the WAL under it")
  func foreignCheckpointAgainstStore() throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    let checkpointer = try PlainConnection(fixture.path)
    let counter = try Counter(try PlainConnection(fixture.path), copiedBackFrom: checkpointer)
    let pause = try PausedCheckpoint(checkpointer.handle)
    defer { pause.end() }
    var code: StorageError.Code?
    try pause.run({ try checkpointer.checkpoint() }) {
      code = failure {
        try database.increment(deadlineNanoseconds: Deadline.after(.milliseconds(20)).nanoseconds)
      }
    }
    #expect(code == .busy)
    #expect(!fixture.gate.isHeld)
    let before = try database.value()
    for round in 1...60 {
      try database.increment(deadlineNanoseconds: soon)
      #expect(try PlainConnection(fixture.path).integer("SELECT pid FROM item") == before + Int64(round))
    }
    try counter.add(1)
  }

  @Test("L-17: a foreign program does not restart the WAL under a WAL checkpoint of the store")
  func foreignWriteAgainstStore() throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    let counter = try Counter(
      try PlainConnection(fixture.path), copiedBackFrom: PlainConnection(fixture.path))
    let pause = try PausedCheckpoint(database.onlyHandle())
    defer { pause.end() }
    _ = try pause.run({ try database.checkpoint(deadlineNanoseconds: soon) }) {
      #expect(throws: TestSupportError.self, "a foreign program wrote under a WAL checkpoint") {
        try counter.add(1)
      }
    }
    #expect(try counter.addUntilLost(in: fixture.path) == 0)
    try database.increment(deadlineNanoseconds: soon)
  }

  @Test(
    "L-20: nothing is lost to a foreign program that writes while the WAL is copied ahead",
    arguments: [true, false])
  func foreignWriteAgainstCopyAhead(snapshotHasMark: Bool) throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    let foreign = try PlainConnection(fixture.path)
    let counter = try Counter(try PlainConnection(fixture.path), copiedBackFrom: foreign)
    // Restarts the WAL.
    try counter.add(20)
    if !snapshotHasMark { try foreign.checkpoint() }
    try database.readOne { copier in
      let pause = try PausedCheckpoint(copier.handle)
      defer { pause.end() }
      try database.readOne { reader in
        // Its snapshot has begun when the second statement ends; all is copied from then on.
        try StatementsEnded.run(2, on: reader.handle, then: { try foreign.checkpoint() }) {
          _ = try pause.run({ try copier.copyAhead(pinnedBy: reader) }) { try counter.add(3) }
        }
      }
    }
    let wal = try fixture.open().facts().wal
    #expect(wal.walFrames == (snapshotHasMark ? 23 : 3), "restarted but under a read mark")
    #expect(wal.copiedFrames == (snapshotHasMark ? 20 : 0))
    #expect(try counter.addUntilLost(in: fixture.path) == 0)
    try database.increment(deadlineNanoseconds: soon)
  }

  @Test("a foreign writer is not waited for by the WAL checkpoint that a commit finds due")
  func foreignWriterInTheWay() throws {
    var fixture = try Fixture()
    fixture.options.walCheckpointFrames = 5
    let database = try fixture.opened(rows: 3)
    nonisolated(unsafe) let writer = try PlainConnection(fixture.path)
    // Takes SQLite's write lock as soon as the commit has let it go.
    fixture.gate.change { state in
      state.onLeave = { try? writer.execute("BEGIN IMMEDIATE") }
    }
    for _ in 0..<5 {
      try database.add()
      _ = try? writer.execute("ROLLBACK")
    }
    fixture.gate.change { $0.onLeave = nil }
    #expect(try database.facts().wal.copiedFrames == 0)
    #expect(
      failure {
        try writer.execute("BEGIN IMMEDIATE"); _ = try database.checkpoint(deadlineNanoseconds: 1)
      } == .busy)
    try writer.execute("ROLLBACK")
    #expect(try database.checkpoint(deadlineNanoseconds: soon).isComplete)
    #expect(try database.count() == 8)
  }
}

extension Database {
  /// The connection that every operation of a single thread gets.
  fileprivate func onlyHandle() throws -> OpaquePointer { try readOne { $0.handle } }

  fileprivate func increment(deadlineNanoseconds: UInt64) throws {
    try write("increment", durability: .committed, deadlineNanoseconds: deadlineNanoseconds) {
      try $0.statement("UPDATE item SET pid = pid + 1").run()
    }
  }

  fileprivate func value() throws -> Int64 {
    try readOne { connection in
      let query = try connection.statement("SELECT pid FROM item")
      #expect(try query.step())
      return try query.int64(0)
    }
  }
}

/// Runs something once a connection has come to the end of so many statements.
private enum StatementsEnded {
  // SAFETY: set and called on the thread of the one test of a serialized suite.
  private nonisolated(unsafe) static var left = 0
  private nonisolated(unsafe) static var body: (() throws -> Void)?
  private nonisolated(unsafe) static var failure: (any Error)?

  static func run(
    _ count: Int, on handle: OpaquePointer, then body: @escaping () throws -> Void,
    during work: () throws -> Void
  ) throws {
    (left, self.body, failure) = (count, body, nil)
    sqlite3_trace_v2(
      handle, UInt32(SQLITE_TRACE_PROFILE),
      { _, _, _, _ in
        StatementsEnded.left -= 1
        guard StatementsEnded.left == 0 else { return 0 }
        do { try StatementsEnded.body?() } catch { StatementsEnded.failure = error }
        return 0
      }, nil)
    defer { sqlite3_trace_v2(handle, 0, nil, nil) }
    try work()
    if let failure { throw failure }
    guard left <= 0 else { throw TestSupportError("\(left) statements too few") }
  }
}

/// A classic record lock on a file, as the gate of `store-test-child storage` is one.
private struct GateFile: Sendable {
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw TestSupportError.systemCall("open", path) }
  }

  func close() { Glibc.close(descriptor) }
  func lock() { set(Int16(F_WRLCK)) }
  func unlock() { set(Int16(F_UNLCK)) }

  private func set(_ type: Int16) {
    var lock = flock()
    lock.l_type = type
    precondition(fcntl(descriptor, F_SETLK, &lock) == 0, "nobody else is inside")
  }
}

/// A counter in one row, so that each change is one frame of the WAL.
private struct Counter {
  let writer: PlainConnection

  /// With a WAL that was copied back completely, by a writer whom the checkpointer has not watched.
  init(_ writer: PlainConnection, copiedBackFrom checkpointer: PlainConnection) throws {
    self.writer = writer
    try writer.execute("INSERT INTO item (id, pid) VALUES (1, 0)")
    _ = try checkpointer.integer("SELECT pid FROM item")
    for _ in 0..<20 { try writer.execute("UPDATE item SET pid = pid + 1") }
    try writer.checkpoint()
  }

  func add(_ count: Int) throws {
    for _ in 0..<count { try writer.execute("UPDATE item SET pid = pid + 1") }
  }

  /// Adds one by one until a fresh reader sees less than was committed, or the WAL has been filled twice.
  func addUntilLost(in path: String) throws -> Int64 {
    for _ in 0..<60 {
      let expected = try writer.integer("SELECT pid FROM item") + 1
      try add(1)
      let seen = try PlainConnection(path).integer("SELECT pid FROM item")
      if seen < expected { return expected - seen }
    }
    return 0
  }
}
