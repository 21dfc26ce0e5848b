package import CPlatform
internal import Glibc

/// The result of a system call, which is made again as long as a signal interrupts it.
package func uninterrupted(_ call: () -> Int32) -> Int32 {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}

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

  /// Whether both are the same file.
  @inlinable package static func == (left: FileIdentity, right: FileIdentity) -> Bool {
    left.inode == right.inode && left.device == right.device
  }

  /// The inode alone: few files of different devices share one.
  package func hash(into hasher: inout Hasher) { hasher.combine(inode) }

  /// The identity of the file that was looked at.
  package init(_ status: platform_file_status) {
    self.init(device: status.device, inode: status.inode)
  }

  /// The identity of what is at the path, itself when it is a symbolic link; nil when nothing is there or it
  /// cannot be looked at.
  ///
  /// Never opens the file: closing a descriptor of it would drop the locks that this process has on it.
  package init?(path: String) {
    var status = platform_file_status()
    // A string passed as it is would be copied to the heap first.
    guard path.withCString({ platform_look_at_path($0, &status) }) == 0 else { return nil }
    self.init(status)
  }
}
