public import FileLocking
internal import SQLiteStorage
public import StateModel
internal import Synchronization

extension StateStore {
  /// The containers that depend on the one of exactly this id, by id.
  ///
  /// - Throws: `notFound`, `corrupt`.
  /// - Blocking: for nobody.
  public func dependants(of id: ContainerID) throws(StoreError) -> [ContainerID] {
    try perform("list dependants") {
      try database.read { connection in
        guard let generation = try ContainerRows.generation(of: id, in: connection) else {
          throw StoreError.notFound(id.rawValue)
        }
        return try ContainerRows.allDependants(of: generation, in: connection).map(\.id)
      }
    }
  }

  /// The containers that the one of exactly this id depends on, by id; what it was added with.
  ///
  /// - Throws: `notFound`, `corrupt`.
  /// - Blocking: for nobody.
  public func dependencies(of id: ContainerID) throws(StoreError) -> [ContainerID] {
    try perform("list dependencies") {
      try database.read { connection in
        guard let generation = try ContainerRows.generation(of: id, in: connection) else {
          throw StoreError.notFound(id.rawValue)
        }
        return try ContainerRows.dependencies(of: generation, in: connection).map(\.rawValue).sorted()
          .map(ContainerRows.checkedID)
      }
    }
  }

  /// Removes several containers in one transaction, or none.
  ///
  /// - Parameters:
  ///   - ids: all exist, or the call fails.
  ///   - includingDependants: whether what depends on them, and on that, goes too; else it is in the way.
  ///   - wait: how long to wait for all of the locks together.
  ///   - durability: what the return promises.
  /// - Returns: what was removed, dependants before what they depend on.
  /// - Throws: `notFound`, `inUse` where a container outside depends on one of them or one has exec sessions,
  ///   `lockTimeout`, `conflict` where dependants keep coming, `busy`, `io`, `durabilityUnknown`.
  /// - Blocking: for the locks as long as `wait` says, and up to `operationTimeout` for the gate.
  @discardableResult
  public func remove(
    _ ids: Set<ContainerID>, includingDependants: Bool = false, wait: LockWait,
    durability: Durability = .durable
  ) throws(StoreError) -> [ContainerID] {
    try perform("remove containers") {
      try removeTogether(wait: wait, operation: "remove containers", durability: durability) { connection in
        try ContainerRows.closure(of: ids, includingDependants: includingDependants, in: connection)
      }
    }
  }

  /// Locks containers, removes them and, where one is given, their pod or volume in one transaction, then
  /// their files.
  ///
  /// The anonymous volumes that go with them are locked and removed too.
  ///
  /// Which they are is asked for twice: to know the locks to take, and in the transaction. Whoever has gone,
  /// or was added again, meanwhile is not removed by mistake; where others have come all of it is begun
  /// again.
  ///
  /// - Returns: what was removed, dependants before what they depend on.
  func removeTogether(
    pod: ContainerID? = nil, volume: VolumeName? = nil, wait: LockWait, operation: String,
    durability: Durability, choosing choose: (Connection) throws -> Set<ContainerID>
  ) throws -> [ContainerID] {
    for _ in 0..<Self.choiceAttempts {
      let chosen = try database.read { try Removal(choose($0), of: volume, in: $0) }
      let locks = try HeldLocks(
        chosen.containers.map { lockName(of: $0) } + chosen.volumes.map { lockName(of: $0) }, wait: wait,
        operation: operation)
      defer { locks.release() }
      do {
        let removed = try writeWithReserve(operation, durability: durability) { connection in
          let present = try Removal(choose(connection), of: volume, in: connection)
          guard present.isCovered(by: chosen) else { throw OthersCame() }
          let removed = try removeRows(of: present.containers, in: connection)
          if let pod { try removeRow(ofPod: pod, in: connection) }
          try removeVolumes(present.volumes, in: connection)
          return removed
        }
        finishRemoval(of: chosen, knowingGone: removed, locks)
        return removed
      } catch {
        // Where the changes are made and only not known to be durable their files follow all the same.
        finishRemoval(of: chosen, locks)
        if !(error is OthersCame) { throw error }
      }
    }
    throw StoreError(
      .conflict, subject: location.root,
      message: "containers that belong to what is to be removed keep being added; try again")
  }

