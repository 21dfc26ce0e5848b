internal import CPlatform
internal import Glibc

/// Device and inode: which file a path names, whatever it is called.
package struct FileIdentity: Hashable, Sendable {
  package let device: UInt64
  package let inode: UInt64

  package init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }

  /// The file at the path, or nil when there is none (or it cannot be examined).
  ///
  /// Never opens the file: closing a descriptor of it would drop the locks that SQLite holds.
  init?(path: String) {
    var status = platform_file_status()
    guard path.withCString({ platform_look_at_path($0, &status) }) == 0 else { return nil }
    self.init(device: status.device, inode: status.inode)
  }

  /// The database file at the path, refused unless it is a regular file of ours with one link and nobody else's to write.
  ///
  /// - Throws: `missing`, `unsafeFile`, `cannotOpen`.
  init(safeFile path: String) throws(StorageError) {
    var status = platform_file_status()
    let failure = platform_look_at_path(path, &status)
    guard failure == 0 else {
      let code: StorageError.Code =
        failure == ENOENT ? .missing : failure == EACCES ? .readOnly : .cannotOpen
      throw StorageError(code, path: path, message: "cannot be examined", systemErrno: failure)
    }
    guard status.mode & S_IFMT == S_IFREG, status.links == 1, status.user_id == geteuid() else {
      throw StorageError(
        .unsafeFile, path: path, message: "must be a regular file of this user with one link")
    }
    guard status.mode & 0o022 == 0 else {
      throw StorageError(.unsafeFile, path: path, message: "others may write to it: chmod go-w")
    }
    self.init(device: status.device, inode: status.inode)
  }
}
