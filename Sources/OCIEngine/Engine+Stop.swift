public import ContainerStateStore
import Glibc

extension Engine {
  /// Sends a signal to the container's first process.
  ///
  /// - Throws: `notRunning` where it has none; `runtimeFailed`, and errors of the store.
  public func kill(_ id: ContainerID, signal: Int32) throws {
    try withSettled(id, "kill") { locked, _ in
      guard locked.state.status.hasProcess else { throw EngineError.notRunning(id, locked.state.status) }
      try runtime(of: locked.container).kill(run.directory(of: locked.container), signal: signal)
    }
  }

  /// Asks the container's process to end, kills it after the grace period, and returns when its end is
  /// recorded.
  ///
  /// A container that has no process is no error.
  ///
  /// - Parameters:
  ///   - id: the container.
  ///   - timeout: the grace period; nil for the container's own (10 s unless configured).
  /// - Throws: `timedOut` where even the kill did not end it, `beingRemoved`, `runtimeFailed`, errors of the
  ///   store.
  /// - Blocking: for the grace period, without the lock.
  public func stop(_ id: ContainerID, timeout: Duration? = nil) throws {
    let details = try store.container(id).configuration.details()
    let signal = details.stopSignal == 0 ? SIGTERM : details.stopSignal
    let grace = timeout ?? .seconds(Int64(details.stopTimeoutSeconds))
    guard let stopping = try beginStop(id, signal: signal) else { return }
    if !stopping.process.waitForEnd(deadlineNanoseconds: Deadline.after(grace)) {
      try killStopping(id, stopping)
    }
    step("stop", "process-ended")
    _ = try wait(id, deadlineNanoseconds: Deadline.after(Engine.recordLimit))
    step("stop", "recorded")
  }

  /// What a stop remembers while it has let go of the lock.
  private struct Stopping {
    let process: ProcessIdentity
    /// The grant under which the intent was recorded; nil where somebody else's stop is at work.
    let token: FencingToken?
  }

  /// Records the intent and sends the signal; nil where there is nothing to stop.
  private func beginStop(_ id: ContainerID, signal: Int32) throws -> Stopping? {
    try withSettled(id, "stop") { locked, settlement in
      let state = locked.state
      guard state.status.hasProcess, let process = state.process else { return nil }
      if settlement == .leftToOwner { return Stopping(process: process, token: nil) }
      let directory = run.directory(of: locked.container)
      let runtime = try runtime(of: locked.container)
      guard state.status != .created else {
        // It has not begun, so there is nothing to end in order.
        try runtime.kill(directory, signal: SIGKILL)
        return Stopping(process: process, token: nil)
      }
      try locked.update(intent: .begin(.stop), durability: .committed) {
        $0.status = .stopping
        $0.wasStoppedByUser = true
      }
      step("stop", "intent")
      do {
        if state.status == .paused { try runtime.resume(directory) }
        try runtime.kill(directory, signal: signal)
      } catch {
        if process.liveness == .dead { return Stopping(process: process, token: locked.fencingToken) }
        try locked.update(intent: .end, durability: .committed) {
          $0.status = .running
          $0.wasStoppedByUser = false
        }
        throw error
      }
      step("stop", "signal")
      return Stopping(process: process, token: locked.fencingToken)
    }
  }

  /// Kills the process at the end of the grace period, where the row still means it.
  private func killStopping(_ id: ContainerID, _ stopping: Stopping) throws {
    do {
      try withLock(id, "stop") { locked in
        let state = locked.state
        guard state.status.hasProcess, state.process == stopping.process else { return }
        try runtime(of: locked.container).kill(run.directory(of: locked.container), signal: SIGKILL)
      }
    } catch {
      // Killing what has ended meanwhile fails, and that is well.
      if stopping.process.liveness != .dead {
        giveUp(id, stopping)
        throw error
      }
    }
    step("stop", "killed")
    guard stopping.process.waitForEnd(deadlineNanoseconds: Deadline.after(.seconds(10))) else {
      giveUp(id, stopping)
      throw EngineError.timedOut(
        id.rawValue,
        "process \(stopping.process.pid) does not end although it was killed; see what it waits for"
      ).during("stop")
    }
  }

  /// Takes the intent back, so that nobody waits for this stop.
  ///
  /// Where that fails, the end of this process does the same.
  private func giveUp(_ id: ContainerID, _ stopping: Stopping) {
    guard let token = stopping.token else { return }
    try? withLock(id, "stop") { locked in
      guard locked.state.status == .stopping, locked.intent?.token == token else { return }
      try locked.update(intent: .end, durability: .committed) { $0.status = .running }
    }
  }
}
