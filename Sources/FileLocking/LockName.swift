import Glibc

/// Where a lockfile is, and its place in the one order of all locks.
///
/// PROTOCOL L-6: locks are taken in ascending order of rank, then key, then path.
package struct LockName: Sendable {
  /// Shared by all copies: names are copied often, and texts count their references one by one.
  private final class Parts: Sendable {
    let rank: UInt8
    let key: String
    let path: String

    init(rank: UInt8, key: String, path: String) {
      self.rank = rank
      self.key = key
      self.path = path
    }
  }

  private let parts: Parts

  /// First part of the order: kinds of locks.
  ///
  /// The write gate has 255, orphan reaping uses 254.
  package var rank: UInt8 { parts.rank }
  /// Second part of the order: which one of its kind.
  package var key: String { parts.key }
  /// The lockfile.
  package var path: String { parts.path }
  /// The last component of that.
  package var fileName: String { path.split(separator: "/").last.map(String.init) ?? "" }

  /// A name; nothing is opened or looked at.
  ///
  /// - Parameters:
  ///   - directory: canonical, as `StoreDirectory.path` gives it.
  ///   - fileName: one path component.
  ///   - suffix: the end of that component.
  ///   - rank: 0…253 for locks of the caller's kinds.
  ///   - key: compared as text among names of one rank.
  package init(
    directory: String, fileName: String, suffix: StaticString = "", rank: UInt8, key: String
  ) {
    var (directory, fileName) = (directory, fileName)
    let path = directory.withUTF8 { directory in
      fileName.withUTF8 { fileName in
        let slash = fileName.baseAddress.flatMap { memchr($0, Int32(UInt8(ascii: "/")), fileName.count) }
        precondition(slash == nil, "a lockfile is one path component")
        // In one piece: to append part by part takes ten times the instructions.
        let suffix = UnsafeBufferPointer(start: suffix.utf8Start, count: suffix.utf8CodeUnitCount)
        let end = directory.count + 1 + fileName.count
        return String(unsafeUninitializedCapacity: end + suffix.count) { bytes in
          _ = bytes[..<directory.count].initialize(fromContentsOf: directory)
          bytes[directory.count] = UInt8(ascii: "/")
          _ = bytes[(directory.count + 1)..<end].initialize(fromContentsOf: fileName)
          _ = bytes[end..<(end + suffix.count)].initialize(fromContentsOf: suffix)
          return end + suffix.count
        }
      }
    }
    parts = Parts(rank: rank, key: key, path: path)
  }
}

extension LockName: Hashable {
  package static func == (left: LockName, right: LockName) -> Bool {
    left.parts === right.parts
      || (left.rank == right.rank && left.key == right.key && left.path == right.path)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(path) }
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
    (left.rank, left.key, left.path) < (right.rank, right.key, right.path)
  }
}
