internal import ContainerStateStore
internal import Platform
internal import Synchronization

/// One task that waits for a lock: whoever comes first answers it, the thread that has the lock, its deadline
/// or its cancellation.
final class LockTask<R: Sendable>: LockJob {
  /// Takes the lock and runs the body under it, after `begin`; what that throws ends it before the body.
  typealias Scope = @Sendable (_ wait: LockWait, _ begin: () throws -> Void) throws -> R

  private enum State {
    case new
    /// The wait has ended before it was begun.
    case ended(any Error)
    case waiting(CheckedContinuation<R, any Error>)
    /// A thread has the lock, and the body runs or has run: only its end is the answer.
    case running(CheckedContinuation<R, any Error>)
    case answered
  }

  /// The task has been answered otherwise meanwhile.
  private struct Withdrawn: Error {}

  private let state = Mutex(State.new)
  private let scope: Scope
  private let lock: String
  private let beganNanoseconds = Clock.monotonicNanoseconds
  private let deadlineNanoseconds: UInt64

  /// A wait that begins here.
  ///
  /// Tasks that name the same lock queue behind each other, but for one that does not wait.
  init(lock: String, wait: LockWait, scope: @escaping Scope) {
    deadlineNanoseconds = wait.deadlineNanoseconds
    // No lock has a line break in its name.
    self.lock = deadlineNanoseconds == 0 ? "\(lock)\n\(beganNanoseconds)" : lock
    self.scope = scope
  }

  /// What the body returned.
  ///
  /// - Throws: what the scope throws; `CancellationError` where the task was cancelled before the body began.
  func value(in queue: LockQueue) async throws -> R {
    let timer = hasEnd ? Task { await expire(in: queue) } : nil
    defer { timer?.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let ended = state.withLock { state -> (any Error)? in
          if case .ended(let error) = state { return error }
          state = .waiting(continuation)
          return nil
        }
        if let ended { continuation.resume(throwing: ended) } else { queue.add(self, lock: lock) }
      }
    } onCancel: {
      withdraw(from: queue, CancellationError())
    }
  }

  func attempt(longestNanoseconds: UInt64) -> Bool {
    let now = Clock.monotonicNanoseconds
    let left = deadlineNanoseconds > now ? deadlineNanoseconds - now : 0
    let slice = min(left, longestNanoseconds)
    guard isWaiting else { return true }
    do {
      let result = try scope(slice == 0 ? .none : .upTo(.nanoseconds(slice)), begin)
      answer(.success(result))
    } catch is Withdrawn {
    } catch let error as StoreError where error.code == .lockTimeout && slice < left && isWaiting {
      return false
    } catch {
      answer(.failure(error))
    }
    return true
  }

  private var hasEnd: Bool { deadlineNanoseconds != 0 && deadlineNanoseconds != .max }

  private var isWaiting: Bool {
    state.withLock { if case .waiting = $0 { true } else { false } }
  }

  /// The lock is held: from here on the body decides.
  private func begin() throws {
    try state.withLock { state in
      guard case .waiting(let continuation) = state else { throw Withdrawn() }
      state = .running(continuation)
    }
  }

  private func answer(_ result: Result<R, any Error>) {
    let continuation = state.withLock { state -> CheckedContinuation<R, any Error>? in
      switch state {
      case .waiting(let continuation), .running(let continuation):
        state = .answered
        return continuation
      case .new, .ended, .answered: return nil
      }
    }
    continuation?.resume(with: result)
  }

  /// Ends a wait whose body has not begun.
  private func withdraw(from queue: LockQueue, _ error: any Error) {
    let continuation = state.withLock { state -> CheckedContinuation<R, any Error>? in
      switch state {
      case .new:
        state = .ended(error)
        return nil
      case .waiting(let continuation):
        state = .answered
        return continuation
      case .ended, .running, .answered: return nil
      }
    }
    guard let continuation else { return }
    queue.remove(self, lock: lock)
    continuation.resume(throwing: error)
  }

  /// Ends the wait at its deadline, for those whom no thread is with then.
  private func expire(in queue: LockQueue) async {
    let now = Clock.monotonicNanoseconds
    if deadlineNanoseconds > now {
      guard (try? await Task.sleep(nanoseconds: deadlineNanoseconds - now)) != nil else { return }
    }
    withdraw(from: queue, timeout())
  }

  /// What a wait that ends now is told: the holder is asked for once more.
  private func timeout() -> any Error {
    let waited = Clock.monotonicNanoseconds - beganNanoseconds
    do { _ = try scope(.none) { throw Withdrawn() } } catch let error as StoreError {
      guard error.code == .lockTimeout else { return error }
      return StoreError.lockTimeout(error.subject, holder: error.holder, waitedNanoseconds: waited)
    } catch {}
    return StoreError.lockTimeout(lock, holder: nil, waitedNanoseconds: waited)
  }
}
