internal import CSQLite
internal import StoreTestSupport

/// A connection whose next WAL checkpoint runs something between its look at the WAL's header and the first
/// lock it takes by it: where the WAL-reset race lies.
///
/// `sqlite3WalCheckpoint` calls `xUnfetch` just there when the header is another one than the connection saw
/// last, so its database file gets a method table with another `xUnfetch`.
struct PausedCheckpoint {
  // SAFETY: set and called on the thread of the one test of a serialized suite.
  private nonisolated(unsafe) static var interruption: (() throws -> Void)?
  private nonisolated(unsafe) static var failure: (any Error)?

  private let file: UnsafeMutablePointer<sqlite3_file>
  private let original: UnsafePointer<sqlite3_io_methods>
  private let methods: UnsafeMutablePointer<sqlite3_io_methods>

  /// - Throws: where the connection has no file open.
  init(_ connection: OpaquePointer) throws {
    var file: UnsafeMutablePointer<sqlite3_file>?
    sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file)
    guard let file, let original = file.pointee.pMethods else { throw TestSupportError("no open file") }
    self.file = file
    self.original = original
    methods = .allocate(capacity: 1)
    methods.initialize(to: original.pointee)
    methods.pointee.xUnfetch = { _, _, _ in
      guard let body = PausedCheckpoint.interruption else { return SQLITE_OK }
      PausedCheckpoint.interruption = nil
      do { try body() } catch { PausedCheckpoint.failure = error }
      return SQLITE_OK
    }
    file.pointee.pMethods = UnsafePointer(methods)
  }

  /// Runs the WAL checkpoint, and `body` once inside it.
  ///
  /// - Returns: what the checkpoint returns.
  /// - Throws: what either throws, and where `body` was never run.
  func run<R>(_ checkpoint: () throws -> R, meanwhile body: @escaping () throws -> Void) throws -> R {
    PausedCheckpoint.interruption = body
    PausedCheckpoint.failure = nil
    defer { PausedCheckpoint.interruption = nil }
    let result = try checkpoint()
    if let failure = PausedCheckpoint.failure { throw failure }
    guard PausedCheckpoint.interruption == nil else {
      throw TestSupportError("the checkpoint did not look at the header")
    }
    return result
  }

  /// Gives the file its own methods back.
  func end() {
    file.pointee.pMethods = original
    methods.deallocate()
  }
}

/// A connection as a foreign program has it: with SQLite's defaults, but that it checkpoints when told to.
final class PlainConnection {
  let handle: OpaquePointer

  init(_ path: String) throws {
    var opened: OpaquePointer?
    guard sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK, let opened else {
      throw TestSupportError("cannot open \(path)")
    }
    handle = opened
    _ = try? execute("PRAGMA wal_autocheckpoint=0")
  }

  deinit { sqlite3_close_v2(handle) }

  func execute(_ sql: String) throws {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw TestSupportError("\(sql): \(code)") }
  }

  /// A passive WAL checkpoint.
  func checkpoint() throws {
    let code = sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, nil, nil)
    guard code == SQLITE_OK else { throw TestSupportError("checkpoint: \(code)") }
  }

  func integer(_ sql: String) throws -> Int64 {
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK,
      sqlite3_step(statement) == SQLITE_ROW
    else { throw TestSupportError("\(sql): \(String(cString: sqlite3_errmsg(handle)))") }
    return sqlite3_column_int64(statement, 0)
  }
}
