import Glibc

/// Which file something is, whatever its name.
package struct FileIdentity: Sendable, Hashable {
  /// `st_dev`.
  package let device: UInt64
  /// `st_ino`.
  package let inode: UInt64

  /// An identity from its two parts.
  package init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }

  /// The identity of what is at the path, itself when it is a symbolic link; nil when nothing is there.
  ///
  /// - Throws: `LockError.system` when the path cannot be looked at (EACCES, ELOOP …).
  package static func of(path: String) throws(LockError) -> FileIdentity? {
    try FileStatus.of(path: path).map { FileIdentity($0) }
  }

  /// Whether the path names this file now; false also when it cannot be looked at.
  package func isAt(path: String) -> Bool {
    FileStatus.look(at: path).map { FileIdentity($0) } == self
  }
}

enum FileStatus {
  /// `lstat`; nil when nothing is at the path.
  static func of(path: String) throws(LockError) -> stat? {
    if let status = look(at: path) { return status }
    if errno == ENOENT { return nil }
    throw .system(call: "lstat", path: path, errno: errno)
  }

  /// `lstat`; nil with errno set when it failed.
  static func look(at path: String) -> stat? {
    var status = stat()
    // A string passed as it is would be copied to the heap first.
    return path.withCString { lstat($0, &status) } == 0 ? status : nil
  }

  /// What makes a file with this status unfit to be a file of a store, nil when it is fit.
  ///
  /// PROTOCOL L-9: asked before anything is opened, and again of the descriptor. `ownerID` is the user whose
  /// file it has to be.
  static func reasonAgainst(_ status: stat, ownerID: UInt32) -> UnsafePathReason? {
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFLNK: return .symbolicLink
    case S_IFDIR: return .directory
    case S_IFIFO: return .fifo
    case S_IFSOCK: return .socket
    default: return .device
    }
    if status.st_uid != ownerID { return .foreignOwner(userID: status.st_uid) }
    if status.st_mode & 0o022 != 0 { return .writableByOthers(mode: status.st_mode & 0o7777) }
    if status.st_nlink > 1 { return .severalLinks(count: UInt64(status.st_nlink)) }
    return nil
  }
}
