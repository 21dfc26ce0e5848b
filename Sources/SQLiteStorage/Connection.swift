internal import CSQLite
internal import Platform

/// One open SQLite connection with its prepared statements.
///
/// Lent to the closures of `Database`; it must not be kept beyond them, nor used on another thread meanwhile.
package final class Connection {
  let path: String
  let options: DatabaseOptions
  /// For tests that plant faults below SQLite.
  package let handle: OpaquePointer
  let callbackState: UnsafeMutablePointer<CallbackState>
  private let owner = ForkDetector()

  /// Writing statements are refused unless a write transaction is under way.
  var allowsWrites = false
  /// Frames in the WAL when the last write transaction began.
  private(set) var framesBeforeWriting = 0
  private var isPreparedForWriting = false
  private var versionIsKnown = false
  // Checked at run time, exclusive access to what every transaction asks for would be 4 % of what a durable
  // update takes outside SQLite. One thread has a connection at a time, and no accessor calls another.
  @exclusivity(unchecked) private var versionStatement: OpaquePointer?
  /// BEGIN, BEGIN IMMEDIATE, COMMIT and ROLLBACK, by `TransactionVerb`.
  @exclusivity(unchecked) private var verbs: [OpaquePointer?] = [nil, nil, nil, nil]
  /// A transaction could not be ended: the connection must not be lent again, its close ends it.
  private(set) var isStuck = false
  /// Asked for once: SQLite does not move the index of the WAL while the connection is open.
  @exclusivity(unchecked) var knownCommitWatch: CommitWatch?
  let notes: CommitNotes?
  /// By the address of a literal or of one of `composed`.
  @exclusivity(unchecked) private var literals = StatementTable()
  /// Kept, so that no other object gets the address of one.
  private var composed: [StatementText] = []
  private var texts: [(sql: String, statement: CachedStatement)] = []

  private static let keptTexts = 16

  /// Opens the file; the first statement is what reads it.
  ///
  /// - Throws: `cannotOpen`, `readOnly`, `outOfMemory`.
  init(path: String, options: DatabaseOptions, notes: CommitNotes? = nil) throws(StorageError) {
    precondition(path.utf8.first == UInt8(ascii: "/"), "an absolute path, which SQLite cannot take for a URI")
    self.path = path
    self.options = options
    self.notes = notes
    // NOMUTEX: the pool lends a connection to one thread at a time. The file is created by
    // `Database.create` alone.
    let flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW
      | SQLITE_OPEN_EXRESCODE
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(path, &opened, flags, nil)
    guard code == SQLITE_OK, let handle = opened else {
      let error = StorageError(extendedCode: code, connection: opened, path: path)
      sqlite3_close_v2(opened)
      throw error
    }
    self.handle = handle
    callbackState = .allocate(capacity: 1)
    callbackState.initialize(to: CallbackState(waitMilliseconds: options.recoveryWaitMilliseconds))
    callbackState.install(on: handle)
    ConnectionSettings.apply(to: handle, options: options)
  }

  /// Closes; no statement may be lent any more.
  func close() {
    for entry in literals.statements { sqlite3_finalize(entry.handle) }
    for (_, entry) in texts { sqlite3_finalize(entry.handle) }
    for statement in verbs + [versionStatement] { sqlite3_finalize(statement) }
    literals = StatementTable()
    texts = []
    let code = sqlite3_close(handle)
    precondition(
      code == SQLITE_OK, "a statement or its connection was kept beyond the closure it was lent to")
    callbackState.deallocate()
  }

  /// Rows changed, inserted or deleted by the last statement that did so.
  package var changes: Int { Int(sqlite3_changes64(handle)) }

  package var lastInsertedRowID: Int64 { sqlite3_last_insert_rowid(handle) }

  /// True between BEGIN and COMMIT or ROLLBACK.
  package var inTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  /// Runs statements that return nothing of interest, one after the other; for schemas and migrations.
  ///
  /// - Throws: whatever the first failing statement reports; those before it have taken effect.
  package func execute(_ sql: String) throws(StorageError) {
    precondition(allowsWrites, "only inside a write transaction")
    try executeUnchecked(sql)
  }

  /// Forgets the pages that it keeps: what is read next is read from the files.
  package func forgetPages() { sqlite3_db_release_memory(handle) }

  func executeUnchecked(_ sql: String) throws(StorageError) {
    try check(sqlite3_exec(handle, sql, nil, nil, nil))
  }

  func check(_ code: Int32) throws(StorageError) {
    if code != SQLITE_OK { throw error(code) }
  }

  func error(_ code: Int32) -> StorageError {
    StorageError(extendedCode: code, connection: handle, path: path)
  }
}

// MARK: - Statements

extension Connection {
  /// The statement of this literal, ready to bind: prepared at the first call, found by the literal's
  /// address after.
  ///
  /// - Throws: `schemaMismatch` and what reading the schema may meet.
  package func statement(_ sql: StaticString) throws(StorageError) -> Statement {
    let key = UInt(bitPattern: sql.utf8Start)
    if let entry = literals.statement(at: key), !entry.isLent { return lend(entry) }
    let text = UnsafeBufferPointer(start: sql.utf8Start, count: sql.utf8CodeUnitCount)
    return lend(try prepare(text, key: key))
  }

