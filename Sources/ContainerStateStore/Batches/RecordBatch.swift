internal import SQLiteStorage
public import StateModel

/// Changes that are made together, in the order of the calls; lent by `LockedRecords.write`.
///
/// Each call sees what the ones before it have made of a record, is a write of its own to it (INVARIANT I-12)
/// and one change in the sequence. Removals come last, dependants before what they depend on, pods and
/// volumes after containers, whatever the order of the calls; anonymous volumes go with their last users.
public struct RecordBatch {
  private let scopes: RecordScopes
  private var containers: [ContainerID: Container] = [:]
  private var pods: [ContainerID: Pod] = [:]
  private var volumes: [VolumeName: Volume] = [:]
  private var removedContainers: Set<ContainerID> = []
  private var removedPods: Set<ContainerID> = []
  private var removedVolumes: Set<VolumeName> = []
  private var steps: [(Connection) throws -> Void] = []
  /// Whether something is written that may be large: that is no use of the last space.
  private var isLarge = false

  init(_ scopes: RecordScopes) { self.scopes = scopes }

  /// A locked container as the calls before this one have made it.
  ///
  /// - Throws: `invalidArgument` for one that was not locked, `removed`, `scopeEnded`.
  public func container(_ id: ContainerID) throws(StoreError) -> Container {
    let scope = try scopes.container(id)
    try scope.checkOpen("write batch")
    if removedContainers.contains(id) { throw .removed(id) }
    return containers[id] ?? scope.container
  }

  /// A locked pod as the calls before this one have made it.
  ///
  /// - Throws: `invalidArgument` for one that was not locked, `removed`, `scopeEnded`.
  public func pod(_ id: ContainerID) throws(StoreError) -> Pod {
    let scope = try scopes.pod(id)
    try scope.checkOpen("write batch")
    if removedPods.contains(id) { throw .podRemoved(id) }
    return pods[id] ?? scope.pod
  }

  /// A locked volume as the calls before this one have made it.
  ///
  /// - Throws: `invalidArgument` for one that was not locked, `removed`, `scopeEnded`.
  public func volume(_ name: VolumeName) throws(StoreError) -> Volume {
    let scope = try scopes.volume(name)
    try scope.checkOpen("write batch")
    if removedVolumes.contains(name) { throw .volumeRemoved(name) }
    return volumes[name] ?? scope.volume
  }

  /// Changes the state of a container.
  ///
  /// - Parameters:
  ///   - id: one of the locked containers.
  ///   - revision: the state revision it has to have; nil for any.
  ///   - change: changes the state it is given.
  /// - Throws: `invalidTransition`, `conflict`, `invalidArgument`, `removed`, `scopeEnded`, and what `change`
  ///   throws.
  public mutating func update(
    container id: ContainerID, expecting revision: Int64? = nil,
    _ change: (inout ContainerState) throws -> Void
  ) throws {
    let (scope, present) = (try scopes.container(id), try container(id))
    try Self.check(id, expecting: revision, found: present.stateRevision)
    var state = present.state
    try change(&state)
    try state.check(replacing: present.state, of: id)
    containers[id] = present.with(
      state: state, stateExtra: present.stateExtra, stateRevision: present.stateRevision + 1)
    steps.append { try scope.update(state, over: present, in: $0) }
  }

  /// Changes the state of a pod.
  ///
  /// - Parameters:
  ///   - id: one of the locked pods.
  ///   - revision: the state revision it has to have; nil for any.
  ///   - change: changes the state it is given.
  /// - Throws: `conflict`, `invalidArgument`, `removed`, `scopeEnded`, and what `change` throws.
  public mutating func update(
    pod id: ContainerID, expecting revision: Int64? = nil, _ change: (inout PodState) throws -> Void
  ) throws {
    let (scope, present) = (try scopes.pod(id), try pod(id))
    try Self.check(id, expecting: revision, found: present.stateRevision)
    var state = present.state
    try change(&state)
    try state.checkValues()
    pods[id] = present.with(
      state: state, stateExtra: present.stateExtra, stateRevision: present.stateRevision + 1)
    steps.append { try scope.update(state, present.stateExtra, over: present, in: $0) }
  }

