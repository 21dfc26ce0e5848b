public import FileLocking
internal import SQLiteStorage
public import StateModel

extension StateStore {
  /// Locks pods, containers and volumes in the one order that excludes deadlock, and lends them all to
  /// `body`.
  ///
  /// - Parameters:
  ///   - containers: the containers; all exist, or the call fails.
  ///   - pods: the pods; likewise.
  ///   - volumes: the volumes; likewise. With them the anonymous volumes of the containers are locked too,
  ///     since they may go with these.
  ///   - wait: how long to wait for all of the locks together.
  ///   - operation: what others who wait are told that this process is doing.
  ///   - body: what to do under the locks. What it borrows is good for nothing after it (`scopeEnded`).
  /// - Returns: what `body` returns.
  /// - Throws: `lockTimeout`, `wouldDeadlock`, `notFound`, `corrupt`, `invalidArgument` for an id that is
  ///   named as both, and what `body` throws; where one lock cannot be had none is kept.
  public func withLockedRecords<R>(
    containers: Set<ContainerID> = [], pods: Set<ContainerID> = [], volumes: Set<VolumeName> = [],
    wait: LockWait, operation: String = "update", _ body: (borrowing LockedRecords) throws -> R
  ) throws -> R {
    let scopes = try perform(operation) {
      // They share their lockfiles, since they share their ids.
      if let id = containers.intersection(pods).min() {
        throw StoreError.invalidArgument(
          id.rawValue, "an id is a container's or a pod's; name it once")
      }
      let locked = volumes.isEmpty ? [] : try anonymousVolumes(of: containers).union(volumes)
      let names =
        pods.map { podLockName(of: $0) } + containers.map { lockName(of: $0) }
        + locked.map { lockName(of: $0) }
      let locks = try HeldLocks(names, wait: wait, operation: operation)
      return RecordScopes(self, locks, containers: containers, pods: pods, volumes: locked)
    }
    defer { scopes.end() }
    try perform(operation) {
      for id in pods { scopes.pods[id] = try lockedScope(of: id, scopes.locks) }
      for id in containers { scopes.containers[id] = try lockedScope(of: id, scopes.locks) }
      for name in volumes { scopes.volumes[name] = try lockedScope(of: name, scopes.locks) }
    }
    return try body(LockedRecords(scopes))
  }

  /// Asked before there is a lock: what a container comes to use meanwhile is locked when it is removed.
  private func anonymousVolumes(of containers: Set<ContainerID>) throws -> Set<VolumeName> {
    try database.read { connection in
      let generations = try containers.compactMap { try ContainerRows.generation(of: $0, in: connection) }
      return try VolumeUserRows.anonymous(goingWith: Set(generations), in: connection)
    }
  }

  /// Locks several containers: `withLockedRecords` without pods and volumes.
  public func withLockedContainers<R>(
    _ ids: Set<ContainerID>, wait: LockWait, operation: String = "update",
    _ body: (borrowing LockedRecords) throws -> R
  ) throws -> R {
    try withLockedRecords(containers: ids, wait: wait, operation: operation, body)
  }
}

/// What a lent `LockedRecords` stands for.
final class RecordScopes {
  let store: StateStore
  let locks: HeldLocks
  private let lockedContainers: Set<ContainerID>
  private let lockedPods: Set<ContainerID>
  /// Those that are lent, and those that may go with a container.
  let lockedVolumes: Set<VolumeName>
  var containers: [ContainerID: ContainerScope] = [:]
  var pods: [ContainerID: PodScope] = [:]
  var volumes: [VolumeName: VolumeScope] = [:]

  init(
    _ store: StateStore, _ locks: HeldLocks, containers: Set<ContainerID> = [], pods: Set<ContainerID> = [],
    volumes: Set<VolumeName> = []
  ) {
    self.store = store
    self.locks = locks
    lockedContainers = containers
    lockedPods = pods
    lockedVolumes = volumes
  }

  func end() {
    for scope in containers.values { scope.end() }
    for scope in pods.values { scope.end() }
    for scope in volumes.values { scope.end() }
    // What was not lent need not exist, and then its lockfile was made by the question.
    let notLent =
      lockedPods.filter { pods[$0] == nil }.map { store.podLockName(of: $0) }
      + lockedContainers.filter { containers[$0] == nil }.map { store.lockName(of: $0) }
      + lockedVolumes.filter { volumes[$0] == nil }.map { store.lockName(of: $0) }
    for name in notLent { store.unlinkUnlessKnown(name, locks) }
    locks.release()
  }

