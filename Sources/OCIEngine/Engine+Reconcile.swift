public import ContainerStateStore
import Glibc

/// What the engine found of a container that a dead process had left, and did about it.
public enum Settlement: String, Sendable, Hashable, CaseIterable {
  /// The row was true.
  case nothing
  /// A living process is stopping the container.
  case leftToOwner
  /// A creation that nobody had recorded was undone.
  case createUndone
  /// A start that had not come about was undone.
  case startUndone
  /// A start that nobody had recorded was recorded.
  case startFinished
  /// A stop whose process had died was undone: the container runs.
  case stopUndone
  /// The end of a process that nobody saw was recorded with the unknown exit code.
  case exitRecorded
  /// What the runtime still kept of an ended container was deleted.
  case cleanedUp
  /// A removal that had begun was finished.
  case removed
}

extension Engine {
  /// Finishes or undoes what a dead process had begun with the container, and records an end that nobody
  /// recorded.
  ///
  /// - Parameters:
  ///   - id: the container.
  ///   - wait: how long to wait for the lock; nil for the engine's `lockWait`.
  /// - Returns: what was found and done.
  /// - Throws: `timedOut` where the monitor has to record the end and does not; errors of the runtime and the
  ///   store.
  /// - Blocking: for the lock, and without it for a monitor that is about to record.
  public func reconcile(_ id: ContainerID, wait: LockWait? = nil) throws -> Settlement {
    try withSettled(id, "reconcile", wait: wait, finishingRemoval: true) { _, settlement in settlement }
  }

  /// Lends the container under its lock, with its row made true first.
  ///
  /// - Throws: `beingRemoved` where its removal has begun, unless `finishingRemoval` is set; then `body` is
  ///   lent a container that is gone.
  func withSettled<R>(
    _ id: ContainerID, _ operation: String, wait: LockWait? = nil, finishingRemoval: Bool = false,
    _ body: (borrowing LockedContainer, Settlement) throws -> R
  ) throws -> R {
    let deadlineNanoseconds = Deadline.after(Engine.recordLimit)
    while true {
      var monitor: ProcessIdentity?
      let result: R? = try withLock(id, operation, wait: wait) { locked in
        let action = try decision(on: locked)
        if action == .awaitMonitor {
          monitor = locked.state.monitor
          return nil
        }
        return try body(locked, try settle(locked, action, finishingRemoval: finishingRemoval))
      }
      if let result { return result }
      guard let monitor, !Deadline.isPast(deadlineNanoseconds) else {
        throw EngineError.timedOut(
          id.rawValue,
          "its process has ended, and its monitor does not record that; see what that does, or kill it"
        ).during(operation)
      }
      // It needs the lock, which is free now, and ends when it has recorded.
      _ = monitor.waitForEnd(
        deadlineNanoseconds: min(deadlineNanoseconds, Deadline.after(.milliseconds(250))))
    }
  }

  /// How long a monitor may take to record the end of its process.
  static let recordLimit = Duration.seconds(20)

  private func decision(on locked: borrowing LockedContainer) throws -> Reconciliation.Action {
    let state = locked.state
    let foreign = locked.hasForeignIntent ? locked.intent : nil
    // Nobody has a number below 1, so nobody comes back to what a damaged row says he has begun.
    let owner = foreign.flatMap {
      $0.ownerPID > 0 ? ProcessIdentity(pid: $0.ownerPID, startTime: $0.ownerStartTime) : nil
    }
    if let foreign, let owner, foreign.operation != .stop, owner != .current {
      // The kernel frees a dying process's locks before it kills the runtime call that dies with it.
      _ = owner.waitForEnd(deadlineNanoseconds: Deadline.after(.milliseconds(200)))
    }
    let question = Reconciliation(
      status: state.status, foreignIntent: foreign?.operation, owner: owner?.liveness ?? .dead,
      process: state.process?.liveness ?? .dead, monitor: state.monitor?.liveness ?? .dead)
    let action = question.action()
    guard action == .askRuntime else { return action }
    let answer = try runtime(of: locked.container).status(run.directory(of: locked.container))
    return question.action(runtime: answer)
  }