  private static let choiceAttempts = 10

  /// What one call removes.
  private struct Removal {
    let containers: Set<ContainerID>
    let volumes: Set<VolumeName>

    init(_ containers: Set<ContainerID>, of volume: VolumeName?, in connection: Connection) throws {
      self.containers = containers
      let generations = try containers.compactMap { try ContainerRows.generation(of: $0, in: connection) }
      volumes = try VolumeUserRows.anonymous(goingWith: Set(generations), in: connection)
        .union(volume.map { [$0] } ?? [])
    }

    func isCovered(by locked: Removal) -> Bool {
      containers.isSubset(of: locked.containers) && volumes.isSubset(of: locked.volumes)
    }
  }

  /// Somebody added what is to be removed too, before its lock was taken.
  private struct OthersCame: Error {}

  /// Removes containers within the caller's transaction, and records that; returns them in the order removed.
  func removeRows(of ids: Set<ContainerID>, in connection: Connection) throws -> [ContainerID] {
    let removed = try ContainerRows.remove(ids, in: connection)
    for container in removed {
      try record(
        .init(
          kind: .container, id: container.id.rawValue, action: .removed, from: container.status,
          revision: container.stateRevision), in: connection)
    }
    return removed.map(\.id)
  }

  /// Removes an empty pod within the caller's transaction, and records that.
  func removeRow(ofPod id: ContainerID, in connection: Connection) throws {
    guard let pod = try PodRows.pod(id, in: connection) else { throw StoreError.podNotFound(id.rawValue) }
    let members = try PodRows.members(ofGeneration: pod.generation, in: connection)
    guard members.isEmpty else { throw StoreError.podHasMembers(id, members.prefix(10).map(\.rawValue)) }
    try PodRows.remove(generation: pod.generation, in: connection)
    try record(
      .init(kind: .pod, id: id.rawValue, action: .removed, revision: pod.stateRevision), in: connection)
  }

  /// Takes away the files of those that are gone, each under its lock.
  ///
  /// What is known to be gone is not asked for again: under its lock nobody adds it.
  private func finishRemoval(
    of removal: Removal, knowingGone gone: [ContainerID] = [], _ locks: HeldLocks
  ) {
    for name in removal.volumes { unlinkUnlessKnown(lockName(of: name), locks) }
    // In the order of locks, in which each is found at once.
    for id in gone.sorted() {
      specificationCopies.remove(id)
      locks.unlink(lockName(of: id))
    }
    for id in removal.containers.subtracting(gone) {
      // Where the database does not answer `recover` takes them.
      if (try? hasContainer(id)) == false { specificationCopies.remove(id) }
      unlinkUnlessKnown(lockName(of: id), locks)
    }
    if lacksReserve.load(ordering: .relaxed) { refillReserve() }
  }
}

extension ContainerRows {
  /// The containers that depend on the row of this generation, by id.
  static func allDependants(
    of generation: Int64, in connection: Connection
  ) throws -> [(id: ContainerID, generation: Int64)] {
    let row = try connection.statement(
      """
      SELECT r.id, r.generation FROM dependency d JOIN record r ON r.generation = d.dependant
      WHERE d.dependency = ?1 ORDER BY r.id
      """)
    try row.bind(1, generation)
    return try readableIDs(row)
  }

  /// These containers and, where asked for, all that depends on them.
  ///
  /// - Throws: `notFound` for one of the first.
  static func closure(
    of ids: Set<ContainerID>, includingDependants: Bool, in connection: Connection
  ) throws -> Set<ContainerID> {
    var found = ids
    var open: [Int64] = []
    for id in ids {
      guard let generation = try generation(of: id, in: connection) else {
        throw StoreError.notFound(id.rawValue)
      }
      open.append(generation)
    }
    while includingDependants, let generation = open.popLast() {
      for dependant in try allDependants(of: generation, in: connection)
      where found.insert(dependant.id).inserted {
        open.append(dependant.generation)
      }
    }
    return found
  }

