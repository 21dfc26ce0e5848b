import CPlatform
import Glibc
import Synchronization

/// The first page of the gate's lockfile, mapped, so that the holder record costs no system call.
///
/// Bytes 0..<256 are the holder record, 256..<264 the mark, 264..<268 the bell; those from 320 on are lent to
/// whoever uses the gate. The rest is zero and belongs to later flags.
final class GatePage: Sendable {
  static let size = 4096

  // SAFETY: mapped until deinit; the record is written by whoever is inside the gate, which orders the
  // writes, and the mark through atomic operations only.
  private nonisolated(unsafe) let address: UnsafeMutableRawPointer

  /// The page of an open lockfile; nil when it cannot be mapped, for want of space or of memory.
  init?(descriptor: Int32) {
    // Allocated, not only extended: writing to a hole on a full disk would be a SIGBUS.
    var status = platform_file_status()
    guard platform_look_at_descriptor(descriptor, &status) == 0 else { return nil }
    if status.size < UInt64(Self.size), posix_fallocate(descriptor, 0, Self.size) != 0 { return nil }
    let mapped = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let mapped, mapped != MAP_FAILED else { return nil }
    address = mapped
  }

  deinit {
    munmap(address, Self.size)
  }

  /// A number that all processes see at once; 0 where nobody has set one.
  var mark: UInt64 {
    get { markPointer.pointee.load(ordering: .acquiring) }
    set { markPointer.pointee.store(newValue, ordering: .releasing) }
  }

  /// What wakes those who sleep until the gate is left; to be used while this page lives.
  var bell: GateBell { GateBell(address + HolderRecord.size + MemoryLayout<UInt64>.size) }

  /// To the end of the page, from the beginning of a cache line: what the users of the gate share besides.
  var lent: UnsafeMutableRawPointer { address + Self.lentOffset }
  static let lentOffset = 320

  private var markPointer: UnsafeMutablePointer<Atomic<UInt64>> {
    (address + HolderRecord.size).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// The bytes of the holder record.
  var record: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: address, count: HolderRecord.size)
  }
}
