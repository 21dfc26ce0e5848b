import CPlatform
import Glibc

/// Which bytes of a lockfile are locked for what; none of them need be in the file.
enum LockBytes {
  /// What the holder has for himself.
  static let lock: (start: Int64, length: Int64) = (0, 1 << 62)
  /// What all processes share that wait for it in the kernel.
  static let queue: (start: Int64, length: Int64) = (1 << 62, 1)
}

extension LockEntry {
  /// As long as a lockfile is while somebody may wait for it: one byte more than the record, so that the look
  /// which every acquisition begins with tells it.
  static let markedSize = UInt64(HolderRecord.size) + 1

  /// Asks the kernel once; 0 or an errno, EAGAIN where another process has the lock.
  func tryKernelLock() -> Int32 {
    platform_lock_try(descriptor, LockBytes.lock.start, LockBytes.lock.length)
  }

  /// The process that has the lock, this one included: 0 where it cannot be seen from here, −1 where nobody
  /// has it; nil where the kernel does not say.
  var kernelLockOwner: Int32? { owner(of: LockBytes.lock) }

  /// Blocks until the kernel grants the lock; 0 or an errno.
  ///
  /// PROTOCOL L-18: while it blocks, who looks at the file sees that somebody may be waiting, and the kernel
  /// knows whether somebody is.
  func waitForKernelLock(announces: Bool) -> Int32 {
    guard announces, platform_lock_share(descriptor, LockBytes.queue.start, LockBytes.queue.length) == 0
    else {
      return platform_lock_wait(descriptor, LockBytes.lock.start, LockBytes.lock.length)
    }
    if size < LockEntry.markedSize { mark() }
    let code = platform_lock_wait(descriptor, LockBytes.lock.start, LockBytes.lock.length)
    _ = platform_lock_release(descriptor, LockBytes.queue.start, LockBytes.queue.length)
    return code
  }

  /// Whether the file says that somebody may be waiting.
  var isMarked: Bool { size == LockEntry.markedSize }

  /// Whether another process waits in the kernel, or has been stopped while it did.
  var isWaitedForElsewhere: Bool {
    guard let owner = owner(of: LockBytes.queue) else { return false }
    return owner != -1 && owner != getpid()
  }

  /// Takes the mark off.
  func unmark() { _ = ftruncate(descriptor, off_t(HolderRecord.size)) }

  /// Takes the mark off a file that nobody seems to wait for.
  func unmarkUnlessWaitedFor() {
    unmark()
    // Who has begun to wait since may have found the file still marked.
    if isWaitedForElsewhere { mark() }
  }

  /// A file that cannot be marked costs its waiters their turn and nobody the lock.
  private func mark() { _ = ftruncate(descriptor, off_t(LockEntry.markedSize)) }

  private var size: UInt64 {
    var status = platform_file_status()
    return platform_look_at_descriptor(descriptor, &status) == 0 ? status.size : 0
  }

  private func owner(of bytes: (start: Int64, length: Int64)) -> Int32? {
    var processID: Int32 = -1
    return platform_lock_owner(descriptor, bytes.start, bytes.length, &processID) == 0 ? processID : nil
  }
}
