public import ContainerStateStore

/// The scopes of the library for tasks: the task is suspended while the lock is waited for, and no thread of
/// Swift's pool is blocked. The body runs on a thread of the library's, and nothing in it suspends, so a lock
/// is never held by a task that does not run.
///
/// At most sixteen threads wait for all locks of a process (PROTOCOL L-19).
extension StateStore {
  /// Locks a container for a task; see the synchronous `withLockedContainer`.
  ///
  /// - Parameters:
  ///   - id: the container's id.
  ///   - wait: counted from the call, the time until a thread is free included.
  ///   - operation: what others who wait are told that this process is doing.
  ///   - body: what to do under the lock, on another thread, at most once.
  /// - Returns: what `body` returns.
  /// - Throws: as the synchronous one; `CancellationError` where the task is cancelled before `body` has
  ///   begun, at once, and the wait leaves nothing behind. Once `body` runs, cancellation changes nothing.
  public func withLockedContainer<R: Sendable>(
    _ id: ContainerID, wait: LockWait, operation: String = "update",
    _ body: @escaping @Sendable (borrowing LockedContainer) throws -> R
  ) async throws -> R {
    try await whileLocked(id.rawValue, wait, operation) { wait, begin in
      try self.withLockedContainer(id, wait: wait, operation: operation) { locked in
        try begin()
        return try body(locked)
      }
    }
  }

  /// Locks a pod for a task; see the synchronous `withLockedPod` and the asynchronous `withLockedContainer`.
  public func withLockedPod<R: Sendable>(
    _ id: ContainerID, wait: LockWait, operation: String = "update",
    _ body: @escaping @Sendable (borrowing LockedPod) throws -> R
  ) async throws -> R {
    try await whileLocked(id.rawValue, wait, operation) { wait, begin in
      try self.withLockedPod(id, wait: wait, operation: operation) { locked in
        try begin()
        return try body(locked)
      }
    }
  }

  /// Locks a volume for a task; see the synchronous `withLockedVolume` and the asynchronous
  /// `withLockedContainer`.
  public func withLockedVolume<R: Sendable>(
    _ name: VolumeName, wait: LockWait, operation: String = "update",
    _ body: @escaping @Sendable (borrowing LockedVolume) throws -> R
  ) async throws -> R {
    // No id has a slash.
    try await whileLocked("volume/" + name.rawValue, wait, operation) { wait, begin in
      try self.withLockedVolume(name, wait: wait, operation: operation) { locked in
        try begin()
        return try body(locked)
      }
    }
  }

  /// Locks several records for a task; see the synchronous `withLockedRecords` and the asynchronous
  /// `withLockedContainer`.
  public func withLockedRecords<R: Sendable>(
    containers: Set<ContainerID> = [], pods: Set<ContainerID> = [], volumes: Set<VolumeName> = [],
    wait: LockWait, operation: String = "update",
    _ body: @escaping @Sendable (borrowing LockedRecords) throws -> R
  ) async throws -> R {
    let names = containers.union(pods).map(\.rawValue) + volumes.map { "volume/" + $0.rawValue }
    return try await whileLocked(names.sorted().joined(separator: "+"), wait, operation) { wait, begin in
      try self.withLockedRecords(
        containers: containers, pods: pods, volumes: volumes, wait: wait, operation: operation
      ) { locked in
        try begin()
        return try body(locked)
      }
    }
  }

  private func whileLocked<R: Sendable>(
    _ lock: String, _ wait: LockWait, _ operation: String, _ scope: @escaping LockTask<R>.Scope
  ) async throws -> R {
    // A forked child has none of the threads.
    try checkUsable(operation)
    let task = LockTask(lock: location.lockDirectory + "/" + lock, wait: wait, scope: scope)
    return try await task.value(in: .shared)
  }
}
