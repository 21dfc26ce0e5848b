import CPlatform
import Glibc
package import Platform

extension FileIdentity {
  /// The identity of what is at the path, itself when it is a symbolic link; nil when nothing is there.
  ///
  /// - Throws: `LockError.system` when the path cannot be looked at (EACCES, ELOOP …).
  package static func of(path: String) throws(LockError) -> FileIdentity? {
    try FileStatus.of(path: path).map { FileIdentity($0) }
  }

  /// Whether the path names this file now; false also when it cannot be looked at.
  package func isAt(path: String) -> Bool { FileIdentity(path: path) == self }
}

enum FileStatus {
  /// What is at the path, itself when it is a symbolic link; nil when nothing is.
  @inline(__always) static func of(path: String) throws(LockError) -> platform_file_status? {
    var status = platform_file_status()
    switch look(at: path, into: &status) {
    case 0: return status
    case ENOENT: return nil
    case let code: throw .system(call: "statx", path: path, errno: code)
    }
  }

  /// What is at the path; nil when it cannot be looked at.
  static func look(at path: String) -> platform_file_status? {
    var status = platform_file_status()
    return look(at: path, into: &status) == 0 ? status : nil
  }

  /// What an open file is.
  static func of(descriptor: Int32, path: String) throws(LockError) -> platform_file_status {
    var status = platform_file_status()
    let code = platform_look_at_descriptor(descriptor, &status)
    guard code == 0 else { throw .system(call: "statx", path: path, errno: code) }
    return status
  }

  @inline(__always) private static func look(
    at path: String, into status: inout platform_file_status
  ) -> Int32 {
    // A string passed as it is would be copied to the heap first.
    path.withCString { platform_look_at_path($0, &status) }
  }

  /// What makes a file with this status unfit to be a file of a store, nil when it is fit.
  ///
  /// PROTOCOL L-9: asked before anything is opened, and again of the descriptor. `ownerID` is the user whose
  /// file it has to be.
  @inline(__always) static func reasonAgainst(
    _ status: platform_file_status, ownerID: UInt32
  ) -> UnsafePathReason? {
    // A regular file, writable by its owner alone: S_IFMT and the rest of them are function calls.
    let isOrdinary = status.mode & 0o170_022 == 0o100_000 && status.links <= 1 && status.user_id == ownerID
    return isOrdinary ? nil : reasonAgainstOther(status, ownerID: ownerID)
  }

  private static func reasonAgainstOther(
    _ status: platform_file_status, ownerID: UInt32
  ) -> UnsafePathReason? {
    switch status.mode & S_IFMT {
    case S_IFREG: break
    case S_IFLNK: return .symbolicLink
    case S_IFDIR: return .directory
    case S_IFIFO: return .fifo
    case S_IFSOCK: return .socket
    default: return .device
    }
    if status.user_id != ownerID { return .foreignOwner(userID: status.user_id) }
    if status.mode & 0o022 != 0 { return .writableByOthers(mode: status.mode & 0o7777) }
    if status.links > 1 { return .severalLinks(count: status.links) }
    return nil
  }
}
