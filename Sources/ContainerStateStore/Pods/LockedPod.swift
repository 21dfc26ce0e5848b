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
    let name = podLockName(of: id)
    let locks = try perform(operation) { try HeldLocks([name], wait: wait, operation: operation) }
    defer { locks.release() }
    let scope = try perform(operation) {
      do {
        guard let pod = try database.readOne({ try PodRows.pod(id, in: $0) }) else {
          throw StoreError.podNotFound(id.rawValue)
        }
        return PodScope(pod, store: self, locks: locks)
      } catch {
        if StoreError.mapped(error).code != .corrupt { unlinkUnlessKnown(id, name, locks) }
        throw error
      }
    }
    defer { scope.hasEnded = true }
    return try body(LockedPod(scope))
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
  /// - Throws: `conflict`, `invalidArgument`, `lockLost`, `notFound`, `scopeEnded`, `busy`, `lockTimeout`
  ///   (the gate), `outOfSpace`, `durabilityUnknown`.
  public borrowing func update(
    expecting revision: Int64? = nil, durability: Durability = .durable,
    _ change: (inout PodState) throws -> Void
  ) throws {
    try scope.checkOpen("update pod")
    var state = scope.pod.state
    try change(&state)
    try scope.write(state, scope.pod.stateExtra, expecting: revision, durability)
  }

  /// Sets or, with nil, removes the embedder's own JSON on the state.
  ///
  /// - Throws: as `update`.
  public borrowing func setStateExtra(
    _ extra: JSONBytes?, expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try scope.checkOpen("update pod")
    try ContainerConfiguration.checkExtra(extra)
    try scope.write(scope.pod.state, extra, expecting: revision, durability)
  }
}

/// What a lent `LockedPod` stands for.
final class PodScope {
  private(set) var pod: Pod
  var hasEnded = false
  private let store: StateStore
  private let locks: HeldLocks

  init(_ pod: Pod, store: StateStore, locks: HeldLocks) {
    self.pod = pod
    self.store = store
    self.locks = locks
  }

  func checkOpen(_ operation: String) throws(StoreError) {
    if hasEnded { throw StoreError.scopeEnded(pod.id).during(operation) }
  }

  func write(
    _ state: PodState, _ extra: JSONBytes?, expecting revision: Int64?, _ durability: Durability
  ) throws(StoreError) {
    try state.checkValues()
    if let revision, revision != pod.stateRevision {
      throw StoreError.conflict(pod.id, expected: revision, found: pod.stateRevision).during("update pod")
    }
    let pod = pod
    do { try write(state, extra, over: pod, durability) } catch {
      // What is committed is what the next write in this scope begins with.
      if error.code == .durabilityUnknown, let present = try? store.pod(pod.id),
        present.generation == pod.generation
      {
        self.pod = present
      }
      throw error
    }
    self.pod = pod.with(state: state, stateExtra: extra, stateRevision: pod.stateRevision + 1)
  }

  private func write(
    _ state: PodState, _ extra: JSONBytes?, over pod: Pod, _ durability: Durability
  ) throws(StoreError) {
    try store.perform("update pod") {
      try store.writeWithReserve("update pod", durability: durability, draws: false) { connection in
        // PROTOCOL L-11: what the lock cannot promise, generation and revision do.
        guard
          try PodRows.update(
            state, stateExtra: extra, generation: pod.generation, revision: pod.stateRevision, in: connection)
        else {
          throw try PodRows.generation(of: pod.id, in: connection) == pod.generation
            ? StoreError.lockLost(pod.id) : StoreError.podNotFound(pod.id.rawValue)
        }
        try store.record(
          .init(kind: .pod, id: pod.id.rawValue, action: .updated, revision: pod.stateRevision + 1),
          in: connection)
      }
    }
  }
}
