internal import CSQLite
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
    var (device, inode): (UInt64, UInt64) = (0, 0)
    guard csqlite_file_identity(path, &device, &inode) == 0 else { return nil }
    self.init(device: device, inode: inode)
  }

  /// The database file at the path, refused unless it is a regular file of ours with one link.
  ///
  /// - Throws: `missing`, `unsafeFile`, `cannotOpen`.
  init(safeFile path: String) throws(StorageError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      let code: StorageError.Code = errno == ENOENT ? .missing : errno == EACCES ? .readOnly : .cannotOpen
      throw StorageError(code, path: path, message: "cannot be examined", systemErrno: errno)
    }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1, status.st_uid == geteuid() else {
      throw StorageError(
        .unsafeFile, path: path, message: "must be a regular file of this user with one link")
    }
    self.init(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }
}
