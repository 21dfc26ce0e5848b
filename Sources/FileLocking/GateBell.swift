import CPlatform
import Synchronization

/// The word in the gate's page by which whoever leaves the gate wakes one of those who sleep until he does.
///
/// Bit 0 says that somebody may be asleep; the bits above count the rings. It only saves time: the kernel's
/// lock decides who is inside. Whoever sleeps says so before each look at that lock, so a ring between his
/// look and his sleep changes the word, and he does not fall asleep. Whoever was woken sets bit 0 again by
/// that, so that he in his turn rings for the next. A ring that never came, since somebody was killed, is why
/// nobody sleeps for long where there is none.
/// Source: futex(2).
struct GateBell {
  // SAFETY: in the page of a `GatePage`, which outlives this value; touched by atomic operations and futexes.
  private let word: UnsafeMutablePointer<Atomic<UInt32>>

  init(_ address: UnsafeMutableRawPointer) { word = address.assumingMemoryBound(to: Atomic<UInt32>.self) }

  /// Says that the caller is about to sleep; he has to look at the lock once more before he does.
  ///
  /// - Returns: what `awaitRing` has to find unchanged.
  func announceSleep() -> UInt32 {
    word.pointee.bitwiseOr(Self.isAwaited, ordering: .sequentiallyConsistent).newValue
  }

  /// Sleeps until a ring, unless there was one since the announcement.
  ///
  /// - Returns: whether there was one, for whomever.
  /// - Blocking: until the ring, the deadline (CLOCK_MONOTONIC), or a signal; never longer.
  func awaitRing(since announced: UInt32, deadlineNanoseconds: UInt64) -> Bool {
    platform_sleep_shared(futex, announced, deadlineNanoseconds)
    return (word.pointee.load(ordering: .relaxed) ^ announced) & ~Self.isAwaited != 0
  }

  /// The gate is free: wakes one who sleeps; one load where nobody does.
  func ring() {
    var found = word.pointee.load(ordering: .sequentiallyConsistent)
    while found & Self.isAwaited != 0 {
      let (isMine, other) = word.pointee.compareExchange(
        expected: found, desired: (found &+ Self.oneRing) & ~Self.isAwaited, ordering: .sequentiallyConsistent
      )
      if isMine { return platform_wake_shared(futex, 1) }
      found = other
    }
  }

  private var futex: UnsafePointer<UInt32> { UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self) }

  private static let isAwaited: UInt32 = 1
  private static let oneRing: UInt32 = 2
}
