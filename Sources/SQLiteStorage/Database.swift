internal import CSQLite
internal import Glibc
package import Platform
internal import Synchronization

/// An SQLite database in WAL mode that many processes write to, one at a time, behind a gate.
///
/// Any thread may call; each operation has a connection to itself. Reads never wait for a writer. After
/// a fork a child gets `usedAfterFork` from every call, and nothing is closed there.
package final class Database: Sendable {
  package let path: String
  package let options: DatabaseOptions
  /// The database file that is open.
  package let identity: FileIdentity
  /// The `-wal` that is open.
  package let walIdentity: FileIdentity
  /// The `-shm` that is open.
  package let sharedMemoryIdentity: FileIdentity

  let gate: any WriteGate
  /// nil where the gate has no memory that its processes share.
  let sharedSyncs: SharedSyncs?
  let writebackErrors = WritebackErrors()
  let pool: Mutex<ConnectionPool>
  /// DURABILITY D-3: a sync has failed, and the gate cannot remember it for all processes.
  let hasFailedSync = Atomic<Bool>(false)
  /// Commits through this handle.
  let commitCount = Atomic<Int>(0)
  let progress = CopyProgress()
  let copyThread = CopyThread()
  let walPath: String
  private let sharedMemoryPath: String
  private let names: DirectoryNames
  private let owner = ForkDetector()

  /// Opens an existing database.
  ///
  /// Writes nothing, and locks nothing exclusively unless the WAL has to be recovered.
  ///
  /// - Parameters:
  ///   - path: absolute, without a symbolic link anywhere in it.
  ///   - gate: must exclude every other user of this file, in this process and in others.
  ///   - options: what the database is expected to be.
  /// - Throws: `missing`, `incomplete`, `notADatabase`, `wrongApplicationID`, `schemaTooNew`, `schemaTooOld`,
  ///   `notWriteAheadLog`, `corrupt`, `unsafeFile`, `usedAfterFork`, `busy`, `cannotOpen`, `readOnly`.
  /// - Blocking: while another process recovers the WAL, at most `recoveryWaitMilliseconds`; where that one
  ///   was stopped between taking two of its locks, SQLite's own ten seconds.
  package init(path: String, gate: any WriteGate, options: DatabaseOptions) throws(StorageError) {
    let identity = try FileIdentity(safeFile: path)
    try OpenDatabases.enter(identity, path: path)
    var opened: Connection?
    do throws(StorageError) {
      let connection = try Connection(path: path, options: options, notes: gate.commitNotes)
      opened = connection
      try connection.verifyHeader()
      // FAILPOINT open.read: SQLite has the files open, their index is not guarded.
      failpoint("open.read")
      // Not what the path names now: SQLite shares the index of the first connection within a process.
      sharedMemoryIdentity = try OpenDatabases.guardSharedMemory(identity, path: path)
      guard try FileIdentity.present(at: path + "-shm") == sharedMemoryIdentity else {
        throw StorageError.replaced(path + "-shm")
      }
      let hasMoved = try connection.hasMoved()
      guard !hasMoved, try FileIdentity.present(at: path) == identity,
        let walIdentity = try FileIdentity.present(at: path + "-wal")
      else { throw StorageError.replaced(path) }
      self.walIdentity = walIdentity
      sharedSyncs = gate.sharedSyncs(of: walIdentity)
      pool = Mutex(ConnectionPool(first: connection))
    } catch {
      opened?.close()
      OpenDatabases.leave(identity)
      throw error
    }
    self.path = path
    self.options = options
    self.identity = identity
    self.gate = gate
    walPath = path + "-wal"
    sharedMemoryPath = path + "-shm"
    names = DirectoryNames(directory: gate.vouchesForDirectory ? path.parentDirectory : nil)
  }

  deinit {
    guard owner.isSameProcess else { return }
    // Its work keeps the database, so there is none.
    _ = copyThread.close(deadlineNanoseconds: 0)
    if let last = pool.withLock({ $0.close() }) { finishClosing(last.idle) }
  }

  /// Gives the body one consistent snapshot: no change by anybody shows up between its first read and
  /// its end.
  ///
  /// - Throws: `closed`, `usedAfterFork`, `schemaTooNew`, what its statements throw, and whatever the
  ///   body throws.
  /// - Blocking: never for a writer nor for the gate (D-7); only while another process recovers the WAL.
  package func read<R>(_ body: (Connection) throws -> R) throws -> R {
    try withConnection { try $0.snapshot(body) }
  }

  /// Gives the body a connection for one statement, which is its own snapshot.
  ///
  /// - Throws: as `read`.
  /// - Blocking: as `read`.
  package func readOne<R>(_ body: (Connection) throws -> R) throws -> R {
    try withConnection(body)
  }

  /// Runs the body in one immediate transaction behind the gate, and returns once that is as durable as
  /// asked for.
  ///
  /// The order is: gate, identity of the files, BEGIN IMMEDIATE, version of the schema, body, COMMIT,
  /// out of the gate, sync, WAL checkpoint if one is due. Whatever is thrown before COMMIT leaves
  /// nothing behind.
  ///
  /// - Parameters:
  ///   - operation: what the gate tells those who wait for it.
  ///   - durability: what the caller wants to rely on when this returns.
  ///   - deadlineNanoseconds: `CLOCK_MONOTONIC`, for the gate and for foreign programs that hold SQLite's
  ///     lock; `UInt64.max` waits for as long as it takes.
  ///   - body: gets the connection inside the transaction.
  /// - Returns: what the body returns.
  /// - Throws: what the gate and the body throw; `closed`, `usedAfterFork`, `replaced`, `busy`,
  ///   `schemaTooNew`, `schemaTooOld`, `outOfSpace`, `io`, `readOnly`, `constraint`; `syncFailedEarlier`
  ///   before anything is done, `durabilityUnknown` after COMMIT.
  /// - Durability: D-1, D-2, D-3, D-4.
  package func write<R>(
    _ operation: String, durability: CommitDurability, deadlineNanoseconds: UInt64,
    _ body: (Connection) throws -> R
  ) throws -> R {
    var result: R?
    _ = try write(
      operation, about: nil, durability: durability, deadlineNanoseconds: deadlineNanoseconds
    ) { result = try body($0) }
    guard let result else { preconditionFailure("committed, and the body has not run") }
    return result
  }

  /// Does the same, and notes what the commit is about: answers about anything else stay true.
  ///
  /// - Parameters:
  ///   - operation: as above.
  ///   - subject: what alone the body changes of all that answers are kept about; nil for anything.
  ///   - durability: as above.
  ///   - deadlineNanoseconds: as above.
  ///   - body: as above.
  /// - Returns: the moment of the commit: what the caller knows then of the subject is true as long as that
  ///   is. Nil where nothing was written, or others have committed just then.
  /// - Throws: as above.
  package func write(
    _ operation: String, about subject: CommitSubject?, durability: CommitDurability,
    deadlineNanoseconds: UInt64, _ body: (Connection) throws -> Void
  ) throws -> CommitMoment? {
    if durability == .durable { try checkSyncs(deadlineNanoseconds: deadlineNanoseconds) }
    let isWatching = writebackErrors.isWatching
    return try withConnection { connection in
      try connection.prepareForWriting()
      let moment: CommitMoment? = try behindGate(operation, deadlineNanoseconds: deadlineNanoseconds) {
        var beginning: CommitNotes.Beginning?
        try connection.writeTransaction(deadlineNanoseconds: deadlineNanoseconds) { connection in
          // FAILPOINT commit.begun: in the transaction, which has changed nothing.
          try StorageError.check(planted: failpointErrno("commit.begun"), path: path)
          try connection.requireCurrentVersion()
          if subject != nil { beginning = connection.commitWatch?.beginNoting() }
          try body(connection)
          // FAILPOINT commit.changed: all is changed, and COMMIT has not begun.
          try StorageError.check(planted: failpointErrno("commit.changed"), path: path)
        }
        // FAILPOINT commit.unnoted: others see the change, and it is noted nowhere what it is about.
        failpoint("commit.unnoted")
        guard let subject, let beginning else { return nil }
        let frames = connection.callbackState.pointee.committedFrames
        return connection.commitWatch?.note(subject, frames: frames, since: beginning)
      }
      // FAILPOINT commit.committed: others see the change, the gate is open again.
      failpoint("commit.committed")
      if durability == .durable {
        try sync(connection, isWatching: isWatching, deadlineNanoseconds: deadlineNanoseconds)
      }
      copyBackIfDue(connection, deadlineNanoseconds: deadlineNanoseconds)
      freeWALIfOverdue(connection, deadlineNanoseconds: deadlineNanoseconds)
      // FAILPOINT commit.before-return: nothing is left to do but to acknowledge.
      failpoint("commit.before-return")
      return moment
    }
  }

  /// Brings an older schema up to date, once, whichever process comes first; does nothing when it is current.
  ///
  /// - Parameters:
  ///   - deadlineNanoseconds: as for `write`.
  ///   - body: gets the version it starts from, and leaves the schema of `options.schemaVersion`.
  /// - Throws: as a durable `write`.
  /// - Durability: as a durable `write`.
  package func migrate(
    deadlineNanoseconds: UInt64, _ body: (Connection, Int32) throws -> Void
  ) throws {
    try checkSyncs(deadlineNanoseconds: deadlineNanoseconds)
    try withConnection { connection in
      try connection.prepareForWriting()
      try behindGate("migrate", deadlineNanoseconds: deadlineNanoseconds) {
        try connection.writeTransaction(deadlineNanoseconds: deadlineNanoseconds) { connection in
          let found = try connection.requireKnownVersion()
          guard found < options.schemaVersion else { return }
          try body(connection, found)
          // Who reads asks for the version where the schema's cookie has moved, and a migration of rows alone
          // leaves it.
          try connection.execute(
            "CREATE TABLE cookie (moves); DROP TABLE cookie; PRAGMA user_version=\(options.schemaVersion)")
          // FAILPOINT migration.changed: the new schema is there, and COMMIT has not begun.
          try StorageError.check(planted: failpointErrno("migration.changed"), path: path)
        }
      }
      // FAILPOINT migration.committed: others see the new schema, which is not synced.
      failpoint("migration.committed")
      try sync(connection, isWatching: false, deadlineNanoseconds: deadlineNanoseconds)
    }
  }

  /// Makes everything that was committed before, by anybody, survive a power loss: one sync of the WAL.
  ///
  /// - Throws: `replaced`, `syncFailedEarlier`, `durabilityUnknown`, `closed`, `usedAfterFork`; where a sync
  ///   failed earlier also what the gate throws, and `busy` where a snapshot is in the way.
  package func makeDurable(deadlineNanoseconds: UInt64) throws {
    try checkSyncs(deadlineNanoseconds: deadlineNanoseconds)
    try withConnection { connection in
      try checkIdentity()
      let isWatching = writebackErrors.isWatching
      try sync(connection, isWatching: isWatching, deadlineNanoseconds: deadlineNanoseconds)
    }
  }
}

