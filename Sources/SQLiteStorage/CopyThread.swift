internal import CPlatform
internal import Platform
internal import Synchronization

/// A thread that copies the WAL back, so that no commit waits for it.
///
/// Made when it is first asked, and ended when it has had nothing to do for a while: it keeps all signals
/// blocked, holds nothing while it has no work, and nobody waits for its end but a close that finds it at
/// work. A forked child has no such thread, and is refused before it could ask.
final class CopyThread: Sendable {
  private struct State {
    var next: (@Sendable () -> Void)?
    var isStarted = false
    var isClosed = false
  }

  /// How long it waits for work.
  static let idleNanoseconds: UInt64 = 2_000_000_000

  private let state = Mutex(State())
  private let asked = ParkingWord()
  private let ended = ParkingWord()

  /// Runs the work after what is under way, in the place of what was asked for and has not begun.
  ///
  /// - Returns: false where there is no thread to be had, or no more work to be given.
  func ask(_ work: @escaping @Sendable () -> Void) -> Bool {
    let isTaken = state.withLock { state in
      guard !state.isClosed else { return false }
      state.next = work
      if !state.isStarted {
        ended.reset()
        state.isStarted = start()
      }
      if !state.isStarted { state.next = nil }
      return state.isStarted
    }
    if isTaken { asked.wake(1) }
    return isTaken
  }

  /// Whether the work under way should come to its end.
  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// Refuses all further work, drops what has not begun, and waits for what has.
  ///
  /// - Returns: whether that ended before the deadline, `CLOCK_MONOTONIC`.
  func close(deadlineNanoseconds: UInt64) -> Bool {
    let isStarted = state.withLock { state in
      state.isClosed = true
      state.next = nil
      return state.isStarted
    }
    guard isStarted else { return true }
    asked.wake(1)
    return ended.park(deadlineNanoseconds: deadlineNanoseconds) != 0
  }

  private func start() -> Bool {
    let retained = Unmanaged.passRetained(self)
    let code = platform_start_quiet_thread(
      { pointer in
        guard let pointer else { return nil }
        Unmanaged<CopyThread>.fromOpaque(pointer).takeRetainedValue().run()
        return nil
      }, retained.toOpaque())
    if code != 0 { retained.release() }
    return code == 0
  }

  private func run() {
    while true {
      asked.reset()
      if let work = state.withLock({ $0.next.take() }) {
        work()
        continue
      }
      let isIdle = asked.park(deadlineNanoseconds: Clock.monotonicNanoseconds + Self.idleNanoseconds) == 0
      let hasEnded = state.withLock { state in
        guard state.next == nil, isIdle || state.isClosed else { return false }
        state.isStarted = false
        ended.wake(1)
        return true
      }
      if hasEnded { return }
    }
  }
}
