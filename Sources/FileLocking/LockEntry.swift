import CPlatform
import Glibc
import Platform
import Synchronization

/// What an entry knows of its file.
struct OpenLockfile {
  let identity: FileIdentity
  let descriptor: Int32
  /// The effective user when the file was opened, so that looking again costs no system call.
  let ownerID: UInt32
}

/// One lockfile this process has open: its descriptor, who of this process owns it, who queues.
///
/// PROTOCOL L-1: at most one kernel request at a time; only the owner, or the kernel wait on its way to
/// one, touches the kernel lock. Owning covers the request as well as the grant.
final class LockEntry: Sendable {
  enum Phase {
    /// Nobody here holds the kernel lock or asks for it.
    case idle
    /// A thread holds the kernel lock or is asking for it; whoever does so keeps its list of locks alive.
    case owned(by: ObjectIdentifier)
    /// A blocking request is in the kernel; it serves whoever is first in the queue when it is granted.
    case waitingInKernel
  }

  private struct State {
    var phase = Phase.idle
    var queue: [LockWaiter] = []
  }

  enum Start { case turn, busy, heldByThisThread }

  // SAFETY: written by `LockEntries` alone, under its owner's mutex and only while the entry has no user;
  // whoever reads it became a user under that mutex.
  private(set) nonisolated(unsafe) var file: OpenLockfile
  /// Where `LockEntries` has it.
  let place: Int
  /// CLOCK_BOOTTIME until which this process may take the lock again although others wait for it.
  private let turnEndNanoseconds = Atomic<UInt64>(0)
  /// How long this process has paused for those who wait, since one of them had the lock.
  private let vainPauseNanoseconds = Atomic<UInt64>(0)
  private let state = Guarded(State())

  init(_ file: OpenLockfile, place: Int) {
    self.file = file
    self.place = place
  }

  var identity: FileIdentity { file.identity }
  var descriptor: Int32 { file.descriptor }
  var ownerID: UInt32 { file.ownerID }

  /// Makes an entry without users and without a file that of another one: to allocate and free one for each
  /// file that is opened would be a tenth of what that costs in this process.
  func reuse(for file: OpenLockfile) {
    self.file = file
    turnEndNanoseconds.store(0, ordering: .relaxed)
    vainPauseNanoseconds.store(0, ordering: .relaxed)
  }

  /// This process has been granted the lock at this time, and took it from nobody who waits.
  func beginTurn(atNanoseconds bootTimeNanoseconds: UInt64) {
    turnEndNanoseconds.store(bootTimeNanoseconds + LockPause.turnNanoseconds, ordering: .relaxed)
  }

  var hasTurn: Bool { Clock.bootTimeNanoseconds < turnEndNanoseconds.load(ordering: .relaxed) }

  /// How much longer to pause for those who wait before they count as stopped.
  var patienceNanoseconds: UInt64 {
    let paused = vainPauseNanoseconds.load(ordering: .relaxed)
    return LockPause.givingWayLimitNanoseconds - min(paused, LockPause.givingWayLimitNanoseconds)
  }

  /// The owner has paused so long and nobody took the lock; 0: somebody did, or nobody waits any more.
  ///
  /// Without the sum, a stopped process would cost those whose deadlines are short a whole one each time.
  func recordVainPause(nanoseconds: UInt64) {
    let paused = nanoseconds == 0 ? 0 : vainPauseNanoseconds.load(ordering: .relaxed) + nanoseconds
    vainPauseNanoseconds.store(paused, ordering: .relaxed)
  }

  /// Makes the thread the owner when nobody is; no queueing.
  func begin(_ thread: ThreadLocks) -> Start {
    state.withLock { state in
      switch state.phase {
      case .idle:
        state.phase = .owned(by: ObjectIdentifier(thread))
        return .turn
      case .owned(let owner): return owner == ObjectIdentifier(thread) ? .heldByThisThread : .busy
      case .waitingInKernel: return .busy
      }
    }
  }

  /// Queues in order of arrival (L-10); true when the entry was free and is the waiter's now.
  func enqueue(_ waiter: LockWaiter) -> Bool {
    waiter.reset()
    return state.withLock { state in
      if case .idle = state.phase {
        state.phase = .owned(by: ObjectIdentifier(waiter.thread))
        return true
      }
      Self.insert(waiter, into: &state.queue)
      return false
    }
  }

  /// The owner found the lock held elsewhere: it queues, and a blocking request takes its place.
  func beginKernelWait(_ waiter: LockWaiter) {
    waiter.reset()
    state.withLock { state in
      Self.insert(waiter, into: &state.queue)
      state.phase = .waitingInKernel
    }
  }

  /// Takes back `beginKernelWait` when no thread could be found to do it.
  func cancelKernelWait(_ waiter: LockWaiter) {
    state.withLock { state in
      state.queue.removeAll { $0 === waiter }
      state.phase = .owned(by: ObjectIdentifier(waiter.thread))
    }
  }

  /// A waiter gives up: nil when it is out of the queue, else the signal that came first.
  func withdraw(_ waiter: LockWaiter) -> LockWaiter.Signal? {
    state.withLock { state in
      if let signal = waiter.signal { return signal }
      state.queue.removeAll { $0 === waiter }
      return nil
    }
  }

