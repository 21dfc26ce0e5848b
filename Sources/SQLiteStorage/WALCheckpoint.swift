internal import CSQLite
internal import Platform
internal import Synchronization

/// What a WAL checkpoint found and did.
package struct CheckpointOutcome: Sendable, Equatable {
  /// Frames in the WAL.
  package let walFrames: Int
  /// How many of them are in the database by now.
  package let copiedFrames: Int

  /// True when the next write transaction may restart the WAL.
  package var isComplete: Bool { copiedFrames == walFrames }
}

extension Database {
  /// Copies the WAL back as far as no reader needs it, under the gate.
  ///
  /// - Throws: what the gate throws; `busy` when a foreign program writes or is copying it back; `replaced`,
  ///   `io`, `outOfSpace`, `closed`, `usedAfterFork`.
  /// - Blocking: for the gate and for a foreign writer until the deadline; never for a reader.
  package func checkpoint(deadlineNanoseconds: UInt64) throws -> CheckpointOutcome {
    try withConnection { connection in
      try behindGate("checkpoint", deadlineNanoseconds: deadlineNanoseconds) {
        try copyBack(connection, deadlineNanoseconds: deadlineNanoseconds)
      }
    }
  }

  /// The WAL checkpoint that a commit found due.
  ///
  /// The commit is acknowledged whatever becomes of this, so nothing is thrown: what failed is due again
  /// at a later commit, and `checkpoint` reports it.
  ///
  /// Who has committed often has it done by a thread, in small steps ahead of the time; who has not, or
  /// outruns that thread, does it himself.
  func copyBackIfDue(_ connection: Connection, deadlineNanoseconds: UInt64) {
    let frames = Int(connection.callbackState.pointee.walFrames)
    let commits = commitCount.wrappingAdd(1, ordering: .relaxed).newValue
    let limit = max(1, options.walCheckpointFrames)
    let sinceLast = progress.framesSinceLast(of: frames)
    if options.copiesBackInBackground, commits > Self.commitsBeforeThread, sinceLast < 2 * limit {
      let isDue = sinceLast >= limit || progress.framesSinceStep(of: frames) >= limit / 4
      guard isDue else { return }
      progress.noteStep(at: frames)
      if copyThread.ask({ [self] in copyBackBehindCommits() }) { return }
    }
    // A snapshot that is being read keeps the WAL from restarting, however often it is copied back:
    // another try is worth it when as many frames again have come.
    guard sinceLast >= limit else { return }
    copyAhead()
    _ = try? behindGate("checkpoint", deadlineNanoseconds: deadlineNanoseconds) { try copyBack(connection) }
  }

  /// What the thread does: one step ahead, and where the WAL has reached its limit the rest of it.
  private func copyBackBehindCommits() {
    copyAhead()
    guard let wal = try? withConnection({ try $0.walFrames() }),
      progress.framesSinceLast(of: wal.walFrames) >= max(1, options.walCheckpointFrames),
      !copyThread.isClosed
    else { return }
    let deadline = Clock.monotonicNanoseconds + Self.threadWaitNanoseconds
    _ = try? withConnection { connection in
      try behindGate("checkpoint", deadlineNanoseconds: deadline) { try copyBack(connection) }
    }
  }

  /// How many commits of a handle it takes before it is worth a thread: most commands make one or two.
  static let commitsBeforeThread = 64
  /// How long the thread waits for the gate.
  private static let threadWaitNanoseconds: UInt64 = 1_000_000_000

  /// Under the gate; a foreign writer is waited for until the deadline, with 0 not at all.
  func copyBack(
    _ connection: Connection, deadlineNanoseconds: UInt64 = 0
  ) throws(StorageError) -> CheckpointOutcome {
    guard !hasUnmendedSync else {
      throw StorageError(.syncFailedEarlier, path: path, message: "an earlier sync failed")
    }
    // FAILPOINT checkpoint.begun: behind the gate, before SQLite copies.
    try StorageError.check(planted: failpointErrno("checkpoint.begun"), path: path)
    let outcome = try connection.copyBack(deadlineNanoseconds: deadlineNanoseconds)
    // FAILPOINT checkpoint.copied: the WAL is in the database, the gate is still held.
    failpoint("checkpoint.copied")
    progress.noteWALCheckpoint(at: outcome.walFrames)
    return outcome
  }
}

