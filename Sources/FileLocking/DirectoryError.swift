/// Why a directory or a file cannot be used for a store.
package struct DirectoryError: Error, Sendable, Hashable {
  /// What was found wrong.
  package enum Reason: Sendable, Hashable {
    /// Nothing is there, and nothing was to be created.
    case missing
    /// Something else than a directory.
    case notDirectory
    /// Owned by another user.
    case foreignOwner(userID: UInt32)
    /// Group or others may write in it; the permission bits.
    case writableByOthers(mode: UInt32)
    /// A file that is not what a store makes.
    case unsafeFile(UnsafePathReason)
    /// The file system's name: its locks or its memory maps do not hold what the store needs.
    case unfitFileSystem(name: String)
    /// A system call failed.
    case system(call: String, errno: Int32)
  }

  /// What it is about.
  package let path: String
  package let reason: Reason
}
