public import ContainerStateStore
import Glibc

extension Engine {
  /// Removes the container from its runtime and from the store, with every file of it.
  ///
  /// - Parameters:
  ///   - id: the container.
  ///   - force: whether to kill what runs, exec sessions too, and to go on where the runtime fails or is
  ///     gone.
  /// - Throws: `stillRunning` without force; `timedOut` where a process does not end although it was killed;
  ///   from the store `inUse` where other containers depend on it, or without force where it has exec
  ///   sessions, `notFound`, `lockTimeout`. A container in use is left as it was.
  /// - Process safety: killed at any instruction, it leaves a container that can be removed, or none.
  public func remove(_ id: ContainerID, force: Bool) throws {
    if force { return try withLock(id, "remove") { try finishRemoval($0, force: true) } }
    try withSettled(id, "remove", finishingRemoval: true) { locked, settlement in
      if settlement == .removed { return }
      let state = locked.state
      if state.status != .created, let process = state.process, process.liveness != .dead {
        throw EngineError.stillRunning(id, state.status).during("remove")
      }
      try finishRemoval(locked, force: false)
    }
  }

  /// Removes the container, whatever its status and whoever had begun what with it.
  func finishRemoval(_ locked: borrowing LockedContainer, force: Bool = true) throws {
    // INVARIANT I-5: asked before anything is done. A removal that has begun goes on: what it ended is gone.
    if locked.state.status != .removing {
      let users = try locked.dependants()
      guard users.isEmpty else {
        throw StoreError.inUse(locked.container.id, by: users.map(\.rawValue)).during("remove container")
      }
      let sessions = force ? [] : try store.execSessions(of: locked.container.id)
      guard sessions.isEmpty else {
        throw StoreError.hasSessions(locked.container.id, sessions.map(\.id.rawValue))
          .during("remove container")
      }
    }
    if locked.hasForeignIntent {
      if locked.intent?.operation == .create {
        try endUnrecordedCreation(locked.state.monitor, of: locked.container.id)
      }
      // In one transaction: a row without the foreign intent and without this status would say that the
      // runtime does not know the container.
      try locked.update(intent: .end, durability: .committed) { $0.status = .removing }
      step("remove", "foreign-intent-ended")
    }
    try locked.update(intent: .begin(.remove), durability: .committed) { $0.status = .removing }
    step("remove", "intent")
    let container = locked.container
    // The monitor goes first: nobody needs the exit code any more, and it would only wait for this lock.
    try end(container.state.monitor, what: "monitor", of: container.id)
    step("remove", "monitor-ended")
    try end(container.state.process, what: "process", of: container.id)
    step("remove", "process-ended")
    try removeSessions(of: locked)
    step("remove", "sessions-removed")
    try deleteInRuntime(container, force: force)
    step("remove", "runtime-deleted")
    try run.directory(of: container).remove()
    step("remove", "files")
    do { try locked.remove() } catch {
      guard error.code == .inUse else { throw error }
      // Somebody came to depend on it meanwhile. It is there for him; only its process is gone.
      try locked.update(durability: .committed) { $0.status = .unknown }
      try locked.update(intent: .end, durability: .committed) {
        $0.status = .exited
        $0.forgetProcesses()
      }
      throw error
    }
    step("remove", "removed")
  }

  /// Ends what still runs of the container's exec sessions, and removes them: they are in the way of its row.
  private func removeSessions(of locked: borrowing LockedContainer) throws {
    let id = locked.container.id
    let sessions = try store.execSessions(of: id)
    if sessions.isEmpty { return }
    for session in sessions where session.pid != 0 {
      let process = ProcessIdentity(pid: session.pid, startTime: session.pidStartTime)
      try end(process, what: "process of exec session \(session.id)", of: id)
    }
    try locked.removeAllExecSessions()
  }

  private func deleteInRuntime(_ container: Container, force: Bool) throws {
    let directory = run.directory(of: container)
    do { try runtime(of: container).delete(directory) } catch {
      guard force || !FileAccess.exists(directory.path) else { throw error }
      // Its process is dead; what is left are files, and perhaps descendants.
      try directory.controlGroup.remove()
    }
  }
}
