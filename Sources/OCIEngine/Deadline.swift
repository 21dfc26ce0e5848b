import CPlatform
import ContainerStateStore
import Glibc

/// Points on CLOCK_MONOTONIC in nanoseconds; `UInt64.max` is never.
enum Deadline {
  static let never = UInt64.max

  static var now: UInt64 { platform_clock_nanoseconds(CLOCK_MONOTONIC) }

  static func after(_ duration: Duration) -> UInt64 {
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    guard seconds < Int64.max / 2_000_000_000 else { return never }
    return now + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000
  }

  static func isPast(_ deadlineNanoseconds: UInt64) -> Bool {
    deadlineNanoseconds != never && now >= deadlineNanoseconds
  }

  /// What is left, for poll(2): rounded up, so that no wait spins through its last millisecond; −1 for never.
  static func remainingMilliseconds(until deadlineNanoseconds: UInt64) -> Int32 {
    if deadlineNanoseconds == never { return -1 }
    let now = now
    guard deadlineNanoseconds > now else { return 0 }
    return Int32(clamping: (deadlineNanoseconds - now + 999_999) / 1_000_000)
  }
}

extension Timestamp {
  /// The present moment of the wall clock.
  static var present: Timestamp {
    Timestamp(nanosecondsSinceEpoch: Int64(clamping: platform_clock_nanoseconds(CLOCK_REALTIME)))
  }
}

/// Waits until the descriptor has one of `events`, was hung up, or the deadline has passed; false for the
/// last.
func poll(_ descriptor: Int32, for events: Int32 = POLLIN, deadlineNanoseconds: UInt64) -> Bool {
  var request = pollfd(fd: descriptor, events: Int16(events), revents: 0)
  while true {
    let count = poll(&request, 1, Deadline.remainingMilliseconds(until: deadlineNanoseconds))
    if count > 0 { return true }
    if count < 0, errno != EINTR { return false }
    if Deadline.isPast(deadlineNanoseconds) { return false }
  }
}

/// The text of an errno.
func errorText(_ code: Int32) -> String {
  String(cString: strerror(code))
}