extension Connection {
  /// A passive WAL checkpoint.
  ///
  /// PROTOCOL L-13: the caller holds the gate, because in SQLite 3.7.0–3.51.2 one that overlaps a commit
  /// which restarts the WAL can lose transactions (https://sqlite.org/wal.html#walresetbug).
  ///
  /// PROTOCOL L-17: a foreign program does not take the gate, so SQLite's write lock is held as well: nobody
  /// restarts the WAL meanwhile.
  @discardableResult
  func copyBack(deadlineNanoseconds: UInt64 = 0) throws(StorageError) -> CheckpointOutcome {
    try lockWriters(deadlineNanoseconds: deadlineNanoseconds)
    defer { unlock(.write) }
    return try copyPassively()
  }

  /// Nothing but what SQLite does; the caller keeps the WAL from being restarted meanwhile.
  func copyPassively() throws(StorageError) -> CheckpointOutcome {
    var frames: Int32 = 0
    var copied: Int32 = 0
    try check(sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &copied))
    return CheckpointOutcome(walFrames: Int(frames), copiedFrames: Int(copied))
  }

  /// Takes SQLite's write lock, over an index that nobody has to recover: a recovery takes the lock for
  /// itself and gives it back.
  func lockWriters(deadlineNanoseconds: UInt64) throws(StorageError) {
    callbackState.pointee.deadlineNanoseconds = max(deadlineNanoseconds, 1)
    defer { callbackState.pointee.deadlineNanoseconds = 0 }
    var attempt: Int32 = 0
    while true {
      if try lock(.write) {
        if csqlite_wal_header_is_whole(handle) != 0 { return }
        unlock(.write)
        // A writer died over the header: a read recovers it.
        _ = try integer("PRAGMA user_version")
      }
      guard callbackState.pointee.pauseForOthers(attempt: attempt) else {
        throw .foreignLock(path)
      }
      attempt = min(attempt + 1, 100)
    }
  }

  /// A lock on the WAL index that the connection holds beyond what SQLite itself does with it.
  enum WALLock { case write, checkpoint, readMark(Int) }

  /// Takes it at once; false where another connection has it.
  func lock(_ lock: WALLock) throws(StorageError) -> Bool {
    let code = csqlite_wal_lock(handle, lock.slot)
    if code & 0xff == SQLITE_BUSY { return false }
    guard code == SQLITE_OK else { throw error(code) }
    return true
  }

  func unlock(_ lock: WALLock) { csqlite_wal_unlock(handle, lock.slot) }

  /// Frames in the WAL and how many of them are in the database, read from shared memory without a lock.
  func walFrames() throws(StorageError) -> CheckpointOutcome {
    var frames: UInt32 = 0
    var copied: UInt32 = 0
    try check(csqlite_wal_frames(handle, &frames, &copied))
    return CheckpointOutcome(walFrames: Int(frames), copiedFrames: Int(copied))
  }
}

extension Connection.WALLock {
  fileprivate var slot: Int32 {
    switch self {
    case .write: Int32(csqlite_wal_write_lock.rawValue)
    case .checkpoint: Int32(csqlite_wal_checkpoint_lock.rawValue)
    case .readMark(let number): Int32(csqlite_wal_read_lock.rawValue) + Int32(number)
    }
  }
}

extension StorageError {
  /// A foreign program writes or copies the WAL back.
  static func foreignLock(_ path: String) -> StorageError {
    StorageError(
      .busy, path: path, message: "a foreign program has SQLite's lock", extendedCode: SQLITE_BUSY)
  }
}
