public import ContainerStateStore

extension Engine {
  /// Starts the container's process; a container that has ended, or was never created, is created first.
  ///
  /// - Parameters:
  ///   - id: the container.
  ///   - standardIO: what the process gets where it is created here.
  /// - Throws: `alreadyRunning` where it has a process already, so of two callers at once exactly one
  ///   succeeds; `beingRemoved`, `runtimeFailed`, `monitorFailed`, `timedOut`, and errors of the store.
  /// - Process safety: killed at any instruction, it leaves a container that is created or running, and says
  ///   so.
  public func start(_ id: ContainerID, standardIO: StandardIO = .null) throws {
    try withSettled(id, "start") { locked, settlement in
      switch locked.state.status {
      case .configured, .exited: try createInRuntime(locked, standardIO: standardIO)
      case .created: break
      // What this call was to do, a dead one had done.
      case .running where settlement == .startFinished: return
      case .running, .paused, .stopping: throw EngineError.alreadyRunning(id, locked.state.status)
      case .removing: throw EngineError.beingRemoved(id)
      case .stopped, .unknown: preconditionFailure("a status that settling leaves behind")
      }
      try startInRuntime(locked)
    }
  }

  private func startInRuntime(_ locked: borrowing LockedContainer) throws {
    try locked.setIntent(.begin(.start), durability: .committed)
    step("start", "intent")
    let startedAt = Timestamp.present
    do {
      try runtime(of: locked.container).start(run.directory(of: locked.container))
    } catch {
      // It is created still, or its process has ended and the monitor waits for this lock to say so.
      try locked.update(intent: .end, durability: .committed) { $0.errorText = "\(error)" }
      throw error
    }
    step("start", "effect")
    try locked.update(intent: .end, durability: .committed) {
      $0.status = .running
      $0.startedAt = startedAt
      $0.errorText = ""
    }
    step("start", "state")
  }
}
