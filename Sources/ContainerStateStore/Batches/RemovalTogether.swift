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
      for _ in 0..<Self.closureAttempts {
        let all = try database.read { connection in
          try ContainerRows.closure(of: ids, includingDependants: includingDependants, in: connection)
        }
        do {
          return try removeTogether(
            all, wait: wait, operation: "remove containers", durability: durability,
            growing: includingDependants)
        } catch is ClosureGrown { continue }
      }
      throw StoreError(
        .conflict, subject: ids.map(\.rawValue).sorted().joined(separator: ", "),
        message: "containers that depend on them keep being added; try again")
    }
  }

  private static let closureAttempts = 10

  /// Somebody came to depend on what is to be removed before its locks were taken.
  struct ClosureGrown: Error {}

  /// Locks the containers, removes them and, where one is given, their pod in one transaction, then their
  /// files.
  ///
  /// - Returns: what was removed, dependants before what they depend on.
  /// - Throws: `ClosureGrown` where `growing` is set and somebody outside depends on one of them.
  func removeTogether(
    _ ids: Set<ContainerID>, pod: ContainerID? = nil, wait: LockWait, operation: String,
    durability: Durability, growing: Bool = false
  ) throws -> [ContainerID] {
    let locks = try HeldLocks(ids.map { lockName(of: $0) }, wait: wait, operation: operation)
    defer { locks.release() }
    let removed: [ContainerID]
    do {
      removed = try writeWithReserve(operation, durability: durability) { connection in
        let removed = try ContainerRows.remove(ids, in: connection) { users, id in
          if growing { return ClosureGrown() }
          return StoreError.inUse(id, by: users)
        }
        for container in removed {
          try record(
            .init(
              kind: .container, id: container.id.rawValue, action: .removed, from: container.status,
              revision: container.stateRevision), in: connection)
        }
        if let pod { try remove(pod: pod, in: connection) }
        return removed.map(\.id)
      }
    } catch {
      // Where the changes are made and only not known to be durable their files follow all the same.
      if StoreError.mapped(error).code != .durabilityUnknown {
        for id in ids { unlinkUnlessKnown(id, lockName(of: id), locks) }
        throw error
      }
      finishRemoval(of: ids, locks)
      throw error
    }
    finishRemoval(of: Set(removed), locks)
    return removed
  }

  private func remove(pod id: ContainerID, in connection: Connection) throws {
    guard let pod = try PodRows.pod(id, in: connection) else { throw StoreError.podNotFound(id.rawValue) }
    let members = try PodRows.members(ofGeneration: pod.generation, in: connection)
    guard members.isEmpty else { throw StoreError.podHasMembers(id, members.map(\.rawValue)) }
    try PodRows.remove(generation: pod.generation, in: connection)
    try record(
      .init(kind: .pod, id: id.rawValue, action: .removed, revision: pod.stateRevision), in: connection)
  }

  private func finishRemoval(of ids: Set<ContainerID>, _ locks: HeldLocks) {
    for id in ids {
      specificationCopies.remove(id)
      locks.unlink(lockName(of: id))
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
  /// - Parameter inUse: the error where others depend on one of them.
  /// - Returns: what was removed, dependants before what they depend on.
  /// - Throws: `notFound`, what `inUse` makes, `inUse` for exec sessions (INVARIANT I-5).
  static func remove(
    _ ids: Set<ContainerID>, in connection: Connection,
    inUse: (_ users: [String], _ id: ContainerID) -> any Error
  ) throws -> [Container] {
    var containers: [Int64: Container] = [:]
    var dependants: [Int64: [Int64]] = [:]
    for id in ids {
      guard let container = try container(id, in: connection) else { throw StoreError.notFound(id.rawValue) }
      containers[container.generation] = container
      let users = try allDependants(of: container.generation, in: connection)
      let outside = users.filter { !ids.contains($0.id) }
      if !outside.isEmpty { throw inUse(outside.prefix(10).map(\.id.rawValue), id) }
      let sessions = try ExecSessionRows.ids(ofGeneration: container.generation, in: connection)
      if !sessions.isEmpty { throw StoreError.hasSessions(id, sessions) }
      dependants[container.generation] = users.map(\.generation)
    }
    let order = DependencyOrder.dependantsFirst(dependants)
    for generation in order {
      let row = try connection.statement("DELETE FROM record WHERE generation = ?1")
      try row.bind(1, generation)
      try row.run()
    }
    return order.compactMap { containers[$0] }
  }
}
