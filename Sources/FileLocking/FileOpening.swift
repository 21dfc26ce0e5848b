import Glibc

/// Files of a store as they are created and checked, whoever opens them later.
package enum FileOpening {
  /// Creates a file that nobody else has created, and gives its descriptor to the caller to close.
  ///
  /// - Parameter path: in a directory checked by `StoreDirectory`.
  /// - Returns: a descriptor for reading and writing, mode 0600 whatever the umask; nil when something is
  ///   at the path already.
  /// - Throws: `DirectoryError`.
  package static func createExclusively(_ path: String) throws(DirectoryError) -> Int32? {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      if errno == EEXIST { return nil }
      throw DirectoryError(path: path, reason: .system(call: "open", errno: errno))
    }
    guard fchmod(descriptor, 0o600) == 0 else {
      let code = errno
      _ = close(descriptor)
      throw DirectoryError(path: path, reason: .system(call: "fchmod", errno: code))
    }
    return descriptor
  }

  /// Creates an empty file when nothing is at the path.
  ///
  /// Process safety: an existing file is not opened, so no lock of this process on it is dropped.
  /// - Parameter path: as for `createExclusively`.
  /// - Returns: whether it created the file.
  /// - Throws: `DirectoryError`.
  package static func createIfMissing(_ path: String) throws(DirectoryError) -> Bool {
    guard let descriptor = try createExclusively(path) else { return false }
    _ = close(descriptor)
    return true
  }

  /// The identity of an existing file of the store: regular, ours, one link, mode brought back to 0600.
  ///
  /// Only looked at, never opened: closing a descriptor of the database would drop SQLite's locks on it.
  /// - Parameter path: as for `createExclusively`; only the owner can put another file there meanwhile.
  /// - Returns: nil when nothing is there.
  /// - Throws: `DirectoryError`.
  package static func check(_ path: String) throws(DirectoryError) -> FileIdentity? {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw DirectoryError(path: path, reason: .system(call: "lstat", errno: errno))
    }
    switch FileStatus.reasonAgainst(status, ownerID: geteuid()) {
    case nil, .writableByOthers: break
    case let reason?: throw DirectoryError(path: path, reason: .unsafeFile(reason))
    }
    if status.st_mode & 0o7777 != 0o600, chmod(path, 0o600) != 0 {
      throw DirectoryError(path: path, reason: .system(call: "chmod", errno: errno))
    }
    return FileIdentity(status)
  }
}
