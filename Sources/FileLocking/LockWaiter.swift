import Platform

/// A thread that queues at a lockfile's entry, and the one word that wakes it.
final class LockWaiter: Sendable {
  enum Signal: Equatable {
    /// The entry is the waiter's to make the kernel request for.
    case turn
    /// The kernel lock has been granted for the waiter.
    case granted
    /// The file is no longer the one its path names: look again.
    case restart
    /// The kernel request failed.
    case failed(errno: Int32)
  }

  let thread: ThreadLocks
  /// Order of arrival, kept over restarts.
  let ticket: UInt64
  /// CLOCK_MONOTONIC when it found the lock held.
  let beganNanoseconds: UInt64
  /// Who held it then; nil when he could not be named or was not asked for.
  let holder: LockHolder?
  private let word = ParkingWord()

  init(thread: ThreadLocks, ticket: UInt64, beganNanoseconds: UInt64, holder: LockHolder?) {
    self.thread = thread
    self.ticket = ticket
    self.beganNanoseconds = beganNanoseconds
    self.holder = holder
  }

  /// What the waiter was told, nil so far.
  var signal: Signal? { Self.decode(word.value) }

  /// Waits for a signal until the deadline; nil when it passed first.
  func park(deadlineNanoseconds: UInt64) -> Signal? {
    Self.decode(word.park(deadlineNanoseconds: deadlineNanoseconds))
  }

  func wake(_ signal: Signal) {
    word.wake(Self.encode(signal))
  }

  /// Makes the waiter ready to queue again; it must be in no queue.
  func reset() {
    word.reset()
  }

  private static func encode(_ signal: Signal) -> UInt32 {
    switch signal {
    case .turn: 1
    case .granted: 2
    case .restart: 3
    case .failed(let errno): 4 | UInt32(bitPattern: errno) << 8
    }
  }

  private static func decode(_ word: UInt32) -> Signal? {
    switch word & 0xff {
    case 0: nil
    case 1: .turn
    case 2: .granted
    case 3: .restart
    default: .failed(errno: Int32(word >> 8))
    }
  }
}