  func container(_ id: ContainerID) throws(StoreError) -> ContainerScope {
    guard let scope = containers[id] else { throw Self.notLocked(id, "containers") }
    return scope
  }

  func pod(_ id: ContainerID) throws(StoreError) -> PodScope {
    guard let scope = pods[id] else { throw Self.notLocked(id, "pods") }
    return scope
  }

  func volume(_ name: VolumeName) throws(StoreError) -> VolumeScope {
    guard let scope = volumes[name] else { throw Self.notLocked(name, "volumes") }
    return scope
  }

  private static func notLocked(_ subject: some CustomStringConvertible, _ kind: String) -> StoreError {
    .invalidArgument(
      "\(subject)", "it is not among the \(kind) that were locked; name it in the call that takes the locks")
  }
}

/// Several records under their locks, lent to the closure of `withLockedRecords`.
public struct LockedRecords: ~Copyable {
  private let scopes: RecordScopes

  init(_ scopes: RecordScopes) { self.scopes = scopes }

  /// The locked containers' ids, in the lock order.
  public var containerIDs: [ContainerID] { scopes.containers.keys.sorted() }
  /// The locked pods' ids, in the lock order.
  public var podIDs: [ContainerID] { scopes.pods.keys.sorted() }

  /// The locked volumes' names, in the lock order.
  public var volumeNames: [VolumeName] { scopes.volumes.keys.sorted() }

  /// Lends one of the containers to `body`.
  ///
  /// - Throws: `invalidArgument` for an id that was not locked, and what `body` throws.
  public borrowing func withContainer<R>(
    _ id: ContainerID, _ body: (borrowing LockedContainer) throws -> R
  ) throws -> R {
    try body(LockedContainer(scopes.container(id)))
  }

  /// Lends one of the pods to `body`.
  ///
  /// - Throws: `invalidArgument` for an id that was not locked, and what `body` throws.
  public borrowing func withPod<R>(
    _ id: ContainerID, _ body: (borrowing LockedPod) throws -> R
  ) throws -> R {
    try body(LockedPod(scopes.pod(id)))
  }

  /// Lends one of the volumes to `body`.
  ///
  /// - Throws: `invalidArgument` for a name that was not locked, and what `body` throws.
  public borrowing func withVolume<R>(
    _ name: VolumeName, _ body: (borrowing LockedVolume) throws -> R
  ) throws -> R {
    try body(LockedVolume(scopes.volume(name)))
  }

  /// Makes all changes that `body` collects in one transaction, or none of them.
  ///
  /// `body` runs before the transaction, so it may take its time; each change is checked as it is collected.
  ///
  /// - Parameters:
  ///   - durability: what the return promises.
  ///   - body: collects the changes; what it throws is thrown and nothing is written.
  /// - Returns: what `body` returns.
  /// - Throws: what the calls of `RecordBatch` throw; `inUse` for what cannot be removed, `alreadyExists` for
  ///   a name; `removed`, `lockLost`, `busy`, `lockTimeout` (the gate), `outOfSpace`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the write gate.
  /// - Durability: D-1.
  /// - Process safety: a kill at any instruction leaves all of it or nothing.
  public borrowing func write<R>(
    durability: Durability = .durable, _ body: (inout RecordBatch) throws -> R
  ) throws -> R {
    var batch = RecordBatch(scopes)
    let result = try body(&batch)
    try batch.commit(durability)
    return result
  }

  /// Changes the states of all locked containers and writes those that changed, in one transaction.
  ///
  /// - Parameters:
  ///   - durability: what the return promises.
  ///   - change: called with each container in the lock order, and its state to change; what it throws is
  ///     thrown and nothing is written.
  /// - Throws: as `write`.
  public borrowing func update(
    durability: Durability = .durable, _ change: (Container, inout ContainerState) throws -> Void
  ) throws {
    let ids = containerIDs
    try write(durability: durability) { batch in
      for id in ids {
        let present = try batch.container(id)
        var state = present.state
        try change(present, &state)
        if state != present.state { try batch.update(container: id) { $0 = state } }
      }
    }
  }
}
