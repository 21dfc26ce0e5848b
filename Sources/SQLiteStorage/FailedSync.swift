internal import CSQLite
internal import Platform
internal import Synchronization

/// DURABILITY D-3: after a failed sync Linux may count the pages as clean, so that the next sync, by whatever
/// process, succeeds over a hole.
///
/// So nobody acknowledges anything durable from then on, nor copies the WAL back, until somebody has made up
/// for it: all frames of the WAL are verified, written once more and synced, and none of them counts as
/// copied any more, since the database may have such a hole too. Then it does not matter what the kernel has
/// forgotten. To copy from a WAL with a hole in it would leave a broken database where the power goes
/// meanwhile.
extension Database {
  /// Whether a sync has failed that nobody has made up for: two loads.
  var hasUnmendedSync: Bool { hasFailedSync.load(ordering: .acquiring) || gate.hasFailedSync }

  /// Told before anybody is told of the failure.
  func noteFailedSync() {
    // FAILPOINT sync.failed: the kernel has said so, and nobody else knows.
    failpoint("sync.failed")
    if !gate.rememberFailedSync() { hasFailedSync.store(true, ordering: .releasing) }
  }

  /// Makes up for a sync that failed earlier, or throws.
  func checkSyncs(deadlineNanoseconds: UInt64) throws {
    try checkOwner()
    guard !hasFailedSync.load(ordering: .acquiring) else {
      throw StorageError(
        .syncFailedEarlier, path: path, message: "an earlier sync failed; open the database again")
    }
    guard gate.hasFailedSync else { return }
    do {
      try withConnection { try makeUp($0, deadlineNanoseconds: deadlineNanoseconds) }
    } catch let error as StorageError where error.code != .closed && error.code != .replaced {
      throw StorageError(
        .syncFailedEarlier, path: path,
        message: "an earlier sync failed, and what it should have written cannot be: \(error.message)",
        extendedCode: error.extendedCode, systemErrno: error.systemErrno)
    }
  }

  private func makeUp(_ connection: Connection, deadlineNanoseconds: UInt64) throws {
    try connection.prepareForWriting()
    try behindGate("make up for a failed sync", deadlineNanoseconds: deadlineNanoseconds) {
      // Somebody else may have been first.
      guard gate.hasFailedSync else { return }
      writebackErrors.forget()
      try connection.writeWALAgain(deadlineNanoseconds: deadlineNanoseconds)
      // FAILPOINT amends.made: nothing depends on what may be lost, and all are still told that it does.
      failpoint("amends.made")
      gate.forgetFailedSync()
    }
  }

  /// Makes what was committed durable although a sync failed meanwhile that may have been to write it: it is
  /// in the WAL, which is verified, written once more and synced, or in a database that was synced before
  /// the WAL was started anew.
  func makeUpForOthers(
    _ connection: Connection, deadlineNanoseconds: UInt64
  ) throws(StorageError) {
    let lead = "committed, but a concurrent sync failed"
    guard !hasFailedSync.load(ordering: .acquiring) else {
      throw StorageError(.durabilityUnknown, path: walPath, message: lead)
    }
    do { try makeUp(connection, deadlineNanoseconds: deadlineNanoseconds) } catch {
      let reason = error as? StorageError
      throw StorageError(
        .durabilityUnknown, path: walPath,
        message: lead + ", and could not be made up for: \(reason?.message ?? "\(error)")",
        extendedCode: reason?.extendedCode ?? 0, systemErrno: reason?.systemErrno ?? 0)
    }
  }
}

extension Connection {
  /// Verifies all frames of the WAL, writes them once more and syncs them; none counts as copied afterwards.
  ///
  /// Behind the gate; no reader is waited for.
  ///
  /// - Throws: `corrupt`, `busy` where a foreign program is in the way until the deadline, `io`.
  fileprivate func writeWALAgain(deadlineNanoseconds: UInt64) throws(StorageError) {
    try lockWriters(deadlineNanoseconds: deadlineNanoseconds)
    defer { unlock(.write) }
    var systemErrno: Int32 = 0
    // A descriptor is told of an error once, however long ago that was.
    _ = csqlite_wal_sync(handle, &systemErrno)
    try rewriteFrames(walFrames().walFrames)
    // FAILPOINT amends.rewritten: the WAL is written once more, and not synced.
    systemErrno = failpointErrno("amends.rewritten")
    let code = systemErrno == 0 ? csqlite_wal_sync(handle, &systemErrno) : ExtendedCode.failedSync
    guard code == SQLITE_OK else {
      throw StorageError(
        .io, path: path + "-wal", message: "the sync of the WAL failed again", extendedCode: code,
        systemErrno: systemErrno)
    }
    callbackState.pointee.deadlineNanoseconds = max(deadlineNanoseconds, 1)
    defer { callbackState.pointee.deadlineNanoseconds = 0 }
    var attempt: Int32 = 0
    while csqlite_wal_forget_copied(handle) != SQLITE_OK {
      guard callbackState.pointee.pauseForOthers(attempt: attempt) else { throw .foreignLock(path) }
      attempt = min(attempt + 1, 100)
    }
  }
}
