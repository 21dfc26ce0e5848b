public import FileLocking
public import JSONText
internal import SQLiteStorage
public import StateModel

extension StateStore {
  /// Adds a pod.
  ///
  /// - Returns: the pod as it was written.
  /// - Throws: `alreadyExists` for the id or the name, `invalidArgument`, `lockTimeout`, `busy`,
  ///   `outOfSpace`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the pod's lock and the write gate.
  /// - Durability: D-1.
  @discardableResult
  public func addPod(
    _ configuration: PodConfiguration, state: PodState = .init(), stateExtra: JSONBytes? = nil,
    durability: Durability = .durable
  ) throws(StoreError) -> Pod {
    try state.checkValues()
    try ContainerConfiguration.checkExtra(stateExtra)
    return try perform("add pod") {
      let id = configuration.id
      let locks = try HeldLocks(
        [podLockName(of: id)], wait: .upTo(options.operationTimeout), operation: "add")
      defer { locks.release() }
      do {
        let generation = try database.write(
          "add pod", durability: durability.inStorage, deadlineNanoseconds: operationDeadlineNanoseconds
        ) { connection in
          let generation = try PodRows.insert(
            configuration, state: state, stateExtra: stateExtra, in: connection)
          try record(.init(kind: .pod, id: id.rawValue, action: .added, revision: 1), in: connection)
          return generation
        }
        return Pod(
          configuration: configuration, state: state, stateExtra: stateExtra, infrastructure: nil,
          generation: generation, configurationRevision: 1, stateRevision: 1)
      } catch {
        unlinkUnlessKnown(podLockName(of: id), locks)
        throw durability == .durable ? try durably(error) : error
      }
    }
  }

  /// The pod of exactly this id.
  ///
  /// - Throws: `notFound`, `corrupt`.
  /// - Blocking: for nobody.
  public func pod(_ id: ContainerID) throws(StoreError) -> Pod {
    try perform("read pod") {
      guard let pod = try database.readOne({ try PodRows.pod(id, in: $0) }) else {
        throw StoreError.podNotFound(id.rawValue)
      }
      return pod
    }
  }

  /// The pod that `nameOrPrefix` stands for: exact name, then exact id, then unique id prefix.
  ///
  /// - Throws: `emptyID`, `invalidArgument`, `notFound`, `ambiguous`, `corrupt`.
  /// - Blocking: for nobody.
  public func lookUpPod(_ nameOrPrefix: String) throws(StoreError) -> Pod {
    try StoreReads.checkLookup(nameOrPrefix)
    return try perform("look up pod") {
      try database.read { connection in
        let id = try ContainerRows.resolve(nameOrPrefix, kind: .pod, in: connection)
        guard let pod = try PodRows.pod(id, in: connection) else {
          throw StoreError.podNotFound(nameOrPrefix)
        }
        return pod
      }
    }
  }

  /// Whether there is a pod of exactly this id; false for a container's.
  ///
  /// - Blocking: for nobody.
  public func hasPod(_ id: ContainerID) throws(StoreError) -> Bool {
    try perform("look for pod") { try database.readOne { try PodRows.generation(of: id, in: $0) != nil } }
  }

  /// The pods that a filter lets through, newest first, as one snapshot; one that cannot be read is left out
  /// and named by `verify` (INVARIANT I-16).
  ///
  /// - Blocking: for nobody.
  public func pods(where filter: PodFilter = .all) throws(StoreError) -> [Pod] {
    try perform("list pods") {
      try database.read { connection in
        try PodListing(filter).ids(in: connection).compactMap { id in
          try StoreReads.skippingCorrupt { try PodRows.pod(id, in: connection) }
        }
      }
    }
  }

  /// What a listing shows of the pods that a filter lets through, newest first, as one snapshot.
  ///
  /// One statement, which reads no configuration; a row that cannot be read is returned in `corrupt`.
  ///
  /// - Throws: `invalidArgument` for too many labels.
  /// - Blocking: for nobody.
  public func podSummaries(where filter: PodFilter = .all) throws(StoreError) -> PodList {
    try perform("list pods") { try database.readOne { try PodListing(filter).summaries(in: $0) } }
  }