  /// The statement of this text, ready to bind; found by the text's address as a literal's is.
  ///
  /// - Throws: `schemaMismatch` and what reading the schema may meet.
  package func statement(_ text: StatementText) throws(StorageError) -> Statement {
    let key = UInt(bitPattern: ObjectIdentifier(text))
    if let entry = literals.statement(at: key), !entry.isLent { return lend(entry) }
    composed.append(text)
    let bytes = ContiguousArray(text.sql.utf8)
    let entry = try bytes.withUnsafeBufferPointer { text throws(StorageError) in
      try prepare(text, key: key)
    }
    return lend(entry)
  }

  private func prepare(
    _ text: UnsafeBufferPointer<UInt8>, key: UInt
  ) throws(StorageError) -> CachedStatement {
    let isCached = literals.statement(at: key) == nil
    let entry = try prepare(text, isCached: isCached)
    if isCached { literals.insert(entry, at: key) }
    return entry
  }

  /// The statement of this text, ready to bind.
  ///
  /// The last sixteen texts stay prepared.
  ///
  /// - Parameter sql: built from literals; values are bound, never spliced in.
  /// - Returns: the statement without values.
  /// - Throws: `schemaMismatch` and what reading the schema may meet.
  package func statement(dynamic sql: String) throws(StorageError) -> Statement {
    if let index = texts.lastIndex(where: { !$0.statement.isLent && $0.sql == sql }) {
      let found = texts.remove(at: index)
      texts.append(found)
      return lend(found.statement)
    }
    let bytes = ContiguousArray(sql.utf8)
    let entry = try bytes.withUnsafeBufferPointer { text throws(StorageError) in
      try prepare(text, isCached: true)
    }
    texts.append((sql, entry))
    if texts.count > Self.keptTexts, let oldest = texts.firstIndex(where: { !$0.statement.isLent }) {
      sqlite3_finalize(texts.remove(at: oldest).statement.handle)
    }
    return lend(entry)
  }

  private func lend(_ entry: CachedStatement) -> Statement {
    precondition(entry.isReadOnly || allowsWrites, "a statement that writes, outside a write transaction")
    return Statement(entry)
  }

  private func prepare(
    _ text: UnsafeBufferPointer<UInt8>, isCached: Bool
  ) throws(StorageError) -> CachedStatement {
    var prepared: OpaquePointer?
    let flags = isCached ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
    let code = text.withMemoryRebound(to: CChar.self) {
      sqlite3_prepare_v3(handle, $0.baseAddress, Int32($0.count), flags, &prepared, nil)
    }
    guard code == SQLITE_OK, let prepared else {
      precondition(code != SQLITE_OK, "an empty statement")
      let error = error(code)
      guard code == SQLITE_ERROR else { throw error }
      throw StorageError(.schemaMismatch, path: path, message: error.message, extendedCode: code)
    }
    return CachedStatement(prepared, connection: self, isCached: isCached)
  }
}

// MARK: - Facts of the file

extension Connection {
  /// Whether the path names another file than the one that is open.
  ///
  /// - Throws: `io` where that cannot be told.
  func hasMoved() throws(StorageError) -> Bool {
    var systemErrno: Int32 = 0
    let moved = csqlite_has_moved(handle, &systemErrno)
    guard systemErrno == 0 else {
      throw StorageError(.io, path: path, message: "cannot be examined", systemErrno: systemErrno)
    }
    return moved != 0
  }
}

// MARK: - Schema version

extension Connection {
  /// Called with the first row (or the end) of every lent statement: almost always two loads.
  ///
  /// SQLite compares the schema cookie at each step and prepares the statement again when it changed, and
  /// `Database.migrate` changes it with every new version. So the version is asked
  /// for when the counter of such preparations moved, within the same snapshot, before the caller sees a
  /// row.
  func checkVersion(afterFirstStepOf statement: OpaquePointer) throws(StorageError) {
    guard sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_REPREPARE, 1) != 0 || !versionIsKnown else {
      return
    }
    versionIsKnown = false
    let found = try schemaVersion()
    guard found <= options.schemaVersion else { throw tooNew(found) }
    versionIsKnown = true
  }

  /// `user_version` in the snapshot that is open, else in a new one.
  func schemaVersion() throws(StorageError) -> Int32 {
    if versionStatement == nil {
      let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
      try check(sqlite3_prepare_v3(handle, "PRAGMA user_version", -1, flags, &versionStatement, nil))
    }
    defer { sqlite3_reset(versionStatement) }
    let code = sqlite3_step(versionStatement)
    guard code == SQLITE_ROW else { throw error(code) }
    return sqlite3_column_int(versionStatement, 0)
  }

  /// The result of a statement that yields one integer, prepared for this once.
  func integer(_ sql: String) throws(StorageError) -> Int64 {
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    try check(sqlite3_prepare_v2(handle, sql, -1, &statement, nil))
    let code = sqlite3_step(statement)
    guard code == SQLITE_ROW else { throw error(code) }
    return sqlite3_column_int64(statement, 0)
  }
}