  /// Changes the state of a volume.
  ///
  /// - Parameters:
  ///   - name: one of the locked volumes.
  ///   - revision: the state revision it has to have; nil for any.
  ///   - change: changes the state it is given.
  /// - Throws: `conflict`, `invalidArgument`, `removed`, `scopeEnded`, and what `change` throws.
  public mutating func update(
    volume name: VolumeName, expecting revision: Int64? = nil, _ change: (inout VolumeState) throws -> Void
  ) throws {
    let (scope, present) = (try scopes.volume(name), try volume(name))
    try Self.check(name, expecting: revision, found: present.stateRevision)
    var state = present.state
    try change(&state)
    try state.checkValues()
    volumes[name] = present.with(
      state: state, stateExtra: present.stateExtra, stateRevision: present.stateRevision + 1)
    steps.append { try scope.update(state, present.stateExtra, over: present, in: $0) }
  }

  /// Writes another configuration over that of the container of its id; see `LockedContainer.rewrite`.
  ///
  /// - Throws: `invalidArgument` naming what cannot change, `conflict`, `removed`, `scopeEnded`.
  public mutating func rewrite(
    _ configuration: ContainerConfiguration, expecting revision: Int64? = nil
  ) throws(StoreError) {
    let (scope, present) = (try scopes.container(configuration.id), try container(configuration.id))
    try present.checkRewriting(configuration, expecting: revision)
    containers[present.id] = present.rewritten(configuration)
    isLarge = true
    steps.append { connection in
      try scope.checkRow(present, in: connection)
      let change = try scope.rewrite(configuration, over: present, in: connection)
      try scope.store.record(change, in: connection)
    }
  }

  /// Writes another configuration over that of the pod of its id; see `LockedPod.rewrite`.
  ///
  /// - Throws: `invalidArgument` naming what cannot change, `conflict`, `removed`, `scopeEnded`.
  public mutating func rewrite(
    _ configuration: PodConfiguration, expecting revision: Int64? = nil
  ) throws(StoreError) {
    let (scope, present) = (try scopes.pod(configuration.id), try pod(configuration.id))
    try present.checkRewriting(configuration, expecting: revision)
    pods[present.id] = present.rewritten(configuration)
    isLarge = true
    steps.append { try scope.rewrite(configuration, over: present, in: $0) }
  }

  /// Writes another configuration over that of the volume of its name; see `LockedVolume.rewrite`.
  ///
  /// - Throws: `invalidArgument` naming what cannot change, `conflict`, `removed`, `scopeEnded`.
  public mutating func rewrite(
    _ configuration: VolumeConfiguration, expecting revision: Int64? = nil
  ) throws(StoreError) {
    let (scope, present) = (try scopes.volume(configuration.name), try volume(configuration.name))
    try present.checkRewriting(configuration, expecting: revision)
    volumes[present.name] = present.rewritten(configuration)
    isLarge = true
    steps.append { try scope.rewrite(configuration, over: present, in: $0) }
  }

  /// Removes a container; whatever depends on it has to be removed in the same batch.
  ///
  /// - Parameters:
  ///   - id: one of the locked containers.
  ///   - revision: the state revision it has to have; nil for any.
  /// - Throws: `conflict`, `invalidArgument`, `removed`, `scopeEnded`.
  public mutating func remove(
    container id: ContainerID, expecting revision: Int64? = nil
  ) throws(StoreError) {
    let (scope, present) = (try scopes.container(id), try container(id))
    try Self.check(id, expecting: revision, found: present.stateRevision)
    removedContainers.insert(id)
    steps.append { try scope.checkRow(present, in: $0) }
  }

  /// Removes a pod; whatever is in it has to be removed in the same batch.
  ///
  /// - Parameters:
  ///   - id: one of the locked pods.
  ///   - revision: the state revision it has to have; nil for any.
  /// - Throws: `conflict`, `invalidArgument`, `removed`, `scopeEnded`.
  public mutating func remove(pod id: ContainerID, expecting revision: Int64? = nil) throws(StoreError) {
    let (scope, present) = (try scopes.pod(id), try pod(id))
    try Self.check(id, expecting: revision, found: present.stateRevision)
    removedPods.insert(id)
    steps.append { try scope.checkRow(present, in: $0) }
  }

