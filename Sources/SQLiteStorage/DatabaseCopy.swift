internal import CSQLite
internal import Glibc
internal import Platform

extension Database {
  /// Copies the database, as one snapshot, into a file that this makes; nobody waits for it.
  ///
  /// - Parameter path: absolute, without a symbolic link in it; nothing may be there. Where the copy fails
  ///   what was made of it is the caller's to remove.
  /// - Throws: `cannotOpen` where something is there, `outOfSpace`, `io`, `corrupt`, `closed`,
  ///   `usedAfterFork`.
  /// - Durability: on return the bytes of the copy survive a power loss, its directory entry need not.
  package func copy(to path: String) throws {
    let descriptor = uninterrupted { open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600) }
    guard descriptor >= 0 else {
      throw StorageError(.cannotOpen, path: path, message: "cannot be created", systemErrno: errno)
    }
    // Closing it drops the locks of SQLite's own descriptor, which is gone by then.
    defer { Glibc.close(descriptor) }
    // Whatever the umask.
    guard fchmod(descriptor, 0o600) == 0 else {
      throw StorageError(.io, path: path, message: "cannot be made private", systemErrno: errno)
    }
    try read { try $0.copyPages(to: path) }
    // FAILPOINT copy.written: the copy is complete and not synced.
    try StorageError.check(planted: failpointErrno("copy.written"), path: path)
    guard fsync(descriptor) == 0 else {
      throw StorageError(.io, path: path, message: "cannot be synced", systemErrno: errno)
    }
  }
}

extension Connection {
  /// All pages in one step, so that whatever others commit meanwhile is in the copy whole or not at all.
  fileprivate func copyPages(to path: String) throws(StorageError) {
    var opened: OpaquePointer?
    let flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW
      | SQLITE_OPEN_EXRESCODE
    let code = sqlite3_open_v2(path, &opened, flags, nil)
    defer { sqlite3_close_v2(opened) }
    guard code == SQLITE_OK, let copy = opened else {
      throw StorageError(extendedCode: code, connection: opened, path: path)
    }
    func check(_ code: Int32) throws(StorageError) {
      if code != SQLITE_OK { throw StorageError(extendedCode: code, connection: copy, path: path) }
    }
    // A copy that does not come to its end is thrown away whole, so it needs no journal.
    try check(sqlite3_exec(copy, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", nil, nil, nil))
    guard let backup = sqlite3_backup_init(copy, "main", handle, "main") else {
      throw StorageError(extendedCode: sqlite3_extended_errcode(copy), connection: copy, path: path)
    }
    let outcome = sqlite3_backup_step(backup, -1)
    let finish = sqlite3_backup_finish(backup)
    guard outcome == SQLITE_DONE else {
      try check(finish)
      throw StorageError(extendedCode: outcome, connection: copy, path: path)
    }
    try check(finish)
  }
}

// MARK: - Replacing

extension Database {
  /// Whether anybody, here or in another process, has the database at this path open.
  ///
  /// - Throws: `cannotOpen`, `io`.
  package static func isOpen(at path: String) throws(StorageError) -> Bool {
    guard let identity = try FileIdentity.present(at: path) else { return false }
    if OpenDatabases.isOpenHere(identity) { return true }
    let index = path + "-shm"
    let descriptor = uninterrupted { open(index, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
    guard descriptor >= 0 else {
      if errno == ENOENT { return false }
      throw StorageError(.cannotOpen, path: index, message: "cannot be opened", systemErrno: errno)
    }
    defer { Glibc.close(descriptor) }
    guard let isHeld = SharedMemoryLock.isHeldByOthers(descriptor) else {
      throw StorageError(.io, path: index, message: "its locks cannot be asked for", systemErrno: errno)
    }
    return isHeld
  }

  /// Puts a complete database in the place of another one, or where none is; the WAL of the other goes.
  ///
  /// The caller holds the gate. Whoever opens the database meanwhile waits, and is then told that it was
  /// replaced. A kill leaves the one or the other, and never the new one beside the WAL of the old.
  ///
  /// - Parameters:
  ///   - path: where the database belongs.
  ///   - new: a database in the same directory that nobody has open and that needs no WAL.
  /// - Throws: `busy` where somebody has the one at `path` open; `cannotOpen`, `io`.
  /// - Durability: on return the exchange survives a power loss.
  package static func replace(_ path: String, by new: String) throws(StorageError) {
    let index = path + "-shm"
    if let identity = try FileIdentity.present(at: path), OpenDatabases.isOpenHere(identity) {
      throw StorageError(.busy, path: path, message: "this process has it open")
    }
    let descriptor = uninterrupted { open(index, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600) }
    guard descriptor >= 0 else {
      throw StorageError(.cannotOpen, path: index, message: "cannot be opened", systemErrno: errno)
    }
    defer { Glibc.close(descriptor) }
    // Everybody who opens the database takes this byte for reading first, before it looks at the WAL.
    guard SharedMemoryLock.holdAlone(descriptor) else {
      throw StorageError(.busy, path: path, message: "another process has it open")
    }
    for companion in [path + "-wal", index] where unlink(companion) != 0 && errno != ENOENT {
      throw StorageError(.io, path: companion, message: "cannot be removed", systemErrno: errno)
    }
    // The WAL must be gone for certain before another database has its name.
    try syncDirectory(of: path)
    // FAILPOINT replace.cleared: the old database stands without a WAL.
    failpoint("replace.cleared")
    guard rename(new, path) == 0 else {
      throw StorageError(.io, path: new, message: "cannot be renamed", systemErrno: errno)
    }
    // FAILPOINT replace.renamed: the new database is in its place, its directory is not synced.
    failpoint("replace.renamed")
    try syncDirectory(of: path)
  }
}
