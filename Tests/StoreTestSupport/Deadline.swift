public import Glibc

/// A point on the monotonic clock at which a wait of a test gives up.
public struct Deadline: Sendable {
  /// CLOCK_MONOTONIC nanoseconds, as the library's own `deadlineNanoseconds` parameters take them.
  public let nanoseconds: UInt64

  /// The deadline `duration` from now.
  public static func after(_ duration: Duration) -> Deadline {
    let (seconds, attoseconds) = duration.components
    let nanoseconds = UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    return Deadline(nanoseconds: now() + nanoseconds)
  }

  /// The present CLOCK_MONOTONIC time in nanoseconds.
  public static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// True from that point on.
  public var isPast: Bool { Deadline.now() >= nanoseconds }

  /// What is left, for poll(2): rounded up, so that a wait never spins through its last millisecond.
  public var remainingMilliseconds: Int32 {
    let now = Deadline.now()
    guard nanoseconds > now else { return 0 }
    return Int32(clamping: (nanoseconds - now + 999_999) / 1_000_000)
  }
}

/// The failure of a wait or of a step of test support; its text is what the test report shows.
public struct TestSupportError: Error, CustomStringConvertible {
  /// What was waited for or tried, and what came instead.
  public let description: String

  /// An error with this text.
  public init(_ description: String) { self.description = description }

  /// A failed system call, with its name, what it was for and the text of errno.
  public static func systemCall(_ name: String, _ subject: String, _ code: Int32 = errno) -> TestSupportError
  {
    TestSupportError("\(name)(\(subject)): \(String(cString: strerror(code)))")
  }
}

/// Number of repetitions for a test whose thoroughness scales: `count` times `CSTATE_TEST_SCALE`, by default
/// 1.
public func scaled(_ count: Int) -> Int {
  guard let text = getenv("CSTATE_TEST_SCALE"), let scale = Int(String(cString: text)), scale > 0 else {
    return count
  }
  return count * scale
}
