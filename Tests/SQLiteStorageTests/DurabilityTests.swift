internal import CSQLite
internal import Glibc
internal import SQLiteStorage
internal import StoreTestSupport
internal import Synchronization
internal import Testing

@Suite("Durability")
struct DurabilityTests {
  @Test("D-1: a durable write syncs the WAL after its COMMIT, outside the gate and before it returns")
  func syncOrder() throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    let observer = try fixture.open()
    try database.add()
    let syncs = Mutex<[(rows: Int64?, gateHeld: Bool)]>([])
    let fault = try SyncFault(database) {
      let seen = (rows: try? observer.count(), gateHeld: fixture.gate.isHeld)
      syncs.withLock { $0.append(seen) }
      return SQLITE_OK
    }
    try database.add()
    #expect(syncs.withLock { $0.count } == 0, "a committed write does not sync")
    try database.add(durability: .durable)
    try database.makeDurable(deadlineNanoseconds: soon)
    let seen = syncs.withLock { $0 }
    #expect(seen.map(\.rows) == [3, 3], "others see the row when it is synced")
    #expect(seen.map(\.gateHeld) == [false, false])
    fault.remove()
    try database.close()
    try observer.close()
  }

  @Test("D-1: threads do not queue for each other's syncs")
  func threads() throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    let isSyncing = Mutex(false)
    let isDone = Mutex(false)
    let fault = try SyncFault(database) {
      isSyncing.withLock { $0 = true }
      let end = Deadline.after(.seconds(10))
      while !isDone.withLock({ $0 }), !end.isPast { sched_yield() }
      return isDone.withLock { $0 } ? SQLITE_OK : SQLITE_IOERR
    }
    try inParallel(2) { number in
      if number == 0 { return try database.add(durability: .durable) }
      let end = Deadline.after(.seconds(10))
      while !isSyncing.withLock({ $0 }), !end.isPast { sched_yield() }
      try database.add(durability: .durable)
      isDone.withLock { $0 = true }
    }
    fault.remove()
    #expect(try database.count() == 2)
  }

  @Test("D-1: what was acknowledged as durable is there after the process was killed")
  func survivesKill() throws {
    let fixture = try Fixture()
    let child = try fixture.child()
    try child.order("open")
    try child.order("add 7")
    child.signal(SIGKILL)
    #expect(try child.waitForExit() == .signal(SIGKILL))
    #expect(try fixture.open().count() == 7)
  }

  @Test("D-3: a failed sync says so, and nothing durable is acknowledged until the database is opened again")
  func failedSync() throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    let fault = try SyncFault(database) { SQLITE_IOERR | 4 << 8 }
    #expect(failure { try database.add(durability: .durable) } == .durabilityUnknown)
    #expect(try database.count() == 1, "the change was committed")
    #expect(!fixture.gate.isHeld)
    fault.remove()
    #expect(failure { try database.add(durability: .durable) } == .syncFailedEarlier)
    #expect(failure { try database.makeDurable(deadlineNanoseconds: soon) } == .syncFailedEarlier)
    #expect(try database.count() == 1, "what is refused was not done")
    try database.add()
    #expect(try database.count() == 2)
    try database.close()
    let reopened = try fixture.open()
    try reopened.add(durability: .durable)
    #expect(try reopened.count() == 3)
  }

  @Test("D-3: a sync that fails inside a WAL checkpoint counts as well")
  func failedSyncInWALCheckpoint() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 2)
    let fault = try SyncFault(database) { SQLITE_IOERR | 4 << 8 }
    #expect(failure { try database.checkpoint(deadlineNanoseconds: soon) } == .io)
    fault.remove()
    #expect(failure { try database.makeDurable(deadlineNanoseconds: soon) } == .syncFailedEarlier)
    try database.close()
  }
}

/// Replaces the sync of a database, or of its WAL, by a function, below SQLite, where a disk would fail.
final class SyncFault: Sendable {
  typealias Sync = @Sendable () -> Int32

  private static let faults = Mutex<[UInt: Sync]>([:])
  private let file: UInt
  private let original: UInt

  enum File { case wal, database }

  /// Takes effect for the connection that the next operation of a single-threaded user gets.
  init(_ database: Database, of which: File = .wal, _ sync: @escaping Sync) throws {
    let file = try database.readOne { connection in
      var file: UnsafeMutablePointer<sqlite3_file>?
      sqlite3_file_control(connection.handle, "main", SQLITE_FCNTL_FILE_POINTER, &file)
      return try #require(which == .wal ? csqlite_wal_file(connection.handle) : file)
    }
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    methods.initialize(to: file.pointee.pMethods.pointee)
    methods.pointee.xSync = { file, _ in
      let sync = SyncFault.faults.withLock { $0[UInt(bitPattern: file)] }
      return sync?() ?? SQLITE_IOERR
    }
    self.file = UInt(bitPattern: file)
    original = UInt(bitPattern: file.pointee.pMethods)
    Self.faults.withLock { $0[UInt(bitPattern: file)] = sync }
    file.pointee.pMethods = UnsafePointer(methods)
  }

  /// Gives the file its own methods back.
  ///
  /// The replaced table is left to the end of the process.
  func remove() {
    UnsafeMutablePointer<sqlite3_file>(bitPattern: file)?.pointee.pMethods = UnsafePointer(
      bitPattern: original)
    Self.faults.withLock { $0[file] = nil }
  }
}
