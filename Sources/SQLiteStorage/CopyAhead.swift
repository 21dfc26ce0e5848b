internal import CSQLite
internal import Platform
internal import Synchronization

/// How far this handle has had the WAL copied back, in frames of the WAL.
///
/// Guesses about shared state: a wrong one costs a WAL checkpoint too many or a late one.
struct CopyProgress: ~Copyable, Sendable {
  private let last = Atomic<Int>(0)
  private let step = Atomic<Int>(0)

  /// Frames that have come since the last WAL checkpoint; the WAL has `frames` now.
  func framesSinceLast(of frames: Int) -> Int { distance(from: last, to: frames) }

  /// Frames that have come since the last step ahead.
  func framesSinceStep(of frames: Int) -> Int { distance(from: step, to: frames) }

  func noteWALCheckpoint(at frames: Int) { last.store(frames, ordering: .relaxed) }

  func noteStep(at frames: Int) { step.store(frames, ordering: .relaxed) }

  private func distance(from mark: borrowing Atomic<Int>, to frames: Int) -> Int {
    let noted = mark.load(ordering: .relaxed)
    guard frames < noted else { return frames - noted }
    // The WAL has restarted since.
    mark.store(0, ordering: .relaxed)
    return frames
  }
}

/// Copying the WAL back while others write: outside the gate, so that what is left to do inside it is short.
extension Database {
  /// Rounds that follow each other while commits outrun the copy.
  private static let rounds = 4
  /// So few frames are quicker copied inside the gate than waited for twice.
  private static let framesForGate = 32

  /// Copies most of the WAL back outside the gate, and syncs the database; ends where it is not worth it.
  ///
  /// What it meets is met again by the WAL checkpoint that follows, or by the next.
  func copyAhead() {
    for _ in 0..<Self.rounds where !copyThread.isClosed {
      guard let left = try? copyAheadOnce(), left > Self.framesForGate else { return }
    }
  }

  /// - Returns: frames that came meanwhile; nil where nothing could be copied.
  private func copyAheadOnce() throws -> Int? {
    try withConnection { copier in
      let before = try copier.walFrames()
      guard !hasUnmendedSync, before.walFrames - before.copiedFrames > Self.framesForGate else { return nil }
      try checkIdentity()
      // FAILPOINT ahead.begun: outside the gate, before SQLite copies.
      try StorageError.check(planted: failpointErrno("ahead.begun"), path: path)
      let outcome = try noticingFailedSync {
        try withConnection { try copier.copyAhead(pinnedBy: $0) }
      }
      guard outcome.copiedFrames > before.copiedFrames else { return nil }
      // FAILPOINT ahead.copied: written to the database, which is not synced.
      failpoint("ahead.copied")
      // SQLite has synced it where it came to what was the end of the WAL even then.
      let left = try copier.walFrames().walFrames - outcome.copiedFrames
      if left != 0 { try syncDatabase(copier) }
      return try copier.walFrames().walFrames - outcome.copiedFrames
    }
  }

  /// What SQLite is told to be copied is taken for copied by everybody from here on, and the WAL is started
  /// anew over it as soon as the rest is: where the kernel says that it may be lost, nothing of it counts as
  /// copied any more.
  private func syncDatabase(_ copier: Connection) throws(StorageError) {
    // FAILPOINT ahead.before-sync: all but the sync of the database.
    var systemErrno = failpointErrno("ahead.before-sync")
    let code =
      systemErrno == 0 ? csqlite_database_sync(copier.handle, &systemErrno) : ExtendedCode.failedSync
    guard code != SQLITE_OK else { return }
    noteFailedSync()
    csqlite_wal_forget_copied(copier.handle)
    throw StorageError(
      .io, path: path, message: "the sync of the database failed", extendedCode: code,
      systemErrno: systemErrno)
  }
}

extension Connection {
  /// A passive WAL checkpoint outside the gate, while `reader`, another connection, has a snapshot open.
  ///
  /// PROTOCOL L-20: the snapshot holds a read lock from before SQLite looks at the WAL's header here until it
  /// has copied. With one of the read marks 1 to 4 nobody restarts the WAL, foreign programs least of all
  /// (`walRestartLog` in `wal.c` wants all four for itself). With read mark 0, which a snapshot has that
  /// began when all frames had been copied, nobody copies at all: SQLite wants it for itself before it does.
  /// So either way no header from before a restart is gone by, which is the WAL-reset race.
  ///
  /// Copied is what the snapshot sees, at most.
  func copyAhead(pinnedBy reader: Connection) throws -> CheckpointOutcome {
    try reader.snapshot { reader in
      _ = try reader.schemaVersion()
      return try copyPassively()
    }
  }
}