// MARK: - Connections

extension Database {
  /// Throws unless this process opened the database.
  func checkOwner() throws(StorageError) {
    guard owner.isSameProcess else { throw .usedAfterFork(path) }
  }

  /// Lends an idle connection, or a new one, for the length of the body.
  func withConnection<R>(_ body: (Connection) throws -> R) throws -> R {
    try checkOwner()
    let connection =
      try pool.withLock { pool throws(StorageError) in try pool.checkOut(path: path) }
      .map(\.connection) ?? openAnother()
    defer { giveBack(connection) }
    return try body(connection)
  }

  private func openAnother() throws -> Connection {
    do {
      let connection = try Connection(path: path, options: options, notes: gate.commitNotes)
      do {
        try connection.verifyHeader()
        try checkIdentity()
        return connection
      } catch {
        connection.close()
        throw error
      }
    } catch {
      giveBack(nil)
      throw error
    }
  }

  private func giveBack(_ connection: Connection?) {
    guard owner.isSameProcess else { return }
    if let connection {
      let returned = PooledConnection(connection)
      if pool.withLock({ $0.keep(returned, idleConnections: options.idleConnections) }) { return }
      options.beforeConnectionCloses()
      connection.close()
    }
    leaveIfLast()
  }

  /// DURABILITY D-6: who leaves last has seen every other connection closed, and closed its own.
  func leaveIfLast() {
    guard pool.withLock({ $0.forget() }) else { return }
    writebackErrors.close()
    OpenDatabases.leave(identity)
  }

