import Platform

/// How long a caller is ready to wait for a lock.
///
/// There is no default: how long to block is a decision the call site shows.
public enum LockWait: Sendable, Hashable {
  /// Not at all: a held lock is an error at once, a free one is had even where others wait for it.
  case none
  /// At most this long; zero and negative durations do not wait.
  case upTo(Duration)
  /// Until the holder lets go or dies.
  case indefinitely
}

extension LockWait {
  /// The CLOCK_MONOTONIC nanoseconds at which a wait that begins now ends: 0 for `.none`, `UInt64.max` for
  /// no end.
  package var deadlineNanoseconds: UInt64 {
    switch self {
    case .none: return 0
    case .indefinitely: return .max
    case .upTo(let duration):
      let (seconds, attoseconds) = duration.components
      guard seconds > 0 || (seconds == 0 && attoseconds > 0) else { return 0 }
      guard seconds < Int64.max / 2_000_000_000 else { return .max }
      let nanoseconds = UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000
      return Clock.monotonicNanoseconds + nanoseconds
    }
  }
}
