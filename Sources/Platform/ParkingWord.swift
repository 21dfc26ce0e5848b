internal import CPlatform

/// A word of memory one thread sleeps on until another writes a value that is not 0 into it.
///
/// Source: futex(2); deadlines are absolute, so a signal does not lengthen a wait.
package struct ParkingWord: ~Copyable, Sendable {
  // SAFETY: touched through atomic operations only; freed with its owner, which whoever wakes it retains.
  private nonisolated(unsafe) let word: UnsafeMutablePointer<UInt32>

  package init() {
    word = .allocate(capacity: 1)
    word.initialize(to: 0)
  }

  deinit {
    word.deallocate()
  }

  /// The value so far, 0 when none was written since the last `reset`.
  package var value: UInt32 { platform_load_word(word) }

  /// Waits for a value until the deadline (CLOCK_MONOTONIC); 0 when it passed first.
  package func park(deadlineNanoseconds: UInt64) -> UInt32 {
    platform_park(word, deadlineNanoseconds)
  }

  package func wake(_ value: UInt32) {
    platform_unpark(word, value)
  }

  package func reset() {
    platform_reset_word(word)
  }
}
