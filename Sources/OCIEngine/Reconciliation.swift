package import ContainerStateStore

/// Decides what becomes of a container whose row may no longer be true: pure, so that a table tests all of
/// it.
package struct Reconciliation: Sendable, Hashable {
  /// What the row says.
  package let status: ContainerStatus
  /// The operation that somebody else had begun and not ended.
  package let foreignIntent: IntentOperation?
  /// Whoever began that.
  package let owner: ProcessIdentity.Liveness
  /// The container's first process; dead where the row names none.
  package let process: ProcessIdentity.Liveness
  /// The container's monitor; dead where the row names none.
  package let monitor: ProcessIdentity.Liveness

  /// What the row says and what the process table says about it.
  package init(
    status: ContainerStatus, foreignIntent: IntentOperation?, owner: ProcessIdentity.Liveness,
    process: ProcessIdentity.Liveness, monitor: ProcessIdentity.Liveness
  ) {
    self.status = status
    self.foreignIntent = foreignIntent
    self.owner = owner
    self.process = process
    self.monitor = monitor
  }

  /// What is to be done under the lock before anything else.
  package enum Action: Sendable, Hashable, CaseIterable {
    /// Nothing: the row is true.
    case nothing
    /// Ask the runtime, and decide again with its answer.
    case askRuntime
    /// Nothing: whoever stops the container lives, and comes back.
    case leaveToOwner
    /// Let go of the lock and wait: the monitor is about to record the end of the process.
    case awaitMonitor
    /// The runtime may have created the container, but nobody recorded that: delete it there.
    case undoCreate
    /// The process was not started: the container is created still.
    case undoStart
    /// The process was started: the container is running.
    case finishStart
    /// Whoever wanted to stop the container is dead and it runs: it is running again.
    case undoStop
    /// The process has ended and nobody saw how: the exit code is unknown.
    case recordUnknownExit
    /// The end is recorded, but the runtime still has the container: delete it there.
    case cleanUp
    /// Nothing: only a removal can finish a removal.
    case leaveToRemoval
  }

  /// What is to be done, as far as is known.
  ///
  /// - Parameter runtime: the runtime's answer; nil where it has not been asked.
  /// - Returns: the action; never `askRuntime` where it has been asked.
  package func action(runtime: RuntimeStatus? = nil) -> Action {
    if status == .removing || foreignIntent == .remove { return .leaveToRemoval }
    if foreignIntent == .create { return .undoCreate }
    switch status {
    case .configured, .exited: return .nothing
    // While the monitor lives it does this itself.
    case .stopped: return monitor == .dead ? .cleanUp : .awaitMonitor
    case .created, .running, .paused, .stopping, .unknown: return actionWithProcess(runtime)
    case .removing: return .leaveToRemoval
    }
  }

  private func actionWithProcess(_ runtime: RuntimeStatus?) -> Action {
    if process == .dead { return monitor == .dead ? .recordUnknownExit : .awaitMonitor }
    if status == .unknown || foreignIntent == .start {
      switch runtime {
      case nil: return .askRuntime
      case .creating, .created: return .undoStart
      case .absent, .running, .paused, .stopped: return .finishStart
      }
    }
    if status == .stopping { return owner == .dead ? .undoStop : .leaveToOwner }
    return .nothing
  }
}