  /// Removes a volume; whoever uses it has to be removed in the same batch.
  ///
  /// - Parameters:
  ///   - name: one of the locked volumes.
  ///   - revision: the state revision it has to have; nil for any.
  /// - Throws: `conflict`, `invalidArgument`, `removed`, `scopeEnded`.
  public mutating func remove(
    volume name: VolumeName, expecting revision: Int64? = nil
  ) throws(StoreError) {
    let (scope, present) = (try scopes.volume(name), try volume(name))
    try Self.check(name, expecting: revision, found: present.stateRevision)
    removedVolumes.insert(name)
    steps.append { try scope.checkRow(present, in: $0) }
  }

  private static func check(
    _ subject: some CustomStringConvertible, expecting revision: Int64?, found: Int64
  ) throws(StoreError) {
    if let revision, revision != found {
      throw StoreError.conflict(subject, expected: revision, found: found).during("write batch")
    }
  }
}

extension RecordBatch {
  /// Makes the changes in one transaction; then the scopes know of them.
  func commit(_ durability: Durability) throws(StoreError) {
    if steps.isEmpty { return }
    let store = scopes.store
    for scope in changedContainers { try scope.checkOpen("write batch") }
    for scope in changedPods { try scope.checkOpen("write batch") }
    for scope in changedVolumes { try scope.checkOpen("write batch") }
    var gone: Set<VolumeName> = []
    do {
      try store.perform("write batch") {
        try VolumeLocks.withAnonymous(
          of: store, besides: scopes.lockedVolumes, operation: "write batch"
        ) { locks in
          try store.writeWithReserve("write batch", durability: durability, draws: !isLarge) { connection in
            for step in steps { try step(connection) }
            gone = try removeRows(locks, in: connection)
          }
        }
      }
    } catch {
      // What is committed is what the next write in these scopes begins with. Where it cannot be read the
      // caller still has to hear of this first, and that write finds the revision changed.
      if error.code == .durabilityUnknown { followRows() }
      throw error
    }
    for (id, container) in containers { scopes.containers[id]?.follow(container) }
    for (id, pod) in pods { scopes.pods[id]?.follow(pod) }
    for id in removedContainers { scopes.containers[id]?.finishRemoval() }
    for id in removedPods { scopes.pods[id]?.finishRemoval() }
    for (name, volume) in volumes { scopes.volumes[name]?.follow(volume) }
    for name in gone { scopes.volumes[name]?.finishRemoval() }
  }

  /// Returns the volumes that it has removed.
  private func removeRows(
    _ locks: VolumeLocks, in connection: Connection
  ) throws -> Set<VolumeName> {
    let generations = removedContainers.compactMap { scopes.containers[$0]?.container.generation }
    let going = try VolumeUserRows.anonymous(goingWith: Set(generations), in: connection)
    try locks.check(cover: going)
    _ = try scopes.store.removeRows(of: removedContainers, in: connection)
    for pod in removedPods.sorted() { try scopes.store.removeRow(ofPod: pod, in: connection) }
    let volumes = going.union(removedVolumes)
    try scopes.store.removeVolumes(volumes, in: connection)
    return volumes
  }

  private func followRows() {
    for scope in changedContainers { try? scope.followRow() }
    for scope in changedPods { try? scope.followRow() }
    // An anonymous one may have gone too.
    for scope in scopes.volumes.values { try? scope.followRow() }
  }

  private var changedContainers: [ContainerScope] {
    Set(containers.keys).union(removedContainers).compactMap { scopes.containers[$0] }
  }

  private var changedVolumes: [VolumeScope] {
    Set(volumes.keys).union(removedVolumes).compactMap { scopes.volumes[$0] }
  }

  private var changedPods: [PodScope] {
    Set(pods.keys).union(removedPods).compactMap { scopes.pods[$0] }
  }
}
