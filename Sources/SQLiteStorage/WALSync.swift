internal import CPlatform
internal import CSQLite
internal import Glibc
internal import Platform
internal import Synchronization

/// Makes durable what was committed: a sync of the WAL after COMMIT and outside the gate, one's own or one
/// that others wait for as well.
extension Database {
  /// DURABILITY D-1: returns when a sync of the WAL has succeeded that began after this call did.
  ///
  /// Our frames are covered whatever others do in between, because a WAL is restarted only when all its
  /// frames have been copied back (`nBackfill == mxFrame`), and the WAL checkpoint that copies the last
  /// of them has synced the WAL before it copied and the database after (`walCheckpoint` in `wal.c`: the
  /// sync of the database is skipped only while `mxSafeFrame` is behind the live `mxFrame`, and then no
  /// restart is possible). So at every moment our frames are in the WAL that is synced, or
  /// in a database that was synced. The WAL's inode never changes: it is kept at close, restarts and
  /// truncations reuse it, and `checkIdentity` is the witness. All this holds for a checkpointer with
  /// `synchronous` NORMAL or more; a foreign program that switches it OFF gives up durability for all of
  /// us.
  ///
  /// - Parameters:
  ///   - connection: one that has read the database.
  ///   - isWatching: whether `writebackErrors` has watched since before the commit.
  ///   - deadlineNanoseconds: for making up for a sync that failed meanwhile.
  /// - Throws: `durabilityUnknown`.
  func sync(
    _ connection: Connection, isWatching: Bool, deadlineNanoseconds: UInt64
  ) throws(StorageError) {
    // A sync may have failed while this commit was on its way.
    guard !hasUnmendedSync else {
      return try makeUpForOthers(connection, deadlineNanoseconds: deadlineNanoseconds)
    }
    if let failure = syncWithOthers(connection, isWatching: isWatching) {
      throw StorageError(
        .durabilityUnknown, path: walPath, message: "committed, but the sync of the WAL failed",
        extendedCode: failure.code, systemErrno: failure.systemErrno)
    }
    // One that failed while this one was under way may have taken what this one should have written.
    guard !hasUnmendedSync else {
      return try makeUpForOthers(connection, deadlineNanoseconds: deadlineNanoseconds)
    }
    // FAILPOINT commit.synced: durable, not acknowledged.
    failpoint("commit.synced")
  }

  /// Tells the shared syncs which WAL is open; inside the gate, after the identity of the files.
  func claimSharedSyncs() {
    if let sharedSyncs, !sharedSyncs.isCurrent { sharedSyncs.makeCurrent() }
  }

  private func syncWithOthers(_ connection: Connection, isWatching: Bool) -> FailedSync? {
    guard let syncs = sharedSyncs, syncs.isCurrent else { return syncWAL(connection) }
    let ticket = syncs.takeTicket()
    guard syncs.isWorthSharing(for: ticket) else { return syncAndPublish(connection, syncs) }
    guard isWatching else {
      writebackErrors.watch(walPath, walIdentity)
      return syncAndPublish(connection, syncs)
    }
    var silent: UInt32?
    while true {
      switch syncs.nextStep(for: ticket, after: silent) {
      case .nothing:
        // Of another WAL, where somebody has made the numbers be about that meanwhile.
        guard syncs.isCurrent else { return syncWAL(connection) }
        // What is found is made up for, as any sync of somebody else's that failed meanwhile.
        writebackErrors.look { noteFailedSync() }
        return nil
      case .wait(let turn):
        // FAILPOINT sync.awaited: about to sleep until another's sync ends.
        failpoint("sync.awaited")
        silent = syncs.wait(for: ticket, turn: turn) ? nil : turn
      case .sync(let turn) where hasUnmendedSync:
        // Whoever had the turn has failed: to sync over the hole would be to be told of it once more.
        syncs.end(turn: turn, count: 0)
        return nil
      case .sync(let turn):
        // FAILPOINT sync.led: others wait for this one's sync, which has not begun.
        failpoint("sync.led")
        let before = syncs.lastSynced
        let failure = syncAndPublish(connection, syncs)
        // FAILPOINT sync.published: others may know of it, and nobody is woken.
        failpoint("sync.published")
        syncs.end(turn: turn, count: syncs.lastSynced &- before)
        return failure
      }
    }
  }

