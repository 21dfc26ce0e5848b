internal import FileLocking
public import JSONText
internal import SQLiteStorage
public import StateModel

/// A container under its lock, lent to the closure of `withLockedContainer` and good for nothing after it.
public struct LockedContainer: ~Copyable {
  let scope: ContainerScope

  init(_ scope: ContainerScope) { self.scope = scope }

  /// The container as it was read under the lock, with what was written since.
  public var container: Container { scope.container }
  /// Its state.
  public var state: ContainerState { scope.state }
  /// The operation with outside effects that had begun and not ended; nil where there is none.
  public var intent: Intent? { scope.intent }
  /// Whether that operation was begun under another grant of the lock: finish or undo it first.
  public var hasForeignIntent: Bool { scope.intent.map { $0.token != scope.token } ?? false }
  /// The number of this grant, greater than that of every earlier one (PROTOCOL L-7).
  public var fencingToken: FencingToken { scope.token }
  /// How long the lock was waited for, in nanoseconds, and who had it.
  public var lockWait: (nanoseconds: UInt64, holder: StateModel.LockHolder?) {
    (scope.lockWait.nanoseconds, scope.lockWait.holder.map(StateModel.LockHolder.init))
  }

  /// Changes the state and writes it.
  ///
  /// - Parameters:
  ///   - intent: what becomes of the intent in the same transaction.
  ///   - revision: the state revision it has to have, for a caller who decided by an earlier read; nil for
  ///     any.
  ///   - durability: what the return promises.
  ///   - change: changes the state it is given; what it throws is thrown and nothing is written.
  /// - Throws: `invalidTransition`, `invalidArgument`, `lockLost`, `removed`, `scopeEnded`, `conflict` for
  ///   another revision and for beginning an intent over a foreign one, `busy`, `lockTimeout` (the gate),
  ///   `outOfSpace`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the write gate.
  /// - Durability: D-1 for `.durable`; a `.committed` change survives every kill and may not survive a
  ///   power loss.
  public borrowing func update(
    intent: IntentChange = .keep, expecting revision: Int64? = nil, durability: Durability = .durable,
    _ change: (inout ContainerState) throws -> Void
  ) throws {
    var state = scope.state
    try scope.checkOpen("update container", expecting: revision)
    try change(&state)
    try write(state, intent: intent, expecting: revision, durability: durability)
  }

  /// Changes the state and sets or, with nil, removes the embedder's own JSON on it, in one write.
  ///
  /// - Parameters:
  ///   - extra: the embedder's JSON from now on.
  ///   - intent: what becomes of the intent in the same transaction.
  ///   - revision: the state revision it has to have; nil for any.
  ///   - durability: what the return promises.
  ///   - change: changes the state it is given; what it throws is thrown and nothing is written.
  /// - Throws: as `update`.
  public borrowing func update(
    stateExtra extra: JSONBytes?, intent: IntentChange = .keep, expecting revision: Int64? = nil,
    durability: Durability = .durable, _ change: (inout ContainerState) throws -> Void
  ) throws {
    var state = scope.row.container.state
    try scope.checkOpen("update container", expecting: revision)
    try change(&state)
    try scope.write(
      state, stateExtra: .some(extra), intent: intent, expecting: revision, durability: durability,
      operation: "update container")
  }

  /// Writes a state over the one that was read under the lock; see `update`.
  ///
  /// - Throws: as `update`.
  public borrowing func write(
    _ state: ContainerState, intent: IntentChange = .keep, expecting revision: Int64? = nil,
    durability: Durability = .durable
  ) throws(StoreError) {
    try scope.write(
      state, stateExtra: nil, intent: intent, expecting: revision, durability: durability,
      operation: "update container")
  }

  /// Sets or, with nil, removes the embedder's own JSON on the state.
  ///
  /// - Throws: as `update`.
  public borrowing func setStateExtra(
    _ extra: JSONBytes?, expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try scope.write(
      scope.state, stateExtra: .some(extra), intent: .keep, expecting: revision,
      durability: durability, operation: "set state extra")
  }

