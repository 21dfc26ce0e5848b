@testable internal import SQLiteStorage
internal import StoreTestSupport
internal import Synchronization
internal import Testing

@Suite("The moment of a commit")
struct CommitMomentTests {
  private let fixture: Fixture
  private let gate = NotingGate()
  private let database: Database
  private let one = CommitSubject(hash: 1)
  private let two = CommitSubject(hash: 2)

  init() throws {
    fixture = try Fixture()
    try fixture.create()
    database = try Database(path: fixture.path, gate: gate, options: fixture.options)
  }

  private func commit(_ subject: CommitSubject?, _ sql: String? = nil) throws -> CommitMoment? {
    try database.write("add", about: subject, durability: .committed, deadlineNanoseconds: soon) {
      if let sql { try $0.execute(sql) } else { try $0.insert() }
    }
  }

  /// Before a read of it.
  private func moment(of subject: CommitSubject?) throws -> CommitMoment {
    let watch = try watch()
    return try #require(watch.moment(of: subject))
  }

  private func watch() throws -> CommitWatch {
    try #require(
      try database.readOne { connection in
        _ = try connection.countItems()
        return connection.commitWatch
      })
  }

  private func isStill(_ moment: CommitMoment?) throws -> Bool { try watch().isStill(#require(moment)) }

  @Test("D-9: it lasts while others are committed about, and until its own subject is")
  func lasting() throws {
    _ = try commit(two)
    let taken = try moment(of: one)
    let own = try commit(one)
    let anything = try moment(of: nil)
    #expect(try !isStill(taken))
    #expect(try isStill(own) && isStill(anything))
    for _ in 0..<3 { _ = try commit(two) }
    #expect(try isStill(own))
    #expect(try !isStill(anything), "what may be about anything lasts until any commit")
    _ = try commit(one)
    #expect(try !isStill(own))
  }

  @Test("D-9: a commit of which nobody notes what it is about ends all moments, for ever")
  func unnoted() throws {
    for isForeign in [false, true] {
      _ = try commit(two)
      let (taken, own) = (try moment(of: two), try commit(one))
      #expect(try isStill(taken) && isStill(own))
      if isForeign { try fixture.shell("INSERT INTO item (pid) VALUES (9);") } else { _ = try commit(nil) }
      #expect(try !isStill(taken) && !isStill(own))
      for _ in 0..<3 { _ = try commit(CommitSubject(hash: 3)) }
      #expect(try !isStill(taken) && !isStill(own))
    }
  }

  @Test("D-9: what changes nothing, or is rolled back, has no moment, and ends none")
  func nothing() throws {
    let own = try commit(one)
    #expect(try commit(one, "DELETE FROM item WHERE id < 0") == nil)
    #expect(throws: StorageError.self) { try commit(one, "INSERT INTO item (id) VALUES (0)") }
    #expect(try isStill(own))
    // Nor does it make a later commit a noted one.
    #expect(throws: StorageError.self) { try commit(one, "INSERT INTO item (id) VALUES (0)") }
    try fixture.shell("INSERT INTO item (pid) VALUES (9);")
    #expect(throws: StorageError.self) { try commit(one, "INSERT INTO item (id) VALUES (0)") }
    #expect(try !isStill(own))
    _ = try commit(two)
    #expect(try !isStill(own))
  }

  @Test("D-9: where a foreign program commits behind it there is none, and nothing is noted")
  func foreignBehind() throws {
    _ = try commit(one)
    let taken = try moment(of: two)
    let fixture = fixture
    let hasCommitted = Mutex(false)
    let passed = try passing("commit.unnoted=note") { _ in
      // What it changes may be about anything.
      let outcome = try? fixture.shell("INSERT INTO item (pid) VALUES (9);")
      hasCommitted.withLock { $0 = outcome != nil }
    } _: {
      let moment = try commit(one)
      #expect(moment == nil)
    }
    #expect(passed == ["commit.unnoted"] && hasCommitted.withLock { $0 })
    #expect(try !isStill(taken))
    _ = try commit(one)
    #expect(try !isStill(taken))
  }

  @Test(
    "D-9: what restarts the WAL, a commit or a foreign program, ends all moments; the next commit has one")
  func restart() throws {
    for checkpoint in ["FULL", "TRUNCATE"] {
      _ = try commit(two)
      let own = try commit(one)
      #expect(try isStill(own))
      try fixture.shell("PRAGMA wal_checkpoint(\(checkpoint));")
      // Into a WAL that begins anew with it.
      _ = try commit(two)
      #expect(try !isStill(own), "\(checkpoint)")
      let next = try commit(one)
      _ = try commit(two)
      #expect(try !isStill(own) && isStill(next), "\(checkpoint)")
    }
  }

  @Test("where the gate has no memory for it nothing is noted, and a moment lasts until the next commit")
  func noMemory() throws {
    let other = try fixture.open()
    func commit(_ subject: CommitSubject?) throws -> CommitMoment? {
      try other.write("add", about: subject, durability: .committed, deadlineNanoseconds: soon) {
        try $0.insert()
      }
    }
    #expect(try commit(one) == nil)
    let watch = try #require(
      try other.readOne { connection in
        _ = try connection.countItems()
        return connection.commitWatch
      })
    let taken = try #require(watch.moment(of: one))
    #expect(watch.isStill(taken))
    _ = try commit(two)
    #expect(!watch.isStill(taken))
  }
}

/// A gate with memory in which commits are told of.
final class NotingGate: WriteGate {
  private let gate = RecordingGate()
  private let memory = NoteMemory()

  var commitNotes: CommitNotes? { memory.notes }
  func enter(_ operation: String, deadlineNanoseconds: UInt64) throws {
    try gate.enter(operation, deadlineNanoseconds: deadlineNanoseconds)
  }
  func tryEnter(_ operation: String) throws -> Bool { try gate.tryEnter(operation) }
  func leave() { gate.leave() }
}
