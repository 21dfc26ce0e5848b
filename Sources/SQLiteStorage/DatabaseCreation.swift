internal import CSQLite
internal import Glibc
internal import Platform

extension Database {
  /// Makes the database, or finishes one whose creator was killed, or finds it finished.
  ///
  /// The caller holds the gate.
  ///
  /// Whoever is killed here leaves either no file, or one that `init` calls `incomplete` and the next
  /// call finishes: identity, version and schema appear in one transaction.
  ///
  /// - Parameters:
  ///   - path: absolute, without a symbolic link anywhere in it.
  ///   - options: what the database is going to be.
  ///   - deadlineNanoseconds: `CLOCK_MONOTONIC`, for foreign programs that hold SQLite's lock.
  ///   - schema: runs inside that transaction.
  /// - Throws: `wrongApplicationID`, `notADatabase` for a file that is not ours; `orphaned`, `unsafeFile`,
  ///   `outOfSpace`, `io`, `readOnly`, `cannotOpen`; and whatever `schema` throws.
  /// - Durability: on return the file, its WAL and their directory entries survive a power loss.
  package static func create(
    path: String, options: DatabaseOptions, deadlineNanoseconds: UInt64,
    schema: (Connection) throws -> Void
  ) throws {
    try makeEmptyFile(path)
    // FAILPOINT create.made: the file is there and empty.
    failpoint("create.made")
    let identity = try FileIdentity(safeFile: path)
    try OpenDatabases.enter(identity, path: path)
    defer { OpenDatabases.leave(identity) }
    let connection = try Connection(path: path, options: options)
    defer { connection.close() }
    guard try !connection.isFinished() else { return }
    try connection.fill(deadlineNanoseconds: deadlineNanoseconds, schema: schema)
    // FAILPOINT create.filled: the database is whole, its directory is not synced.
    failpoint("create.filled")
    try syncDirectory(of: path)
    // FAILPOINT create.synced: the new database is durable.
    failpoint("create.synced")
  }

  /// By mknod, not by open: there is no descriptor whose close would drop the locks of another thread
  /// that has opened the file meanwhile.
  ///
  /// SQLite itself would make it readable to others (0644 under the usual umask), and whoever can read
  /// it can lock it. It gives `-wal` and `-shm` the mode of this file, from which a umask may have taken the
  /// owner's bits.
  private static func makeEmptyFile(_ path: String) throws(StorageError) {
    if try FileIdentity.present(at: path) == nil {
      try refuseOrphanedWAL(path + "-wal")
      try removeIndex(path + "-shm")
    }
    if mknod(path, S_IFREG | 0o600, 0) == 0, chmod(path, 0o600) == 0 { return }
    guard errno != EEXIST else { return }
    let code: StorageError.Code =
      switch errno {
      case EROFS, EACCES, EPERM: .readOnly
      case ENOSPC, EDQUOT: .outOfSpace
      default: .cannotOpen
      }
    throw StorageError(code, path: path, message: "cannot be created", systemErrno: errno)
  }

  /// A WAL without its database holds commits that were acknowledged, and SQLite would delete it.
  private static func refuseOrphanedWAL(_ path: String) throws(StorageError) {
    guard try FileIdentity.present(at: path) == nil else {
      throw StorageError(.orphaned, path: path, message: "its database is gone")
    }
  }

  /// An index is made anew: who still has the old one open must not share it with a new database.
  private static func removeIndex(_ path: String) throws(StorageError) {
    guard unlink(path) != 0, errno != ENOENT else { return }
    throw StorageError(.cannotOpen, path: path, message: "cannot be made anew", systemErrno: errno)
  }
}

extension Connection {
  /// With `synchronous` at its default, FULL: COMMIT syncs the WAL, and the WAL checkpoint the database.
  fileprivate func fill(deadlineNanoseconds: UInt64, schema: (Connection) throws -> Void) throws {
    callbackState.pointee.deadlineNanoseconds = max(deadlineNanoseconds, 1)
    try executeUnchecked("PRAGMA page_size=4096")
    try retrying { () throws(StorageError) in try executeUnchecked("PRAGMA journal_mode=WAL") }
    // FAILPOINT create.journaled: a database in WAL mode that has nothing in it.
    failpoint("create.journaled")
    try writeTransaction(deadlineNanoseconds: deadlineNanoseconds) { connection in
      try connection.execute(
        "PRAGMA application_id=\(options.applicationID); PRAGMA user_version=\(options.schemaVersion)")
      try schema(connection)
      fillWAL()
      // FAILPOINT create.changed: the schema is there, and COMMIT has not begun.
      try StorageError.check(planted: failpointErrno("create.changed"), path: path)
    }
    // FAILPOINT create.committed: the schema is in the WAL alone.
    failpoint("create.committed")
    guard csqlite_wal_file(handle) != nil else {
      throw StorageError(.notWriteAheadLog, path: path, message: "the file system cannot share memory")
    }
    // So that the file says by itself what it is, and a WAL lost with its directory entry costs nothing.
    callbackState.pointee.deadlineNanoseconds = max(deadlineNanoseconds, 1)
    try retrying { () throws(StorageError) in try copyBack() }
  }

  /// Writes zeros to where the WAL of a busy database ends, so that a sync of it never has a longer file to
  /// record: that takes about twice as long.
  ///
  /// Nothing depends on it: on a disk without ample room, or with a quota in the way, the WAL grows as it is
  /// needed.
  private func fillWAL() {
    guard options.fillsNewWAL else { return }
    // A quarter beyond the limit, for what comes while it is copied back.
    let frames = Int64(max(0, options.walCheckpointFrames)) * 5 / 4
    let bytes = min(32 + frames * (24 + 4096), Self.longestFilledWAL)
    var status = statvfs()
    guard statvfs(path, &status) == 0,
      UInt64(status.f_bavail) * UInt64(status.f_frsize) >= UInt64(bytes) * 16
    else { return }
    // FAILPOINT create.filling: the schema is in no file yet, the WAL is empty.
    failpoint("create.filling")
    _ = csqlite_wal_fill(handle, bytes)
  }

  private static let longestFilledWAL: Int64 = 32 << 20

  /// Runs the body until no foreign program is in its way, at most until the deadline.
  ///
  /// For what SQLite asks no busy handler: a switch to WAL reads first and then wants to write, which could
  /// be a deadlock if anybody else did the same; a passive WAL checkpoint gives up where another one is under
  /// way.
  private func retrying(_ body: () throws(StorageError) -> Void) throws(StorageError) {
    var attempt: Int32 = 0
    while true {
      do throws(StorageError) { return try body() } catch {
        guard error.code == .busy, callbackState.pointee.pauseForOthers(attempt: attempt) else {
          throw error
        }
        attempt += 1
      }
    }
  }
}

func syncDirectory(of path: String) throws(StorageError) {
  let directory = path.parentDirectory
  let descriptor = uninterrupted { open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
  guard descriptor >= 0 else {
    throw StorageError(.cannotOpen, path: directory, message: "cannot be opened", systemErrno: errno)
  }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else {
    throw StorageError(.io, path: directory, message: "cannot be synced", systemErrno: errno)
  }
}
