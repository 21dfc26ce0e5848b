internal import CPlatform
internal import Glibc
internal import Synchronization

/// Roles of processes that fork and use Swift on several threads in the child.
let forkRoles: [String: Role] = [
  "fork-and-contend": { _ in
    // So that the thread that forks knows its number, which the child's first thread has a copy of.
    Contended().addOne()
    return waitForChild(
      forkChild { platform_run_on_new_thread({ _ in Contended().increment() }, nil) })
  }
]

/// A number that two threads fight over.
private final class Contended: Sendable {
  private let count = Mutex(0)
  private static let rounds = 200_000

  /// Tells ThreadSanitizer how a mutex orders accesses: the standard library is not instrumented.
  func addOne() {
    let address = UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque())
    count.withLock { count in
      platform_sanitizer_acquired(address)
      count += 1
      platform_sanitizer_releasing(address)
    }
  }

  private func repeatedly() { for _ in 0..<Self.rounds { addOne() } }

  /// 0 where both threads came to their end and nothing is missing.
  func increment() -> Int32 {
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Contended>.fromOpaque(context).takeUnretainedValue().repeatedly() }
        return nil
      }, Unmanaged.passUnretained(self).toOpaque())
    guard result == 0 else { return 2 }
    repeatedly()
    pthread_join(thread, nil)
    return count.withLock { $0 } == 2 * Self.rounds ? 0 : 3
  }
}
