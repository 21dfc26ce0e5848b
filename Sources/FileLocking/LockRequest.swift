import CPlatform
import Glibc
import Platform

/// What one thread asks for, over every entry it has to try.
///
/// It becomes a part of the lock that is held, so that what it refers to is counted once.
struct LockRequest {
  let name: LockName
  let thread: ThreadLocks
  /// CLOCK_MONOTONIC; 0: do not wait, `UInt64.max`: no end.
  let deadlineNanoseconds: UInt64
  /// The gate where it is for that: it is too hot to look up its holder and to give way.
  let gate: WriteGate?
  /// Whether the lockfile was marked as one that somebody may be waiting for.
  var isMarked = false
  private(set) var waiter: LockWaiter?
  private var letGoEndNanoseconds: UInt64 = 0

  init(
    name: LockName, thread: consuming ThreadLocks, deadlineNanoseconds: UInt64, gate: WriteGate? = nil
  ) {
    self.name = name
    self.thread = thread
    self.deadlineNanoseconds = deadlineNanoseconds
    self.gate = gate
  }

  var isForGate: Bool { gate != nil }

  var path: String { name.path }

  var isOver: Bool {
    switch deadlineNanoseconds {
    case 0: true
    case .max: false
    default: Clock.monotonicNanoseconds >= deadlineNanoseconds
    }
  }

  /// Nanoseconds since the first time the lock was found held, 0 when it never was.
  var waitedNanoseconds: UInt64 {
    waiter.map { Clock.monotonicNanoseconds - $0.beganNanoseconds } ?? 0
  }

  mutating func beginWaiting(at entry: LockEntry, ticket: @autoclosure () -> UInt64) -> LockWaiter {
    if let waiter { return waiter }
    let made = LockWaiter(
      thread: thread, ticket: ticket(), beganNanoseconds: Clock.monotonicNanoseconds,
      holder: isForGate ? nil : LockHolder.of(entry))
    waiter = made
    return made
  }

  /// Until when to wait this time for a thread of this process to let go; nil when it has had its time.
  mutating func nextLetGoDeadline() -> UInt64? {
    let now = Clock.monotonicNanoseconds
    if letGoEndNanoseconds == 0 { letGoEndNanoseconds = now + LockPause.letGoNanoseconds }
    return now < letGoEndNanoseconds ? now + LockPause.pollNanoseconds : nil
  }

  func timeout(at entry: LockEntry) -> LockError {
    .timeout(
      path: path, holder: LockHolder.of(entry) ?? waiter?.holder,
      waited: .nanoseconds(waitedNanoseconds))
  }

  func failure(errno code: Int32) -> LockError {
    .system(call: "fcntl", path: path, errno: code)
  }
}

extension LockTable {
  /// The kernel lock of the entry for the request's thread; false: look at the path again.
  ///
  /// After a throw the entry is not the thread's and nothing of the request is left in it.
  func obtain(_ entry: LockEntry, for request: inout LockRequest) throws(LockError) -> Bool {
    var ownsEntry = false
    switch entry.begin(request.thread) {
    case .turn: ownsEntry = true
    case .busy: break
    case .heldByThisThread: throw .wouldDeadlock(path: request.path, heldPath: request.path)
    }
    while true {
      var deadlineNanoseconds = request.deadlineNanoseconds
      if ownsEntry {
        let code = tryLock(entry, &request)
        if code == 0 { return true }
        let error = code == EAGAIN || code == EACCES ? nil : request.failure(errno: code)
        if error != nil || request.isOver {
          entry.passOn()
          throw error ?? request.timeout(at: entry)
        }
        let waiter = request.beginWaiting(at: entry, ticket: nextTicket())
        guard startKernelWait(at: entry, for: waiter, request) else {
          // Nobody knows that this one waits, so it must not leave it to the others.
          request.isMarked = false
          continue
        }
      } else {
        if request.isOver {
          guard entry.isBeingLetGo, let next = request.nextLetGoDeadline() else {
            throw request.timeout(at: entry)
          }
          deadlineNanoseconds = next
        }
        let waiter = request.beginWaiting(at: entry, ticket: nextTicket())
        ownsEntry = entry.enqueue(waiter)
        if ownsEntry { continue }
      }
      switch waitInQueue(of: entry, request, until: deadlineNanoseconds) {
      case nil: ownsEntry = false
      case .turn:
        ownsEntry = true
        request.isMarked = !request.isForGate && entry.isMarked
      case .granted: return true
      case .restart: return false
      case .failed(let code): throw request.failure(errno: code)
      }
    }
  }

