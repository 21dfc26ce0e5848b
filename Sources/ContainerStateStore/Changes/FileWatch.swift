internal import CPlatform
internal import Glibc
internal import StateModel

/// Wakes one thread when a file is written to, or when another thread says so.
final class FileWatch: Sendable {
  /// What ended a wait.
  enum Wakeup {
    case written
    case interrupted
    case deadline
  }

  /// -1 where the kernel had no watch left.
  private let watch: Int32
  private let wake: Int32

  /// - Throws: `io` where no descriptor can be had.
  init(path: String) throws(StoreError) {
    wake = platform_watch_wake_descriptor()
    guard wake >= 0 else { throw .kernel("eventfd", path: path, errno: errno) }
    watch = platform_watch_file(path)
  }

  deinit {
    if watch >= 0 { close(watch) }
    close(wake)
  }

  /// Whether the kernel tells of writes.
  var isWatching: Bool { watch >= 0 }

  /// Forgets the writes so far: what they wrote is read after this.
  func drain() {
    if watch >= 0 { platform_watch_drain(watch) }
  }

  /// Ends the wait of the other thread, and all that follow, at once.
  func interrupt() { platform_watch_wake(wake) }

  /// Waits until a write, an interruption or a moment on the monotonic clock.
  func wait(deadlineNanoseconds: UInt64) -> Wakeup {
    let ended = platform_watch_wait(watch, wake, deadlineNanoseconds)
    if ended & Int32(PLATFORM_WATCH_WAKE) != 0 { return .interrupted }
    return ended == 0 ? .deadline : .written
  }
}