  private func settle(
    _ locked: borrowing LockedContainer, _ action: Reconciliation.Action, finishingRemoval: Bool
  ) throws -> Settlement {
    switch action {
    case .nothing, .askRuntime, .awaitMonitor:
      if locked.hasForeignIntent { try locked.setIntent(.end, durability: .committed) }
      return .nothing
    case .leaveToOwner: return .leftToOwner
    case .undoCreate:
      try undoCreate(locked)
      return .createUndone
    case .undoStart:
      try locked.update(intent: .end, durability: .committed) { $0.status = .created }
      return .startUndone
    case .finishStart:
      let beganAt = locked.intent?.beganAt ?? .present
      try locked.update(intent: .end, durability: .committed) {
        $0.status = .running
        $0.startedAt = beganAt
      }
      return .startFinished
    case .undoStop:
      try locked.update(intent: .end, durability: .committed) {
        $0.status = .running
        $0.wasStoppedByUser = false
      }
      return .stopUndone
    case .recordUnknownExit:
      try locked.recordExit(code: ContainerState.unknownExitCode, finishedAt: .present)
      try cleanUp(locked)
      return .exitRecorded
    case .cleanUp:
      try cleanUp(locked)
      return .cleanedUp
    case .leaveToRemoval:
      guard finishingRemoval else { throw EngineError.beingRemoved(locked.container.id) }
      try finishRemoval(locked)
      return .removed
    }
  }

  /// Deletes an ended container from its runtime: the last step of its life, taken by its monitor or whoever
  /// finds that it could not.
  func cleanUp(_ locked: borrowing LockedContainer) throws {
    let directory = run.directory(of: locked.container)
    try runtime(of: locked.container).delete(directory)
    step("settle", "runtime-deleted")
    try directory.remove()
    try locked.update(intent: .end, durability: .committed) {
      $0.status = .exited
      $0.forgetProcesses()
    }
  }

  /// Undoes a creation that was not recorded, whoever began it.
  func undoCreate(_ locked: borrowing LockedContainer, errorText: String = "") throws {
    let directory = run.directory(of: locked.container)
    try endUnrecordedCreation(locked.state.monitor, of: locked.container.id)
    try runtime(of: locked.container).delete(directory)
    step("settle", "runtime-deleted")
    try directory.remove()
    try locked.update(intent: .end, durability: .committed) {
      $0.forgetProcesses()
      $0.errorText = errorText
    }
  }

  /// Ends the monitor of a creation that was not recorded.
  ///
  /// It ends by itself when whoever started it is gone, and a runtime that was not interrupted leaves nothing
  /// half made; only one that hangs is killed.
  func endUnrecordedCreation(_ monitor: ProcessIdentity?, of id: ContainerID) throws(EngineError) {
    _ = monitor?.waitForEnd(deadlineNanoseconds: Deadline.after(.seconds(10)))
    try end(monitor, what: "monitor", of: id)
  }

  /// Kills a process of the container and waits for its end.
  func end(_ process: ProcessIdentity?, what: String, of id: ContainerID) throws(EngineError) {
    guard let process, !process.kill(deadlineNanoseconds: Deadline.after(.seconds(10))) else { return }
    throw .timedOut(
      id.rawValue, "its \(what) \(process.pid) does not end although it was killed; see what it waits for")
  }

  /// The runtime that the container was created with.
  func runtime(of container: Container) throws(EngineError) -> any OCIRuntime {
    try ContainerOrigin(of: container).runtime.runtime
  }
}

extension ContainerState {
  /// The container's first process; nil where it has none.
  ///
  /// Process 1 is never one, whatever a damaged row says: it is not for this engine to kill.
  var process: ProcessIdentity? { pid > 1 ? ProcessIdentity(pid: pid, startTime: pidStartTime) : nil }
  /// The process that waits for its end; nil where there is none, and never process 1.
  var monitor: ProcessIdentity? {
    monitorPID > 1 ? ProcessIdentity(pid: monitorPID, startTime: monitorStartTime) : nil
  }

  /// Nothing of the container runs any more.
  mutating func forgetProcesses() {
    pid = 0
    pidStartTime = 0
    monitorPID = 0
    monitorStartTime = 0
    configurationPath = ""
    runDirectory = ""
  }
}