  /// Records or ends an intent and writes nothing else.
  ///
  /// - Throws: as `update`.
  public borrowing func setIntent(
    _ change: IntentChange, expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try scope.write(
      scope.state, stateExtra: nil, intent: change, expecting: revision, durability: durability,
      operation: "set intent")
  }

  /// Records that the container's process has ended, and with what: in its state, and beyond its life
  /// (`StateStore.exitCode(of:)`).
  ///
  /// - Parameters:
  ///   - code: −1 (unknown) … 255; 128 + the signal where one killed it.
  ///   - finishedAt: when it ended.
  ///   - wasKilledForMemory: whether the kernel killed it for want of memory.
  ///   - status: `stopped` where the OCI runtime still keeps its state, else `exited`.
  ///   - intent: what becomes of the intent in the same transaction.
  ///   - revision: the state revision it has to have; nil for any.
  ///   - durability: what the return promises.
  /// - Throws: as `update`.
  public borrowing func recordExit(
    code: Int32, finishedAt: Timestamp, wasKilledForMemory: Bool = false, status: ContainerStatus = .stopped,
    intent: IntentChange = .end, expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    var state = scope.state
    state.status = status
    state.exitCode = code
    state.finishedAt = finishedAt
    state.wasKilledForMemory = wasKilledForMemory
    state.pid = 0
    state.pidStartTime = 0
    try scope.write(
      state, stateExtra: nil, intent: intent, expecting: revision, durability: durability,
      operation: "record exit", recordsExit: true)
  }

  /// Removes the container: its row and everything that belongs to it, the copy of its specification, its
  /// lockfile.
  ///
  /// - Parameters:
  ///   - revision: the state revision it has to have; nil for any.
  ///   - durability: what the return promises.
  /// - Throws: `inUse` where other containers depend on it or it has exec sessions, `conflict`, `removed`,
  ///   `lockLost`, `scopeEnded`, `busy`, `io`.
  /// - Process safety: a kill at any instruction leaves it there or gone; files of one that is gone are
  ///   reaped.
  public borrowing func remove(
    expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try scope.remove(expecting: revision, durability: durability)
  }

  /// The containers that depend on this one, which therefore cannot be removed; at most ten, by id.
  ///
  /// An engine asks before it ends what it wants to remove. Another may be added right after the answer:
  /// only `remove` decides.
  ///
  /// - Throws: `corrupt` where one of them has lost its id, `removed`, `scopeEnded`, `io`.
  /// - Blocking: for nobody.
  public borrowing func dependants() throws(StoreError) -> [ContainerID] {
    try scope.checkOpen("read dependants")
    let generation = scope.row.container.generation
    return try scope.store.perform("read dependants") {
      try scope.store.database.readOne {
        try ContainerRows.dependants(of: generation, in: $0).map(ContainerRows.checkedID)
      }
    }
  }

  /// The OCI specification, byte for byte as it was added.
  ///
  /// - Throws: `corrupt` where it does not match its digest, `removed`, `scopeEnded`.
  public borrowing func specification() throws(StoreError) -> JSONBytes {
    try scope.checkOpen("read specification")
    let (id, generation) = (scope.id, scope.row.container.generation)
    return try scope.store.perform("read specification") {
      try scope.store.database.readOne {
        try StoreReads.specification(of: id, generation: generation, in: $0)
      }
    }
  }

  /// The path of a copy of the specification that is byte for byte the stored one; rebuilt where it was not.
  ///
  /// - Throws: `corrupt`, `removed`, `scopeEnded`, `outOfSpace`, `io`.
  public borrowing func specificationCopy() throws(StoreError) -> String {
    let json = try specification()
    let id = scope.id
    return try scope.store.perform("rebuild specification copy") {
      try scope.store.specificationCopies.verifiedPath(of: id, json: json.bytes)
    }
  }
}
