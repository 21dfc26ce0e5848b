import Glibc
import Platform

/// A lock this process holds: what both kinds of grants are made of.
struct HeldLock {
  /// Not counted: a table is never freed.
  private let table: Unmanaged<LockTable>
  let entry: LockEntry
  let request: LockRequest
  let bootTimeNanoseconds: UInt64
  let waitedNanoseconds: UInt64

  init(table: LockTable, entry: LockEntry, request: consuming LockRequest, bootTimeNanoseconds: UInt64) {
    self.table = .passUnretained(table)
    self.entry = entry
    self.bootTimeNanoseconds = bootTimeNanoseconds
    waitedNanoseconds = request.waitedNanoseconds
    self.request = request
  }

  var name: LockName { request.name }
  private var isOfThisProcess: Bool { table._withUnsafeGuaranteedRef { $0.fork.isSameProcess } }
  var waitedFor: LockHolder? { request.waiter?.holder }

  /// Asks the kernel whether this process has the lock, and the path whether it is still this file.
  var isStillHeld: Bool {
    isOfThisProcess && entry.isLockedByThisProcess && entry.identity.isAt(path: name.path)
  }

  /// PROTOCOL L-4: only here is a lockfile unlinked, and the caller holds it.
  func unlink() -> Bool {
    guard isOfThisProcess, entry.identity.isAt(path: name.path) else { return false }
    // FAILPOINT unlink.before: the lockfile is about to go.
    guard failpointErrno("unlink.before") == 0, Glibc.unlink(name.path) == 0 else { return false }
    // FAILPOINT unlink.done: the lockfile is gone, its lock is still held.
    failpoint("unlink.done")
    return true
  }

  func release(isAtPath: Bool) {
    // PROTOCOL L-8: what a forked child inherits is its parent's.
    guard isOfThisProcess else { return }
    table._withUnsafeGuaranteedRef { $0.release(entry, isAtPath: isAtPath) }
    request.thread.remove(name)
  }
}

/// One lock, held as long as the value lives.
///
/// PROTOCOL L-8: in a forked child it holds nothing, and its end does nothing.
package struct LockGrant: ~Copyable {
  private let lock: HeldLock
  private var isUnlinked = false

  init(_ lock: HeldLock) {
    self.lock = lock
  }

  deinit {
    lock.release(isAtPath: !isUnlinked)
  }

  /// The name it was asked for by.
  package var name: LockName { lock.name }

  /// CLOCK_BOOTTIME at the grant in nanoseconds, more than at every earlier grant of this lock on this
  /// boot (L-7).
  package var bootTimeNanoseconds: UInt64 { lock.bootTimeNanoseconds }

  /// Nanoseconds from the first time the lock was found held to the grant; 0 when it was free.
  package var waitedNanoseconds: UInt64 { lock.waitedNanoseconds }

  /// Who held the lock when the wait began; nil when there was none, or he could not be named.
  package var waitedFor: LockHolder? { lock.waitedFor }

  /// Whether the kernel still has the lock as this process's, on the file that the path names.
  ///
  /// It costs two system calls. The store relies on the row's generation and revision instead (L-11).
  package func isStillHeld() -> Bool { lock.isStillHeld }

  /// Lets the lock go now rather than at the end of the value's life.
  package consuming func release() {}

  /// Removes the lockfile and lets the lock go; those who wait for it start again with a new file.
  ///
  /// - Returns: false when the file could not be removed or had been replaced; the lock is let go in any
  ///   case, and `reapOrphans` takes what was left.
  @discardableResult
  package consuming func unlinkAndRelease() -> Bool {
    isUnlinked = lock.unlink()
    return isUnlinked
  }
}

/// Several locks that were asked for together, held as long as the value lives.
package struct LockGrants: ~Copyable {
  private var locks: [HeldLock] = []
  private var longestWaitNanoseconds: UInt64 = 0

  /// Nanoseconds waited for all of them together.
  package private(set) var waitedNanoseconds: UInt64 = 0
  /// Who held the one that was waited for longest; nil when none was waited for.
  package private(set) var waitedFor: LockHolder?

  init() {}

  deinit {
    // By their places: a reversed array would be a copy.
    for place in locks.indices.reversed() { locks[place].release(isAtPath: true) }
  }

  mutating func add(_ lock: HeldLock) {
    if lock.waitedNanoseconds > 0 { note(lock) }
    locks.append(lock)
  }

  private mutating func note(_ lock: HeldLock) {
    waitedNanoseconds += lock.waitedNanoseconds
    guard lock.waitedNanoseconds > longestWaitNanoseconds else { return }
    longestWaitNanoseconds = lock.waitedNanoseconds
    waitedFor = lock.waitedFor
  }

  /// The names held, in the order of locks.
  package var names: [LockName] { locks.map(\.name) }

  /// CLOCK_BOOTTIME in nanoseconds at the grant of one of them; nil when it is not among them.
  package func bootTimeNanoseconds(of name: LockName) -> UInt64? {
    locks.first { $0.name == name }?.bootTimeNanoseconds
  }

  /// The same of the one that is held, where it is the only one: without its name.
  package var onlyBootTimeNanoseconds: UInt64? { locks.count == 1 ? locks[0].bootTimeNanoseconds : nil }

  /// Removes the lockfile of one of them and lets that one go; false as for a single grant.
  @discardableResult
  package mutating func unlinkAndRelease(_ name: LockName) -> Bool {
    guard let index = locks.firstIndex(where: { $0.name == name }) else { return false }
    let lock = locks.remove(at: index)
    let isUnlinked = lock.unlink()
    lock.release(isAtPath: !isUnlinked)
    return isUnlinked
  }

  /// Lets all of them go now.
  package consuming func release() {}
}
