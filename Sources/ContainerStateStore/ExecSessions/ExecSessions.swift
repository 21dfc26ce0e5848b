internal import SQLiteStorage
public import StateModel

extension StateStore {
  /// The exec session of exactly this id.
  ///
  /// - Throws: `notFound`, `corrupt`.
  /// - Blocking: for nobody.
  public func execSession(_ id: ContainerID) throws(StoreError) -> ExecSession {
    try perform("read exec session") {
      guard let session = try database.readOne({ try ExecSessionRows.session(id, in: $0) }) else {
        throw StoreError.sessionNotFound(id)
      }
      return session
    }
  }

  /// The exec sessions of the container of exactly this id, oldest first.
  ///
  /// - Throws: `notFound` for the container.
  /// - Blocking: for nobody.
  public func execSessions(of id: ContainerID) throws(StoreError) -> [ExecSession] {
    try perform("list exec sessions") {
      try database.read { connection in
        guard let generation = try ContainerRows.generation(of: id, in: connection) else {
          throw StoreError.notFound(id.rawValue)
        }
        return try ExecSessionRows.sessions(ofGeneration: generation, in: connection)
      }
    }
  }

  /// Every exec session, oldest first; one that cannot be read is left out and named by `verify`.
  ///
  /// - Blocking: for nobody.
  public func execSessions() throws(StoreError) -> [ExecSession] {
    try perform("list exec sessions") { try database.readOne { try ExecSessionRows.all(in: $0) } }
  }
}

extension LockedContainer {
  /// Adds an exec session to the container; while it has one it cannot be removed (INVARIANT I-5).
  ///
  /// - Parameters:
  ///   - session: its container is this one.
  ///   - revision: the revision that the container's state has to have; nil for any.
  ///   - durability: what the return promises; sessions do not outlive a boot.
  /// - Throws: `alreadyExists`, `invalidArgument`, and as `update`.
  public borrowing func addExecSession(
    _ session: ExecSession, expecting revision: Int64? = nil, durability: Durability = .committed
  ) throws(StoreError) {
    try session.checkValues()
    guard session.container == container.id else {
      throw .invalidArgument(session.id.rawValue, "the session is of another container; lock that one")
    }
    let generation = container.generation
    try scope.writePart("add exec session", expecting: revision, durability: durability) { connection in
      try ExecSessionRows.insert(session, generation: generation, in: connection)
      return .init(kind: .execSession, id: session.id.rawValue, action: .added, revision: 1)
    }
  }

  /// Changes an exec session of the container and writes it.
  ///
  /// - Parameters:
  ///   - id: the session's id.
  ///   - revision: the revision it has to have; nil for any.
  ///   - durability: what the return promises.
  ///   - change: changes the session as it is in the store now; what it throws is thrown.
  /// - Throws: `notFound`, `conflict`, `invalidArgument`, and as `update`.
  public borrowing func updateExecSession(
    _ id: ContainerID, expecting revision: Int64? = nil, durability: Durability = .committed,
    _ change: (inout ExecSession) throws -> Void
  ) throws {
    let owner = container.id
    var thrownByChange: (any Error)?
    do {
      try scope.writePart("update exec session", durability: durability) { connection in
        var session = try ExecSessionRows.owned(id, by: owner, expecting: revision, in: connection)
        do { try change(&session) } catch {
          thrownByChange = error
          throw error
        }
        try session.checkValues()
        try ExecSessionRows.update(session, in: connection)
        return .init(
          kind: .execSession, id: id.rawValue, action: .updated, revision: session.revision + 1)
      }
    } catch { throw thrownByChange ?? error }
  }

  /// Removes an exec session of the container.
  ///
  /// - Parameters:
  ///   - id: the session's id.
  ///   - revision: the revision it has to have; nil for any.
  ///   - durability: what the return promises.
  /// - Throws: `notFound`, `conflict`, and as `update`.
  public borrowing func removeExecSession(
    _ id: ContainerID, expecting revision: Int64? = nil, durability: Durability = .committed
  ) throws(StoreError) {
    let owner = container.id
    try scope.writePart("remove exec session", durability: durability) { connection in
      let session = try ExecSessionRows.owned(id, by: owner, expecting: revision, in: connection)
      try ExecSessionRows.remove(id, in: connection)
      return .init(kind: .execSession, id: id.rawValue, action: .removed, revision: session.revision)
    }
  }

  /// Removes every exec session of the container, in one transaction.
  ///
  /// - Parameters:
  ///   - revision: the revision that the container's state has to have; nil for any.
  ///   - durability: what the return promises.
  /// - Returns: their ids, oldest first.
  /// - Throws: as `update`.
  @discardableResult
  public borrowing func removeAllExecSessions(
    expecting revision: Int64? = nil, durability: Durability = .committed
  ) throws(StoreError) -> [ContainerID] {
    let generation = container.generation
    var removed: [ContainerID] = []
    try scope.writeParts("remove exec sessions", expecting: revision, durability: durability) { connection in
      let sessions = try ExecSessionRows.sessions(ofGeneration: generation, in: connection)
      removed = sessions.map(\.id)
      for session in sessions { try ExecSessionRows.remove(session.id, in: connection) }
      return sessions.map {
        .init(kind: .execSession, id: $0.id.rawValue, action: .removed, revision: $0.revision)
      }
    }
    return removed
  }
}

extension ExecSessionRows {
  /// The session of this id, which belongs to this container.
  fileprivate static func owned(
    _ id: ContainerID, by owner: ContainerID, expecting revision: Int64?, in connection: Connection
  ) throws -> ExecSession {
    guard let session = try session(id, in: connection), session.container == owner else {
      throw StoreError.sessionNotFound(id)
    }
    if let revision, revision != session.revision {
      throw StoreError.conflict(id, expected: revision, found: session.revision)
    }
    return session
  }
}
