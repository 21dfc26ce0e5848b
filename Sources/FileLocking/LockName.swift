/// Where a lockfile is, and its place in the one order of all locks.
///
/// PROTOCOL L-6: locks are taken in ascending order of rank, then key, then path.
package struct LockName: Sendable, Hashable {
  /// Canonical path of the directory the lockfile is in.
  package let directory: String
  /// Name of the lockfile in its directory.
  package let fileName: String
  /// First part of the order: kinds of locks.
  ///
  /// The write gate has 255, orphan reaping uses 254.
  package let rank: UInt8
  /// Second part of the order: which one of its kind.
  package let key: String
  /// `directory` and `fileName` joined.
  package let path: String

  /// A name; nothing is opened or looked at.
  ///
  /// - Parameters:
  ///   - directory: canonical, as `StoreDirectory.path` gives it.
  ///   - fileName: one path component.
  ///   - rank: 0…253 for locks of the caller's kinds.
  ///   - key: compared as text among names of one rank.
  package init(directory: String, fileName: String, rank: UInt8, key: String) {
    precondition(!fileName.utf8.contains(UInt8(ascii: "/")), "a lockfile is one path component")
    self.directory = directory
    self.fileName = fileName
    self.rank = rank
    self.key = key
    path = directory + "/" + fileName
  }
}

extension LockName {
  /// A lock that is only tried, by a thread that may hold any other but the gate.
  ///
  /// - Parameters:
  ///   - fileName: one path component.
  ///   - directory: canonical path.
  /// - Returns: the lock, ranked after every other but the gate.
  package static func reaping(_ fileName: String, in directory: String) -> LockName {
    LockName(directory: directory, fileName: fileName, rank: 254, key: fileName)
  }
}

extension LockName: Comparable {
  /// True when the left lock has to be taken before the right one.
  package static func < (left: LockName, right: LockName) -> Bool {
    left.order < right.order
  }

  var order: LockOrder { LockOrder(rank: rank, key: key, path: path) }
}

/// The part of a name that a thread remembers while it holds the lock.
struct LockOrder: Sendable, Comparable {
  let rank: UInt8
  let key: String
  let path: String

  static func < (left: LockOrder, right: LockOrder) -> Bool {
    if left.rank != right.rank { return left.rank < right.rank }
    if left.key != right.key { return left.key < right.key }
    return left.path < right.path
  }
}