  private func syncAndPublish(_ connection: Connection, _ syncs: SharedSyncs) -> FailedSync? {
    let covered = syncs.lastTicket
    // Of this WAL, as long as nobody had begun to take tickets for another.
    let isOurs = syncs.isCurrent
    let start = Clock.monotonicNanoseconds
    if let failure = syncWAL(connection) { return failure }
    syncs.note(duration: Clock.monotonicNanoseconds - start)
    // FAILPOINT sync.succeeded: durable, and nobody else knows.
    failpoint("sync.succeeded")
    if isOurs, !hasUnmendedSync { syncs.publish(upTo: covered) }
    return nil
  }

  /// Syncs the WAL through SQLite's own descriptor.
  ///
  /// The first sync through a descriptor syncs the directory as well (`UNIXFILE_DIRSYNC` in
  /// `os_unix.c`), so the entry of a WAL that was just made is covered too.
  private func syncWAL(_ connection: Connection) -> FailedSync? {
    // FAILPOINT commit.before-sync: written and visible, not durable.
    var systemErrno = failpointErrno("commit.before-sync")
    let code =
      systemErrno == 0 ? csqlite_wal_sync(connection.handle, &systemErrno) : ExtendedCode.failedSync
    guard code != SQLITE_OK else { return nil }
    noteFailedSync()
    return FailedSync(code: code, systemErrno: systemErrno)
  }
}

/// What a sync failed with; others know that it has.
struct FailedSync {
  let code: Int32
  let systemErrno: Int32
}

/// A descriptor of the WAL, to ask the kernel whether anything that was written to it is lost.
///
/// DURABILITY D-3: who has another sync for him is told of no error. Every open file is told of each error
/// once, so this one is asked, as a sync of one's own would have been.
/// SQLite holds no locks on a WAL, so closing a descriptor of it drops none.
struct WritebackErrors: ~Copyable, Sendable {
  private let descriptor = Mutex<Int32>(-1)

  /// Whether every error from now on will be found by `look`.
  var isWatching: Bool { descriptor.withLock { $0 >= 0 } }

  /// Begins to watch; where the WAL cannot be opened, nothing changes.
  func watch(_ path: String, _ identity: FileIdentity) {
    descriptor.withLock { descriptor in
      guard descriptor < 0 else { return }
      let opened = uninterrupted { open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
      var status = platform_file_status()
      guard opened >= 0 else { return }
      // Where a filter or another kernel denies the question, nobody can be asked.
      guard platform_look_at_descriptor(opened, &status) == 0, FileIdentity(status) == identity,
        [0, EIO, ENOSPC, EDQUOT].contains(platform_writeback_error(opened))
      else {
        Glibc.close(opened)
        return
      }
      descriptor = opened
    }
  }

  /// Calls `note` where the kernel could not write something since the last look, before another thread may
  /// look.
  func look(_ note: () -> Void) {
    descriptor.withLock { descriptor in
      guard descriptor >= 0 else { return }
      // FAILPOINT sync.looked: another's sync has succeeded, and whether it met all errors is asked.
      if failpointErrno("sync.looked") != 0 || platform_writeback_error(descriptor) != 0 { note() }
    }
  }

  /// Lets go of what was not looked for yet: it is about to be made up for.
  func forget() {
    descriptor.withLock { if $0 >= 0 { _ = platform_writeback_error($0) } }
  }

  func close() {
    descriptor.withLock { descriptor in
      guard descriptor >= 0 else { return }
      Glibc.close(descriptor)
      descriptor = -1
    }
  }
}
