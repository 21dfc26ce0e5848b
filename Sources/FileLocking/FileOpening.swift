import CPlatform
import Glibc
package import Platform

/// Files of a store that somebody else opens.
package enum FileOpening {
  /// The identity of an existing file of the store: regular, ours, one link, nobody else's to write.
  ///
  /// Its mode is brought back to 0600. Only looked at, never opened: closing a descriptor of the database
  /// would drop SQLite's locks on it.
  ///
  /// - Parameter path: in a directory that only its owner can put files in.
  /// - Returns: nil when nothing is there.
  /// - Throws: `DirectoryError`.
  @discardableResult
  package static func check(_ path: String) throws(DirectoryError) -> FileIdentity? {
    var status = platform_file_status()
    switch platform_look_at_path(path, &status) {
    case 0: break
    case ENOENT: return nil
    case let code: throw DirectoryError(path: path, reason: .system(call: "statx", errno: code))
    }
    if let reason = FileStatus.reasonAgainst(status, ownerID: geteuid()) {
      throw DirectoryError(path: path, reason: .unsafeFile(reason))
    }
    if status.mode & 0o7777 != 0o600, chmod(path, 0o600) != 0 {
      throw DirectoryError(path: path, reason: .system(call: "chmod", errno: errno))
    }
    return FileIdentity(status)
  }
}
