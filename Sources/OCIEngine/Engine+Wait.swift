public import ContainerStateStore

extension Engine {
  /// Waits until the end of the container's process is recorded.
  ///
  /// - Parameters:
  ///   - id: the container.
  ///   - deadlineNanoseconds: CLOCK_MONOTONIC; `UInt64.max` for none.
  /// - Returns: the exit code, 128 + the signal where one ended it, −1 where nobody saw how it ended.
  /// - Throws: `notRunning` for a container that was never started, `timedOut`, `beingRemoved`; from the
  ///   store `notFound` where it was removed meanwhile.
  /// - Blocking: until the process ends; for a lock only where the monitor has died and the end is recorded
  ///   here.
  public func wait(_ id: ContainerID, deadlineNanoseconds: UInt64) throws -> Int32 {
    var pauseMilliseconds: Int64 = 1
    while true {
      let state = try store.state(of: id)
      switch state.status {
      case .stopped, .exited: return state.exitCode ?? ContainerState.unknownExitCode
      case .configured: throw EngineError.notRunning(id, .configured).during("wait")
      case .removing: throw EngineError.beingRemoved(id).during("wait")
      case .created, .running, .paused, .stopping, .unknown: break
      }
      if let process = state.process, !process.waitForEnd(deadlineNanoseconds: deadlineNanoseconds) {
        throw EngineError.timedOut(
          id.rawValue, "the container's process has not ended in time; wait longer, or stop it"
        ).during(
          "wait")
      }
      guard let monitor = state.monitor, monitor.liveness != .dead else {
        _ = try reconcile(id)
        continue
      }
      guard !Deadline.isPast(deadlineNanoseconds) else {
        throw EngineError.timedOut(id.rawValue, "the end of its process was not recorded in time").during(
          "wait")
      }
      // It records before it ends; the record is looked for meanwhile, at growing intervals.
      let pause = min(Deadline.after(.milliseconds(pauseMilliseconds)), deadlineNanoseconds)
      _ = monitor.waitForEnd(deadlineNanoseconds: pause)
      pauseMilliseconds = min(pauseMilliseconds * 2, 64)
    }
  }
}