  /// Removes these rows and everything that belongs to them.
  ///
  /// - Returns: what was removed, dependants before what they depend on.
  /// - Throws: `notFound`, `inUse` where others depend on one of them or one has exec sessions (INVARIANT
  ///   I-5).
  static func remove(_ ids: Set<ContainerID>, in connection: Connection) throws -> [RemovedContainer] {
    var found: [Int64: RemovedContainer] = [:]
    for id in ids {
      let container = try StoreError.naming(id) { try last(of: id, in: connection) }
      found[container.generation] = container
    }
    let order = DependencyOrder.dependantsFirst(try dependants(of: found, in: connection))
    try checkSessions(of: found, in: connection)
    // What SQLite keeps to undo a statement is a page once for all of them, not once for each.
    let row = try connection.statement(
      "DELETE FROM record WHERE generation IN (SELECT value FROM json_each(?1))")
    try row.bind(1, array(of: order))
    try row.run()
    return order.compactMap { found[$0] }
  }

  /// What is recorded of a container that goes.
  private static func last(of id: ContainerID, in connection: Connection) throws -> RemovedContainer {
    let row = try connection.statement(
      """
      SELECT r.generation, s.status, s.revision FROM record r
        LEFT JOIN container_state s ON s.generation = r.generation
      WHERE r.id = ?1 AND r.kind = 1
      """)
    try row.bind(1, id.rawValue)
    guard try row.step() else { throw StoreError.notFound(id.rawValue) }
    guard let status = ContainerStatus(rawValue: try row.int32(1)) else {
      throw StoreError.corrupt(id.rawValue, "its status is not one this version knows")
    }
    return RemovedContainer(
      id: id, generation: try row.int64(0), status: status, stateRevision: try row.int64(2))
  }

  /// Who depends on each of these, all of them among these.
  private static func dependants(
    of containers: [Int64: RemovedContainer], in connection: Connection
  ) throws -> [Int64: [Int64]] {
    var found = containers.mapValues { _ in [Int64]() }
    var outside: [Int64: [String]] = [:]
    let row = try connection.statement(
      """
      SELECT d.dependency, d.dependant, r.id FROM dependency d JOIN record r ON r.generation = d.dependant
      WHERE d.dependency IN (SELECT value FROM json_each(?1)) ORDER BY d.dependency, r.id
      """)
    try row.bind(1, array(of: containers.keys))
    while try row.step() {
      let (dependency, dependant) = (try row.int64(0), try row.int64(1))
      if containers[dependant] == nil {
        outside[dependency, default: []].append(try id(row, 2).rawValue)
      } else {
        found[dependency, default: []].append(dependant)
      }
    }
    if let (dependency, users) = outside.min(by: { $0.key < $1.key }), let used = containers[dependency] {
      throw StoreError.inUse(used.id, by: Array(users.prefix(10)))
    }
    return found
  }

  private static func checkSessions(
    of containers: [Int64: RemovedContainer], in connection: Connection
  ) throws {
    let row = try connection.statement(
      """
      SELECT container FROM exec_session WHERE container IN (SELECT value FROM json_each(?1))
      ORDER BY container LIMIT 1
      """)
    try row.bind(1, array(of: containers.keys))
    guard try row.step(), let used = containers[try row.int64(0)] else { return }
    throw StoreError.hasSessions(
      used.id, try ExecSessionRows.ids(ofGeneration: used.generation, in: connection))
  }

  /// Generations as JSON, for a statement that is about any number of them.
  static func array(of generations: some Sequence<Int64>) -> String {
    "[" + generations.map { "\($0)" }.joined(separator: ",") + "]"
  }
}

/// What is known of a container whose row is gone.
struct RemovedContainer {
  let id: ContainerID
  let generation: Int64
  let status: ContainerStatus
  let stateRevision: Int64
}