  /// Throws unless the paths still name the files that are open; every write, WAL checkpoint and
  /// `makeDurable` asks this or `checkIdentityBehindGate`.
  ///
  /// DURABILITY D-4: SQLite goes on writing to a database or WAL that was unlinked, and reports success. With
  /// another `-shm` two groups of processes would index one WAL, each without the other's frames.
  ///
  /// - Throws: `replaced`, with the path of the file that is another one; `io` where one cannot be looked at.
  package func checkIdentity() throws(StorageError) {
    guard try FileIdentity.present(at: path) == identity else { throw .replaced(path) }
    guard try FileIdentity.present(at: walPath) == walIdentity else { throw .replaced(walPath) }
    guard try FileIdentity.present(at: sharedMemoryPath) == sharedMemoryIdentity else {
      throw .replaced(sharedMemoryPath)
    }
  }

  /// The same for who has the gate: where that vouches for the directory, and no name in there has changed, a
  /// look at the directory is enough.
  private func checkIdentityBehindGate() throws(StorageError) {
    try names.check { () throws(StorageError) in
      // FAILPOINT names.looked: behind the gate, and the directory alone does not say where its files are.
      failpoint("names.looked")
      try checkIdentity()
    }
  }

  /// PROTOCOL L-13: the one way to a write transaction or a WAL checkpoint.
  func behindGate<R>(
    _ operation: String, deadlineNanoseconds: UInt64, _ body: () throws -> R
  ) throws -> R {
    try gate.enter(operation, deadlineNanoseconds: deadlineNanoseconds)
    defer { gate.leave() }
    // FAILPOINT gate.entered: nothing was asked of the database yet.
    failpoint("gate.entered")
    try checkIdentityBehindGate()
    claimSharedSyncs()
    return try noticingFailedSync(body)
  }

  /// The header of a restarted WAL, or the WAL before it is copied back: where SQLite could not sync it, the
  /// kernel has forgotten the pages it could not write, other commits' among them.
  func noticingFailedSync<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error as StorageError where error.isFailedSync {
      noteFailedSync()
      throw error
    }
  }
}

extension StorageError {
  static func replaced(_ path: String) -> StorageError {
    StorageError(.replaced, path: path, message: "the path no longer names the file that is open")
  }

  static func usedAfterFork(_ path: String) -> StorageError {
    StorageError(
      .usedAfterFork, path: path, message: "opened by the parent process; open it again after an exec")
  }
}
