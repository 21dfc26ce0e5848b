internal import CSQLite
internal import Glibc
internal import Platform

/// What SQLite's callbacks write to and read from; it lives at a fixed address for as long as its connection.
struct CallbackState {
  /// When a write gives up, `CLOCK_MONOTONIC`; 0 for a read, each of whose waits has its own end.
  var deadlineNanoseconds: UInt64 = 0
  private var readDeadlineNanoseconds: UInt64 = 0
  let waitNanoseconds: UInt64
  /// Frames in the WAL after this connection's last commit.
  var walFrames: Int32 = 0
  /// The same; 0 where its last transaction wrote nothing.
  var committedFrames: Int32 = 0
  private var noise: UInt64

  init(waitMilliseconds: UInt64) {
    waitNanoseconds = waitMilliseconds * 1_000_000
    noise = Clock.monotonicNanoseconds | 1
  }

  /// Sleeps a little, not beyond the deadline; false when the deadline has passed.
  ///
  /// Behind the gate only foreign programs and a WAL recovery are waited for. Neither queues, so the
  /// pauses are short (0.1 ms growing to 4 ms) and jittered: two who wait must not keep meeting.
  mutating func pauseForOthers(attempt: Int32) -> Bool {
    let now = Clock.monotonicNanoseconds
    if attempt == 0 { readDeadlineNanoseconds = now &+ waitNanoseconds }
    let end = deadlineNanoseconds == 0 ? readDeadlineNanoseconds : deadlineNanoseconds
    guard now < end else { return false }
    noise = noise &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let longest: UInt64 = 100_000 << UInt64(min(attempt, 5))
    pause(nanoseconds: min(longest / 2 + (noise >> 33) % longest, end - now))
    return true
  }
}

extension UnsafeMutablePointer<CallbackState> {
  /// Installs the busy handler and the WAL hook.
  func install(on handle: OpaquePointer) {
    sqlite3_busy_handler(
      handle,
      { context, attempt in
        guard let state = context?.assumingMemoryBound(to: CallbackState.self) else { return 0 }
        return state.pointee.pauseForOthers(attempt: attempt) ? 1 : 0
      }, self)
    sqlite3_wal_hook(
      handle,
      { context, _, _, frames in
        guard let state = context?.assumingMemoryBound(to: CallbackState.self) else { return SQLITE_OK }
        state.pointee.walFrames = frames
        state.pointee.committedFrames = frames
        return SQLITE_OK
      }, self)
  }
}

/// Sleeps for about that long; a signal may end it early.
private func pause(nanoseconds: UInt64) {
  var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  nanosleep(&time, nil)
}
