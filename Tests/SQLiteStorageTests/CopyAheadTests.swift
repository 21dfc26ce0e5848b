internal import CSQLite
internal import Glibc
internal import Platform
@testable import SQLiteStorage
internal import StoreTestSupport
internal import Synchronization
internal import Testing

@Suite("WAL checkpoints ahead of the gate", .serialized)
struct CopyAheadTests {
  @Test("L-20: the WAL of a handle that commits often is copied back by a thread, mostly outside the gate")
  func byThread() throws {
    var fixture = try Fixture()
    fixture.options.copiesBackInBackground = true
    fixture.options.walCheckpointFrames = 400
    let threads = Mutex<[UInt]>([])
    fixture.gate.change { $0.onEnter = { threads.withLock { $0.append(UInt(pthread_self())) } } }
    let database = try fixture.opened()
    let observer = try fixture.open()
    // A step, which enters no gate.
    while try observer.facts().wal.walFrames < 390 { try database.add() }
    try waitUntil("the first step ahead") { try observer.facts().wal.copiedFrames > 32 }
    #expect(!fixture.gate.operations.contains("checkpoint"))
    while try observer.facts().wal.walFrames < 405 { try database.add() }
    try waitUntil("the whole WAL is copied back") { try observer.facts().wal.isComplete }
    try database.add(durability: .durable)
    #expect(try observer.facts().wal.walFrames < 10, "it has restarted")
    let entries = zip(fixture.gate.operations, threads.withLock { $0 })
    let own = UInt(pthread_self())
    #expect(entries.contains { $0.0 == "checkpoint" })
    #expect(entries.allSatisfy { ($0.0 == "checkpoint") == ($0.1 != own) }, "who commits copies nothing")
    try database.close()
    try observer.close()
  }

  @Test("D-5: a close waits for the thread, and is then the last one out")
  func closing() throws {
    var fixture = try Fixture()
    fixture.options.copiesBackInBackground = true
    for rows in [150, 300, 450, 600, 750] {
      fixture.options.walCheckpointFrames = 200
      let database = rows == 150 ? try fixture.opened() : try fixture.open()
      for _ in 0..<rows { try database.add() }
      try database.close()
      #expect(descriptors(below: fixture.path).isEmpty)
      let next = try fixture.open()
      #expect(try next.facts().wal.walFrames <= 100)
      try next.close()
    }
  }

  @Test("D-3: where the sync of what was copied ahead fails, none of it counts as copied")
  func failedSync() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 100)
    let other = try fixture.open()
    // A commit amid the copy, so that SQLite leaves the sync of the database to us.
    let commit = try SyncFault(database) { (try? other.add()) == nil ? SQLITE_IOERR : SQLITE_OK }
    let fault = try SyncFault(database, of: .database) { SQLITE_IOERR | 4 << 8 }
    database.copyAhead()
    commit.remove()
    fault.remove()
    #expect(failure { try database.makeDurable(deadlineNanoseconds: soon) } == .syncFailedEarlier)
    let wal = try other.facts().wal
    #expect(wal.copiedFrames == 0 && wal.walFrames > 100)
    #expect(try other.count() == 101)
    try database.close()
    #expect(try other.checkpoint(deadlineNanoseconds: soon).isComplete)
  }

  @Test("L-20: what was copied ahead of a commit is not copied again inside the gate")
  func littleIsLeft() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 200)
    let other = try fixture.open()
    let commit = try SyncFault(database) {
      if (try? other.count()) == 200 { try? other.add() }
      return SQLITE_OK
    }
    let passed = passing("ahead.before-sync=note") { database.copyAhead() }
    #expect(passed == (Failpoints.areCompiledIn ? ["ahead.before-sync"] : []))
    commit.remove()
    let wal = try other.facts().wal
    #expect(wal.copiedFrames > 190 && !wal.isComplete, "\(wal)")
    #expect(try database.checkpoint(deadlineNanoseconds: soon).isComplete)
    #expect(try fixture.shell("PRAGMA integrity_check; SELECT count(*) FROM item;") == "ok\n201\n")
  }
}