// MARK: - Transactions

extension Connection {
  /// One read transaction around the body; it begins with the first read.
  package func snapshot<R>(_ body: (Connection) throws -> R) throws -> R {
    try control(.begin)
    defer { endSnapshot() }
    let result = try body(self)
    guard owner.isSameProcess else { throw StorageError.usedAfterFork(path) }
    return result
  }

  /// Nothing was written, so nothing can fail that matters: where a statement has met damage COMMIT reports
  /// it once more, and what the body made of it stands.
  private func endSnapshot() {
    guard owner.isSameProcess else { return }
    if (try? control(.commit)) == nil { rollBack() }
  }

  /// One immediate transaction around the body; the caller holds the gate.
  func writeTransaction<R>(deadlineNanoseconds: UInt64, _ body: (Connection) throws -> R) throws -> R {
    callbackState.pointee.deadlineNanoseconds = max(deadlineNanoseconds, 1)
    callbackState.pointee.committedFrames = 0
    allowsWrites = true
    defer {
      allowsWrites = false
      callbackState.pointee.deadlineNanoseconds = 0
    }
    let keepsCheckpointsOut = try beginWriting()
    defer { if keepsCheckpointsOut, owner.isSameProcess { unlock(.checkpoint) } }
    return try finishing(body)
  }

  /// BEGIN IMMEDIATE, and where this transaction may restart the WAL the WAL checkpoint lock with it.
  ///
  /// PROTOCOL L-17: a WAL checkpoint holds that lock from before it looks at the WAL's header, so none, a
  /// foreign program's least of all, goes on by a header from before the restart. Whether there may be one is
  /// certain by now: the WAL has no other writer, and a transaction that began before all its frames were
  /// copied back does not restart it (`walTryBeginRead`, `walRestartLog` in `wal.c`).
  ///
  /// - Returns: whether the lock was taken; it is to be given back after COMMIT or ROLLBACK.
  private func beginWriting() throws(StorageError) -> Bool {
    var attempt: Int32 = 0
    while true {
      try control(.beginImmediate)
      do {
        let wal = try walFrames()
        framesBeforeWriting = wal.walFrames
        guard wal.walFrames > 0, wal.isComplete else { return false }
        if try lock(.checkpoint) { return true }
      } catch {
        rollBack()
        throw error
      }
      // Whoever copies it back may be waiting for the lock of this transaction.
      rollBack()
      guard callbackState.pointee.pauseForOthers(attempt: attempt) else {
        throw .foreignLock(path)
      }
      attempt = min(attempt + 1, 100)
    }
  }

  /// COMMIT when the body returns, ROLLBACK when it or COMMIT throws; neither in a child forked by the body.
  private func finishing<R>(_ body: (Connection) throws -> R) throws -> R {
    do {
      let result = try body(self)
      guard owner.isSameProcess else { throw StorageError.usedAfterFork(path) }
      try control(.commit)
      return result
    } catch {
      rollBack()
      throw error
    }
  }

  /// Once per connection, outside every transaction.
  func prepareForWriting() throws(StorageError) {
    guard !isPreparedForWriting else { return }
    try executeUnchecked(ConnectionSettings.beforeWriting)
    isPreparedForWriting = true
  }

  /// Ends the transaction if SQLite has not already done so, as it does after a full disk.
  private func rollBack() {
    guard owner.isSameProcess, inTransaction else { return }
    try? control(.rollback)
    isStuck = inTransaction
  }

  private func control(_ verb: TransactionVerb) throws(StorageError) {
    let statement = try prepared(verb)
    // What ends a transaction is prepared before it begins: a rollback for want of memory finds none for it.
    if verb == .begin || verb == .beginImmediate {
      _ = try prepared(.commit)
      _ = try prepared(.rollback)
    }
    let code = sqlite3_step(statement)
    // The error is read before the reset, which replaces what `sqlite3_errmsg` says.
    let failure = code == SQLITE_DONE ? nil : error(code)
    sqlite3_reset(statement)
    if let failure { throw failure }
  }

  private func prepared(_ verb: TransactionVerb) throws(StorageError) -> OpaquePointer? {
    if let known = verbs[verb.rawValue] { return known }
    var made: OpaquePointer?
    try check(sqlite3_prepare_v3(handle, verb.sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil))
    verbs[verb.rawValue] = made
    return made
  }
}

private enum TransactionVerb: Int {
  case begin, beginImmediate, commit, rollback

  var sql: String {
    switch self {
    case .begin: "BEGIN"
    case .beginImmediate: "BEGIN IMMEDIATE"
    case .commit: "COMMIT"
    case .rollback: "ROLLBACK"
    }
  }
}
