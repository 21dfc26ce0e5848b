/// Why a lock was not granted.
package enum LockError: Error, Sendable, Hashable {
  /// The lock was held until the deadline; `holder` is nil when it was let go or could not be named.
  case timeout(path: String, holder: LockHolder?, waited: Duration)
  /// This thread holds a lock that comes at or after the one it asked for.
  case wouldDeadlock(path: String, heldPath: String)
  /// What is at the path cannot be trusted as a lockfile.
  case unsafePath(path: String, reason: UnsafePathReason)
  /// The directory of the lockfile is gone.
  case directoryMissing(path: String)
  /// The gate's lockfile is no longer the file that was opened.
  case replaced(path: String)
  /// The table, gate or grant belongs to the parent of this process.
  case usedAfterFork
  /// A system call failed for a reason none of the others covers (EMFILE, ENOLCK, EACCES …).
  case system(call: String, path: String, errno: Int32)

  /// Whether the lock that was tried has a holder: another process, another thread, or the asking thread.
  package var isHeld: Bool {
    switch self {
    case .timeout: true
    case .wouldDeadlock(let path, let heldPath): path == heldPath
    default: false
    }
  }
}

/// What makes a path unfit for a lockfile or a store file.
package enum UnsafePathReason: Sendable, Hashable {
  case symbolicLink
  case directory
  case fifo
  case socket
  case device
  /// Owned by another user.
  case foreignOwner(userID: UInt32)
  /// Writable by group or others; the permission bits.
  case writableByOthers(mode: UInt32)
  /// Reachable under more than one name.
  case severalLinks(count: UInt64)
}
