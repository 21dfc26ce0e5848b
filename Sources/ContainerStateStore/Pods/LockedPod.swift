public import FileLocking
public import JSONText
internal import SQLiteStorage
public import StateModel

extension StateStore {
  /// Locks the pod of exactly this id, reads it afresh, lends it to `body`, and releases the lock.
  ///
  /// While it is locked no container is put into it.
  ///
  /// - Parameters:
  ///   - id: the pod's id.
  ///   - wait: how long to wait for the lock; it has no default, so that each call shows it.
  ///   - operation: what others who wait are told that this process is doing.
  ///   - body: what to do under the lock. What it borrows is good for nothing after it (`scopeEnded`).
  /// - Returns: what `body` returns.
  /// - Throws: `lockTimeout`, `wouldDeadlock`, `notFound`, `corrupt`, and what `body` throws.
  public func withLockedPod<R>(
    _ id: ContainerID, wait: LockWait, operation: String = "update",
    _ body: (borrowing LockedPod) throws -> R
  ) throws -> R {
    let locks = try perform(operation) {
      try HeldLocks([podLockName(of: id)], wait: wait, operation: operation)
    }
    defer { locks.release() }
    let scope = try perform(operation) { try podScope(of: id, locks) }
    defer { scope.end() }
    return try body(LockedPod(scope))
  }

  /// Reads the pod afresh under its lock.
  func podScope(of id: ContainerID, _ locks: HeldLocks) throws -> PodScope {
    do {
      guard let pod = try database.readOne({ try PodRows.pod(id, in: $0) }) else {
        throw try durably(.podNotFound(id.rawValue))
      }
      return PodScope(pod, store: self, locks: locks)
    } catch {
      // The question may have made the lockfile.
      if StoreError.mapped(error).code != .corrupt { unlinkUnlessKnown(id, podLockName(of: id), locks) }
      throw error
    }
  }
}

/// A pod under its lock, lent to the closure of `withLockedPod` and good for nothing after it.
public struct LockedPod: ~Copyable {
  private let scope: PodScope

  init(_ scope: PodScope) { self.scope = scope }

  /// The pod as it was read under the lock, with what was written since.
  public var pod: Pod { scope.pod }

  /// Changes the state and writes it.
  ///
  /// - Parameters:
  ///   - revision: the state revision it has to have; nil for any.
  ///   - durability: what the return promises.
  ///   - change: changes the state it is given; what it throws is thrown and nothing is written.
  /// - Throws: `conflict`, `invalidArgument`, `lockLost`, `removed`, `scopeEnded`, `busy`, `lockTimeout`
  ///   (the gate), `outOfSpace`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the write gate.
  /// - Durability: D-1.
  public borrowing func update(
    expecting revision: Int64? = nil, durability: Durability = .durable,
    _ change: (inout PodState) throws -> Void
  ) throws {
    try scope.checkOpen("update pod", expecting: revision)
    var state = scope.pod.state
    try change(&state)
    try scope.write(state, scope.pod.stateExtra, durability)
  }

  /// Sets or, with nil, removes the embedder's own JSON on the state.
  ///
  /// - Throws: as `update`.
  public borrowing func setStateExtra(
    _ extra: JSONBytes?, expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try scope.checkOpen("update pod", expecting: revision)
    try ContainerConfiguration.checkExtra(extra)
    try scope.write(scope.pod.state, extra, durability)
  }

  /// Writes another configuration over the pod's (INVARIANT I-3).
  ///
  /// Id and creation time stay what they are. Others see the new one at their next read.
  ///
  /// - Parameters:
  ///   - configuration: the whole of it; the name may be another.
  ///   - revision: the configuration revision it has to have; nil for any.
  ///   - durability: what the return promises.
  /// - Throws: `invalidArgument` naming what cannot change, `alreadyExists` for the name, `conflict`, and as
  ///   `update`.
  /// - Blocking: up to `operationTimeout` for the write gate.
  /// - Durability: D-1.
  public borrowing func rewrite(
    _ configuration: PodConfiguration, expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try scope.rewrite(configuration, expecting: revision, durability)
  }

  /// Removes the pod, which has to be empty (INVARIANT I-7): its row and everything that belongs to it, and
  /// its lockfile.
  ///
  /// - Parameters:
  ///   - revision: the state revision it has to have; nil for any.
  ///   - durability: what the return promises.
  /// - Throws: `inUse` naming up to ten containers in it, and as `update`. `StateStore.removePod` removes
  ///   them with it.
  /// - Process safety: a kill at any instruction leaves it there or gone.
  public borrowing func remove(
    expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try scope.remove(expecting: revision, durability)
  }
}
