import CPlatform
import Platform

/// A bounded set of threads that block in the kernel for askers with a deadline.
///
/// Threads are made only under contention, keep all signals blocked, and are used again. When all are
/// busy the asker polls instead (`LockTable.waitInQueue`): a wait can then be overtaken by other
/// processes, but neither the number of threads nor of descriptors grows with the number of waits.
package final class WaitThreads: Sendable {
  /// How many threads a set has at most.
  package static let limit = 16

  private struct State {
    var idle: [WaitThread] = []
    var count = 0
  }

  private let state = Guarded(State())

  /// How many threads the set has made.
  package var count: Int { state.withLock { $0.count } }

  /// A set without threads.
  package init() {}

  /// Runs something that blocks on a thread of the set; false when all are busy and none can be added.
  ///
  /// The host's signals are not delivered to the thread.
  package func run(_ wait: @escaping @Sendable () -> Void) -> Bool {
    let idle = state.withLock { $0.idle.popLast() }
    if let idle {
      idle.resume(with: wait)
      return true
    }
    let mayAdd = state.withLock { state in
      guard state.count < Self.limit else { return false }
      state.count += 1
      return true
    }
    guard mayAdd else { return false }
    guard WaitThread(first: wait, set: self).start() else {
      state.withLock { $0.count -= 1 }
      return false
    }
    return true
  }

  fileprivate func addIdle(_ thread: WaitThread) {
    state.withLock { $0.idle.append(thread) }
  }
}

private final class WaitThread: Sendable {
  private let wait: Guarded<(@Sendable () -> Void)?>
  private let set: WaitThreads
  private let word = ParkingWord()

  init(first wait: @escaping @Sendable () -> Void, set: WaitThreads) {
    self.wait = Guarded(wait)
    self.set = set
  }

  func start() -> Bool {
    let retained = Unmanaged.passRetained(self)
    let code = platform_start_quiet_thread(
      { pointer in
        guard let pointer else { return nil }
        Unmanaged<WaitThread>.fromOpaque(pointer).takeRetainedValue().run()
        return nil
      }, retained.toOpaque())
    if code != 0 { retained.release() }
    return code == 0
  }

  func resume(with next: @escaping @Sendable () -> Void) {
    wait.withLock { $0 = next }
    word.wake(1)
  }

  private func run() {
    while true {
      let next = wait.withLock { wait in
        defer { wait = nil }
        return wait
      }
      next?()
      word.reset()
      set.addIdle(self)
      _ = word.park(deadlineNanoseconds: .max)
    }
  }
}
