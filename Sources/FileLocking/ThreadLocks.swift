import CPlatform
import Platform

/// The locks one thread holds or is being given, in ascending order.
///
/// PROTOCOL L-6: judged per thread, so that a lock another thread waits for is never a false alarm.
final class ThreadLocks: Sendable {
  private let fork = ForkDetector()
  private let held: Guarded<[LockName]>

  private init() {
    var empty: [LockName] = []
    empty.reserveCapacity(8)
    held = Guarded(empty)
  }

  /// The list of the calling thread; a forked child's first thread starts with an empty one.
  static var current: ThreadLocks {
    if let pointer = platform_thread_slot() {
      let found = Unmanaged<ThreadLocks>.fromOpaque(pointer).takeUnretainedValue()
      if found.fork.isSameProcess { return found }
    }
    let made = ThreadLocks()
    let retained = Unmanaged.passRetained(made)
    platform_set_thread_slot(retained.toOpaque()) { pointer in
      if let pointer { Unmanaged<ThreadLocks>.fromOpaque(pointer).release() }
    }
    return made
  }

  /// Notes the lock as this thread's before it is waited for.
  ///
  /// - Throws: `wouldDeadlock` when the thread holds one that comes at or after it.
  func push(_ name: LockName) throws(LockError) {
    let last = held.withLock { held -> LockName? in
      if let last = held.last, last >= name { return last }
      held.append(name)
      return nil
    }
    if let last { throw .wouldDeadlock(path: name.path, heldPath: last.path) }
  }

  /// Forgets a lock that was let go or not granted; may be called from another thread.
  func remove(_ name: LockName) {
    held.withLock { held in
      // Nearly always the last one.
      if held.last == name { return _ = held.popLast() }
      if let index = held.lastIndex(of: name) { held.remove(at: index) }
    }
  }
}
