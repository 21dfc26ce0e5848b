package import Platform

/// One line of `/proc/locks`: a lock that is held, or a request that waits for one.
package struct KernelLock: Sendable, Hashable {
  /// The three kinds the kernel keeps.
  package enum Kind: Sendable, Hashable { case posix, openFileDescription, other }

  package let kind: Kind
  package let device: UInt64
  package let inode: UInt64
  /// The process; 0 when it is not visible from this pid namespace, −1 for an open file description's.
  package let pid: Int32
  package let isWrite: Bool
  package let isWaiting: Bool
  /// First byte.
  package let start: UInt64
  /// Last byte; `UInt64.max` for the end of the file.
  package let end: UInt64

  /// The file it is on.
  package var file: FileIdentity { FileIdentity(device: device, inode: inode) }
}

/// Every lock and every waiting request the kernel shows.
///
/// Requests are listed behind the lock they wait for. It is no snapshot: the kernel gives 4 KB at a time, and
/// a lock taken or let go in between can hide another; one that is shown twice is given once.
/// Source: proc(5), `/proc/locks`.
/// - Throws: `LockError.system` when `/proc/locks` cannot be read.
package func kernelLocks() throws(LockError) -> [KernelLock] {
  try kernelLocks(path: "/proc/locks")
}

func kernelLocks(path: String) throws(LockError) -> [KernelLock] {
  do throws(SmallFile.Failure) {
    let lines = try SmallFile.read(path: path).split(separator: UInt8(ascii: "\n"))
    var shown: Set<KernelLock> = []
    // Owners that are not visible from here are not told apart.
    return lines.compactMap(KernelLock.init).filter { $0.pid <= 0 || shown.insert($0).inserted }
  } catch {
    switch error {
    case .errno(let code): throw .system(call: "read", path: path, errno: code)
    }
  }
}

extension KernelLock {
  /// `1: -> POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF`; nil for a line of another shape.
  init?(line: ArraySlice<UInt8>) {
    var fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    guard fields.count >= 8 else { return nil }
    isWaiting = fields[1] == "->"
    if isWaiting { fields.remove(at: 1) }
    let file = fields.count == 8 ? fields[5].split(separator: ":") : []
    guard file.count == 3, let pid = Int32(fields[4]), let start = UInt64(fields[6]),
      let major = UInt64(file[0], radix: 16), let minor = UInt64(file[1], radix: 16),
      let inode = UInt64(file[2])
    else { return nil }
    switch fields[1] {
    case "POSIX": kind = .posix
    case "OFDLCK": kind = .openFileDescription
    default: kind = .other
    }
    device = Self.deviceNumber(major: major, minor: minor)
    self.inode = inode
    self.pid = pid
    isWrite = fields[3] == "WRITE"
    self.start = start
    end = UInt64(fields[7]) ?? .max
  }

  /// The same packing as `st_dev` (makedev(3)).
  private static func deviceNumber(major: UInt64, minor: UInt64) -> UInt64 {
    (major & 0xfff) << 8 | (major & ~0xfff) << 32 | (minor & 0xff) | (minor & ~0xff) << 12
  }
}
