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
  /// - Throws: what the gate throws; `busy` when a foreign program is copying it back; `replaced`, `io`,
  ///   `outOfSpace`, `closed`, `usedAfterFork`.
  /// - Blocking: for the gate until the deadline; never for a reader.
  package func checkpoint(deadlineNanoseconds: UInt64) throws -> CheckpointOutcome {
    try withConnection { connection in
      try behindGate("checkpoint", deadlineNanoseconds: deadlineNanoseconds) { try copyBack(connection) }
    }
  }

  /// The WAL checkpoint that a commit found due.
  ///
  /// The commit is acknowledged whatever becomes of this, so nothing is thrown: what failed is due again
  /// at the next commit, and `checkpoint` reports it.
  func copyBackIfDue(_ connection: Connection, deadlineNanoseconds: UInt64) {
    let frames = Int(connection.callbackState.pointee.walFrames)
    var last = framesAtLastWALCheckpoint.load(ordering: .relaxed)
    if frames < last {
      // The WAL has restarted since.
      last = 0
      framesAtLastWALCheckpoint.store(0, ordering: .relaxed)
    }
    // A snapshot that is being read keeps the WAL from restarting, however often it is copied back:
    // another try is worth it when as many frames again have come.
    guard frames >= last + options.walCheckpointFrames else { return }
    _ = try? behindGate("checkpoint", deadlineNanoseconds: deadlineNanoseconds) { try copyBack(connection) }
  }

  /// Under the gate.
  func copyBack(_ connection: Connection) throws(StorageError) -> CheckpointOutcome {
    // FAILPOINT checkpoint.begun: behind the gate, before SQLite copies.
    try StorageError.check(planted: failpointErrno("checkpoint.begun"), path: path)
    let outcome = try connection.copyBack()
    // FAILPOINT checkpoint.copied: the WAL is in the database, the gate is still held.
    failpoint("checkpoint.copied")
    framesAtLastWALCheckpoint.store(outcome.walFrames, ordering: .relaxed)
    return outcome
  }
}

extension Connection {
  /// A passive WAL checkpoint.
  ///
  /// PROTOCOL L-13: the caller holds the gate, because in SQLite 3.7.0–3.51.2 one that overlaps a commit
  /// which restarts the WAL can lose transactions (https://sqlite.org/wal.html#walresetbug).
  @discardableResult
  func copyBack() throws(StorageError) -> CheckpointOutcome {
    var frames: Int32 = 0
    var copied: Int32 = 0
    try check(sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &copied))
    return CheckpointOutcome(walFrames: Int(frames), copiedFrames: Int(copied))
  }

  /// Frames in the WAL and how many of them are in the database, read from shared memory without a lock.
  func walFrames() throws(StorageError) -> CheckpointOutcome {
    var frames: UInt32 = 0
    var copied: UInt32 = 0
    try check(csqlite_wal_frames(handle, &frames, &copied))
    return CheckpointOutcome(walFrames: Int(frames), copiedFrames: Int(copied))
  }
}
