import CPlatform
import Glibc
import Platform
import Synchronization

/// The locks of this process: the one place that opens, locks, unlocks and closes lockfiles.
///
/// Process safety: record locks belong to the process, so there is one table per process however many
/// stores it opens. Source: fcntl(2), docs/locking-protocol.md.
package final class LockTable: Sendable {
  let fork = ForkDetector()
  let descriptors = LockDescriptors()
  package let threads = WaitThreads()
  let record = HolderRecordTemplate()
  private let arrivals = Atomic<UInt64>(0)
  private let lastGrantNanoseconds = Atomic<UInt64>(0)
  /// The address of the retained table of this process, or of its parent's after a fork; 0 at first.
  private static let current = Atomic<UInt>(0)

  private init() {}

  /// The table of the calling process; a forked child gets an empty one and closes nothing.
  package static var shared: LockTable {
    while true {
      let address = current.load(ordering: .acquiring)
      if let pointer = UnsafeRawPointer(bitPattern: address) {
        let table = Unmanaged<LockTable>.fromOpaque(pointer).takeUnretainedValue()
        if table.fork.isSameProcess { return table }
      }
      // A lock of the parent's could be held by a thread that does not exist here: leave its table alone.
      let fresh = Unmanaged.passRetained(LockTable())
      let (exchanged, _) = current.compareExchange(
        expected: address, desired: UInt(bitPattern: fresh.toOpaque()), ordering: .acquiringAndReleasing)
      if exchanged { return fresh.takeUnretainedValue() }
      fresh.release()
    }
  }

  /// The lock, held until the grant is released or goes out of scope.
  ///
  /// - Parameters:
  ///   - name: must come after every lock the calling thread holds.
  ///   - wait: how long another holder is waited for.
  ///   - operation: shown to those who wait meanwhile; 104 bytes are kept.
  /// - Returns: the grant; its end is the lock's.
  /// - Throws: `timeout` naming the holder, `wouldDeadlock`, `unsafePath`, `directoryMissing`,
  ///   `usedAfterFork`, `system`.
  /// - Blocking: up to `wait`.
  /// - Process safety: at most one holder over all processes and threads (L-1); the file locked is the
  ///   one the path names at the grant (L-2); death of the process frees it (L-12).
  package func acquire(
    _ name: LockName, wait: LockWait, operation: String
  ) throws(LockError) -> LockGrant {
    LockGrant(
      try hold(name, deadlineNanoseconds: wait.deadlineNanoseconds, operation: operation))
  }

  /// All the locks or none, taken in their order whatever order they are given in.
  ///
  /// - Parameters:
  ///   - names: a name given twice counts once.
  ///   - wait: one deadline for all of them together.
  ///   - operation: as for a single lock.
  /// - Returns: the grants; their end is the locks'.
  /// - Throws: as for a single lock; those granted before the failure are released.
  /// - Blocking: up to `wait`.
  package func acquire(
    _ names: [LockName], wait: LockWait, operation: String
  ) throws(LockError) -> LockGrants {
    let deadline = wait.deadlineNanoseconds
    var grants = LockGrants()
    // One is in order as it is, and most callers want one.
    for name in names.count > 1 ? Set(names).sorted() : names {
      grants.add(try hold(name, deadlineNanoseconds: deadline, operation: operation))
    }
    return grants
  }

  func hold(
    _ name: LockName, deadlineNanoseconds: UInt64, operation: String
  ) throws(LockError) -> HeldLock {
    guard fork.isSameProcess else { throw .usedAfterFork }
    let thread = ThreadLocks.current
    try thread.push(name)
    var request = LockRequest(
      name: name, thread: consume thread, deadlineNanoseconds: deadlineNanoseconds)
    let entry: LockEntry
    do throws(LockError) { entry = try confirmedEntry(of: name, for: &request) } catch {
      request.thread.remove(name)
      throw error
    }
    // FAILPOINT lock.confirmed: held, and the record still names the last holder.
    failpoint("lock.confirmed")
    let bootTimeNanoseconds = nextGrantNanoseconds()
    record.write(to: entry.descriptor, operation: operation, bootTimeNanoseconds: bootTimeNanoseconds)
    if !request.isMarked { entry.beginTurn(atNanoseconds: bootTimeNanoseconds) }
    // FAILPOINT lock.recorded: held, and waiters can read by whom.
    failpoint("lock.recorded")
    return HeldLock(
      table: self, entry: entry, request: consume request, bootTimeNanoseconds: bootTimeNanoseconds)
  }

  /// The entry that the request's thread owns now, with the kernel's lock on the file that the path names.
  private func confirmedEntry(
    of name: LockName, for request: inout LockRequest
  ) throws(LockError) -> LockEntry {
    while true {
      guard
        let entry = try descriptors.checkOut(path: name.path, creates: true, isMarked: &request.isMarked)
      else { continue }
      do throws(LockError) {
        guard try obtain(entry, for: &request) else {
          descriptors.checkIn(entry)
          continue
        }
      } catch {
        descriptors.checkIn(entry)
        throw error
      }
      // FAILPOINT lock.granted: held, and not known to be the file at its path.
      failpoint("lock.granted")
      if try confirm(entry, path: name.path) { return entry }
    }
  }

  /// Whether the granted file is the one at the path; if not, the lock is let go.
  ///
  /// PROTOCOL L-2: without this, unlink and recreate gives two holders.
  private func confirm(_ entry: LockEntry, path: String) throws(LockError) -> Bool {
    do throws(LockError) {
      let status = try FileStatus.of(path: path)
      guard let status, FileIdentity(status) == entry.identity else {
        release(entry, isAtPath: false)
        return false
      }
      guard let reason = FileStatus.reasonAgainst(status, ownerID: entry.ownerID) else { return true }
      throw .unsafePath(path: path, reason: reason)
    } catch {
      release(entry, isAtPath: true)
      throw error
    }
  }

  /// Lets the kernel lock go, and the entry with it.
  ///
  /// Where the file is not at its path any more (nothing is, or another file) who queues looks again, and the
  /// descriptor is not kept.
  func release(_ entry: LockEntry, isAtPath: Bool) {
    // FAILPOINT lock.releasing: all is done and the lock still held.
    failpoint("lock.releasing")
    // A kernel without memory may refuse to unlock (ENOLCK); the close that follows a discard unlocks always.
    let isKept = platform_lock_release(entry.descriptor, 0, 0) == 0 && isAtPath
    if isKept {
      entry.passOn()
    } else {
      entry.restartQueue()
    }
    descriptors.checkIn(entry, discards: !isKept)
  }

  /// PROTOCOL L-7: the clock at the grant, and in any case more than at the grant before in this process.
  func nextGrantNanoseconds() -> UInt64 {
    let now = Clock.bootTimeNanoseconds
    var before = lastGrantNanoseconds.load(ordering: .relaxed)
    while true {
      let next = max(now, before + 1)
      let (exchanged, found) = lastGrantNanoseconds.weakCompareExchange(
        expected: before, desired: next, ordering: .relaxed)
      if exchanged { return next }
      before = found
    }
  }

  func nextTicket() -> UInt64 {
    arrivals.wrappingAdd(1, ordering: .relaxed).newValue
  }
}