  /// One request, and a few more while the lock is held: after a yield each, at the gate after sleeps.
  private func tryLock(_ entry: LockEntry, _ request: inout LockRequest) -> Int32 {
    if request.deadlineNanoseconds == 0 { return entry.tryKernelLock() }
    if request.isMarked, !entry.hasTurn { return giveWay(at: entry, request) }
    var code = entry.tryKernelLock()
    if let gate = request.gate {
      guard code == EAGAIN, !request.isOver else { return code }
      // PROTOCOL L-10: whoever asks in this process meanwhile comes after this one.
      _ = request.beginWaiting(at: entry, ticket: nextTicket())
      return gate.sleepAndTry(deadlineNanoseconds: request.deadlineNanoseconds)
    }
    for _ in 0..<LockPause.yieldLimit where code == EAGAIN {
      sched_yield()
      code = entry.tryKernelLock()
    }
    return code
  }

  /// One request, after one of those who wait in the kernel has got the lock: EAGAIN where he still has it.
  ///
  /// PROTOCOL L-18: who lets go and asks again is running, and whom the kernel wakes is not yet. The pause is
  /// a sleep, since whoever is awaited may need this processor.
  private func giveWay(at entry: LockEntry, _ request: LockRequest) -> Int32 {
    let begin = Clock.monotonicNanoseconds
    let end = begin + entry.patienceNanoseconds
    var (pause, longestPause) = LockPause.givingWayNanoseconds
    while entry.isWaitedForElsewhere {
      guard entry.kernelLockOwner == -1 else {
        entry.recordVainPause(nanoseconds: 0)
        return EAGAIN
      }
      let now = Clock.monotonicNanoseconds
      if now < end, request.isOver {
        entry.recordVainPause(nanoseconds: now - begin)
        return entry.tryKernelLock()
      }
      if now >= end {
        // Stopped, or a debugger's: it must not cost everybody this pause each time.
        entry.recordVainPause(nanoseconds: 0)
        entry.unmark()
        return entry.tryKernelLock()
      }
      LockPause.sleep(nanoseconds: pause)
      pause = min(pause * 2, longestPause)
    }
    entry.recordVainPause(nanoseconds: 0)
    entry.unmarkUnlessWaitedFor()
    entry.beginTurn(atNanoseconds: Clock.bootTimeNanoseconds)
    return entry.tryKernelLock()
  }

  /// Puts a blocking request into the kernel; false when no thread was free and a pause was made instead.
  private func startKernelWait(
    at entry: LockEntry, for waiter: LockWaiter, _ request: LockRequest
  ) -> Bool {
    entry.beginKernelWait(waiter)
    if request.deadlineNanoseconds == .max {
      entry.waitInKernel(announces: !request.isForGate)
      return true
    }
    descriptors.checkOutAgain(entry)
    let isForGate = request.isForGate
    let isRunning = threads.run { [self] in
      entry.waitInKernel(announces: !isForGate)
      descriptors.checkIn(entry)
    }
    if isRunning { return true }
    descriptors.checkIn(entry)
    entry.cancelKernelWait(waiter)
    let now = Clock.monotonicNanoseconds
    let left = request.deadlineNanoseconds > now ? request.deadlineNanoseconds - now : 0
    LockPause.sleep(nanoseconds: min(left, LockPause.pollNanoseconds))
    return false
  }

  /// PROTOCOL L-5, L-16: a wait ends at its deadline and leaves the queue; nil: without a signal.
  private func waitInQueue(
    of entry: LockEntry, _ request: LockRequest, until deadlineNanoseconds: UInt64
  ) -> LockWaiter.Signal? {
    guard let waiter = request.waiter else { preconditionFailure("a request waits without a waiter") }
    return waiter.park(deadlineNanoseconds: deadlineNanoseconds) ?? entry.withdraw(waiter)
  }
}