  /// The owner is done (released, or not granted): the next in the queue becomes the owner.
  func passOn() {
    state.withLock { Self.passOn(&$0) }
  }

  /// The owner let go of a file that its path does not name any more: all who queue look again.
  ///
  /// PROTOCOL L-2: a grant of this file would not count for them either. They arrive at the new file in
  /// any order, and those who meet in its queue are put in the order in which they first asked.
  func restartQueue() {
    state.withLock { state in
      let queue = state.queue
      state.queue.removeAll(keepingCapacity: true)
      state.phase = .idle
      for waiter in queue { waiter.wake(.restart) }
    }
  }

  /// How many threads of this process queue.
  var queueLength: Int { state.withLock { $0.queue.count } }

  /// Blocks until the kernel grants the lock and hands it to the first in the queue, or lets go
  /// when everybody has given up meanwhile.
  ///
  /// PROTOCOL L-16: a wait that was given up ends here, without an owner.
  func waitInKernel(announces: Bool) {
    var pauseNanoseconds: UInt64 = 500_000
    while true {
      switch waitForKernelLock(announces: announces) {
      case 0: return deliver()
      case EINTR: continue
      case EDEADLK:
        // The kernel judges processes, not threads: the order of locks excludes a real deadlock.
        if endIfAbandoned() { return }
        LockPause.sleep(nanoseconds: pauseNanoseconds)
        pauseNanoseconds = min(pauseNanoseconds * 2, 8_000_000)
      case let code: return failFirst(errno: code)
      }
    }
  }

  /// Whether no thread of this process holds the lock or waits for it.
  fileprivate var isWithoutAsker: Bool {
    state.withLock { state in
      switch state.phase {
      case .idle: true
      case .owned: false
      case .waitingInKernel: state.queue.isEmpty
      }
    }
  }

  private func deliver() {
    beginTurn(atNanoseconds: Clock.bootTimeNanoseconds)
    state.withLock { state in
      guard let first = Self.takeFirst(&state) else {
        _ = platform_lock_release(descriptor, 0, 0)
        return
      }
      first.wake(.granted)
    }
  }

  private func endIfAbandoned() -> Bool {
    state.withLock { state in
      guard state.queue.isEmpty else { return false }
      state.phase = .idle
      return true
    }
  }

  private func failFirst(errno code: Int32) {
    state.withLock { state in
      if !state.queue.isEmpty { state.queue.removeFirst().wake(.failed(errno: code)) }
      Self.passOn(&state)
    }
  }

  private static func passOn(_ state: inout State) {
    takeFirst(&state)?.wake(.turn)
  }

  /// Makes the first of the queue the owner; without one the entry is idle.
  private static func takeFirst(_ state: inout State) -> LockWaiter? {
    guard !state.queue.isEmpty else {
      state.phase = .idle
      return nil
    }
    let first = state.queue.removeFirst()
    state.phase = .owned(by: ObjectIdentifier(first.thread))
    return first
  }

  private static func insert(_ waiter: LockWaiter, into queue: inout [LockWaiter]) {
    let after = queue.lastIndex { $0.ticket < waiter.ticket }
    queue.insert(waiter, at: after.map { $0 + 1 } ?? 0)
  }
}

enum LockPause {
  /// Tries before a wait is given to the kernel.
  static let yieldLimit = 4
  /// How long nobody has rung at the gate before a wait for it is given to the kernel.
  static let silenceAtGateNanoseconds: UInt64 = 10_000_000
  /// Between two tries of a wait that found no thread to block on.
  static let pollNanoseconds: UInt64 = 2_000_000
  /// How long a process may take a lock again and again although others wait for it.
  static let turnNanoseconds: UInt64 = 1_000_000
  /// Between two looks whether one of those who wait has got the lock: at first, and at most.
  static let givingWayNanoseconds: (UInt64, UInt64) = (10_000, 500_000)
  /// How long one of those who wait has for it before it counts as stopped: it only has to run.
  static let givingWayLimitNanoseconds: UInt64 = 200_000_000
  /// For a thread of this process to let go of what it was granted too late: it only has to run.
  static let letGoNanoseconds: UInt64 = 1_000_000_000

  /// Sleeps for less than a second, shorter when a signal arrives.
  static func sleep(nanoseconds: UInt64) {
    var pause = timespec(tv_sec: 0, tv_nsec: Int(min(nanoseconds, 999_999_999)))
    nanosleep(&pause, nil)
  }
}

extension LockEntry {
  /// Whether at most a wait that was given up keeps the lock from being free: nobody holds it, or that wait
  /// has just been granted it and its thread has not run yet.
  ///
  /// PROTOCOL L-16: who asks without waiting must not be refused for that, nor because it has let go since.
  var isBeingLetGo: Bool {
    guard isWithoutAsker, let owner = kernelLockOwner else { return false }
    return owner == -1 || owner == getpid()
  }

  /// Whether the kernel has a lock of this process on the file.
  var isLockedByThisProcess: Bool { kernelLockOwner == getpid() }
}