  /// The containers in a pod, by id.
  ///
  /// - Throws: `notFound` for the pod.
  /// - Blocking: for nobody.
  public func members(ofPod id: ContainerID) throws(StoreError) -> [ContainerID] {
    try perform("list members") { try database.read { try StoreReads.members(ofPod: id, in: $0) } }
  }

  /// The containers in a pod as records, by id, as one snapshot.
  ///
  /// - Throws: `notFound` for the pod.
  /// - Blocking: for nobody.
  public func memberContainers(ofPod id: ContainerID) throws(StoreError) -> [Container] {
    try perform("list members") {
      try database.read { connection in
        try StoreReads.members(ofPod: id, in: connection).compactMap { member in
          try StoreReads.skippingCorrupt { try ContainerRows.container(member, in: connection) }
        }
      }
    }
  }

  /// Whether a container is in a pod.
  ///
  /// - Throws: `notFound` for either.
  /// - Blocking: for nobody.
  public func pod(_ id: ContainerID, has container: ContainerID) throws(StoreError) -> Bool {
    try perform("look for member") {
      try database.read { connection in
        guard try PodRows.generation(of: id, in: connection) != nil else {
          throw StoreError.podNotFound(id.rawValue)
        }
        guard let generation = try ContainerRows.generation(of: container, in: connection) else {
          throw StoreError.notFound(container.rawValue)
        }
        return try PodRows.membership(ofContainer: generation, in: connection)?.pod == id
      }
    }
  }

  /// Removes a pod, and with it its containers where that is asked for; in one transaction, or not at all.
  ///
  /// - Parameters:
  ///   - id: the pod.
  ///   - includingMembers: whether its containers go with it; else it has to be empty.
  ///   - wait: how long to wait for all of the locks together.
  ///   - revision: the state revision that the pod has to have; nil for any.
  ///   - durability: what the return promises.
  /// - Returns: the containers that were removed.
  /// - Throws: `notFound`, `inUse` where it has containers that do not go with it, where somebody outside
  ///   depends on one of them or one has exec sessions; `conflict`, `lockTimeout`, `busy`, `io`,
  ///   `durabilityUnknown`.
  /// - Blocking: for the locks of the pod and its containers as long as `wait` says, and for the gate.
  @discardableResult
  public func removePod(
    _ id: ContainerID, includingMembers: Bool = false, wait: LockWait, expecting revision: Int64? = nil,
    durability: Durability = .durable
  ) throws(StoreError) -> [ContainerID] {
    try perform("remove pod") {
      let name = podLockName(of: id)
      let locks = try HeldLocks([name], wait: wait, operation: "remove")
      defer { locks.release() }
      do {
        // Under the pod's lock nobody puts a container into it; one may still be removed.
        let removed = try removeTogether(
          pod: id, wait: wait, operation: "remove pod", durability: durability
        ) { connection in
          let members = try StoreReads.members(ofPod: id, expecting: revision, in: connection)
          guard includingMembers || members.isEmpty else {
            throw StoreError.podHasMembers(id, members.prefix(10).map(\.rawValue))
          }
          return Set(members)
        }
        locks.unlink(name)
        return removed
      } catch {
        unlinkUnlessKnown(name, locks)
        throw error
      }
    }
  }
}

extension StoreReads {
  static func members(
    ofPod id: ContainerID, expecting revision: Int64? = nil, in connection: Connection
  ) throws -> [ContainerID] {
    guard let generation = try PodRows.generation(of: id, in: connection) else {
      throw StoreError.podNotFound(id.rawValue)
    }
    if let revision {
      let found = try PodRows.stateRevision(generation: generation, in: connection) ?? 0
      if revision != found { throw StoreError.conflict(id, expected: revision, found: found) }
    }
    return try PodRows.members(ofGeneration: generation, in: connection)
  }
}
