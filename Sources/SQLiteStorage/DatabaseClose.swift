internal import Platform
internal import Synchronization

extension Database {
  /// Closes.
  ///
  /// Operations under way finish; every later call is `closed`, a second close too.
  ///
  /// DURABILITY D-5: the last one out copies the WAL back and restarts it, so that the next open does
  /// not have to index it frame by frame. It does so only if that is worth it and waits for nobody.
  ///
  /// - Throws: `closed`, `usedAfterFork`.
  /// - Blocking: for what the thread that copies the WAL back has begun, at most 2 s.
  package func close() throws {
    try checkOwner()
    _ = copyThread.close(deadlineNanoseconds: Clock.monotonicNanoseconds + 2_000_000_000)
    guard let last = pool.withLock({ $0.close() }) else {
      throw StorageError(.closed, path: path, message: "the database was closed before")
    }
    if last.isLast, let connection = last.idle.first?.connection { shortenWALIfLast(connection) }
    finishClosing(last.idle)
  }

  func finishClosing(_ idle: [PooledConnection]) {
    options.beforeConnectionCloses()
    for pooled in idle { pooled.connection.close() }
    leaveIfLast()
  }

  /// Nothing depends on this but the time of the next open, so its failures are left to whoever opens next.
  private func shortenWALIfLast(_ connection: Connection) {
    guard let frames = try? connection.walFrames().walFrames, frames > options.walFramesLeftAtClose,
      OpenDatabases.isOpenElsewhere(identity) == false,
      (try? gate.tryEnter("close")) == true
    else { return }
    defer { gate.leave() }
    do {
      try checkIdentity()
      guard try copyBack(connection).isComplete else { return }
      // Writes page 1, unchanged, as the first frame of a restarted WAL. The file keeps its size:
      // overwriting is cheaper to sync than extending.
      try connection.prepareForWriting()
      try connection.writeTransaction(deadlineNanoseconds: 1) { connection in
        // FAILPOINT close.restarting: the first frame of a restarted WAL is not written.
        try StorageError.check(planted: failpointErrno("close.restarting"), path: path)
        try connection.execute("PRAGMA user_version=\(connection.requireKnownVersion())")
      }
      // FAILPOINT close.restarted: the WAL begins anew, the gate is still held.
      failpoint("close.restarted")
    } catch { return }
  }
}
