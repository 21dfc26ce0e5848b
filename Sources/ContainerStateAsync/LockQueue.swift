internal import FileLocking
internal import Synchronization

/// A task's wait for a lock, as the threads see it.
protocol LockJob: AnyObject, Sendable {
  /// Asks for the lock for at most so long, and runs what is to be done under it.
  ///
  /// - Returns: whether the task has its answer.
  func attempt(longestNanoseconds: UInt64) -> Bool
}

/// The tasks of this process that wait for locks, and the few threads that wait for all of them.
///
/// A thread waits for one lock at a time, for a while; where others have none it takes the next lock then.
/// What it asked the kernel for stays asked (PROTOCOL L-16), so a lock is not lost by turning away from it.
/// Tasks that want one lock have one thread between them, in order of arrival.
final class LockQueue: Sendable {
  static let shared = LockQueue()

  /// Of the threads that block in the kernel (`WaitThreads`) half, since each may need a second one for its
  /// wait.
  static let threadLimit = WaitThreads.limit / 2
  /// How long a thread stays with a lock while every other has a thread, and while one has none.
  private static let patienceNanoseconds: (alone: UInt64, crowded: UInt64) = (100_000_000, 5_000_000)
  /// Until the next try for a thread where all of the process wait for locks with other threads' deadlines.
  private static let retryNanoseconds: UInt64 = 2_000_000

  private struct State {
    /// By lock; the first of each is the one that a thread is with, or the next.
    var jobs: [String: [any LockJob]] = [:]
    /// The locks that no thread is with, in their order.
    var ready: [String] = []
    var threads = 0
  }

  private let state = Mutex(State())

  func add(_ job: any LockJob, lock: String) {
    state.withLock { state in
      if state.jobs[lock] == nil { state.ready.append(lock) }
      state.jobs[lock, default: []].append(job)
    }
    startThread()
  }

  /// Forgets a job that has its answer; one that a thread is with goes when the thread comes back.
  func remove(_ job: any LockJob, lock: String) {
    state.withLock { state in
      guard var jobs = state.jobs[lock], let place = jobs.firstIndex(where: { $0 === job }) else { return }
      let isWithThread = place == 0 && !state.ready.contains(lock)
      if isWithThread { return }
      jobs.remove(at: place)
      state.jobs[lock] = jobs.isEmpty ? nil : jobs
      if jobs.isEmpty { state.ready.removeAll { $0 == lock } }
    }
  }

  /// How many waits there are.
  var count: Int { state.withLock { $0.jobs.values.reduce(0) { $0 + $1.count } } }

  private func startThread() {
    let isNeeded = state.withLock { state in
      guard !state.ready.isEmpty, state.threads < Self.threadLimit else { return false }
      state.threads += 1
      return true
    }
    guard isNeeded, !LockTable.shared.threads.run({ self.work() }) else { return }
    guard
      state.withLock({ state in
        state.threads -= 1
        return state.threads == 0
      })
    else { return }
    Task.detached {
      try? await Task.sleep(nanoseconds: Self.retryNanoseconds)
      self.startThread()
    }
  }

  private func work() {
    while let (lock, job, isCrowded) = take() {
      let patience = isCrowded ? Self.patienceNanoseconds.crowded : Self.patienceNanoseconds.alone
      giveBack(lock, isOver: job.attempt(longestNanoseconds: patience))
    }
  }

  /// The next lock and the first who wants it; nil where there is none, and the thread is not the queue's
  /// then.
  private func take() -> (lock: String, job: any LockJob, isCrowded: Bool)? {
    state.withLock { state in
      guard let lock = state.ready.first, let job = state.jobs[lock]?.first else {
        state.threads -= 1
        return nil
      }
      state.ready.removeFirst()
      return (lock, job, !state.ready.isEmpty)
    }
  }

  private func giveBack(_ lock: String, isOver: Bool) {
    state.withLock { state in
      if isOver { state.jobs[lock]?.removeFirst() }
      if state.jobs[lock]?.isEmpty ?? true {
        state.jobs[lock] = nil
      } else {
        state.ready.append(lock)
      }
    }
  }
}
