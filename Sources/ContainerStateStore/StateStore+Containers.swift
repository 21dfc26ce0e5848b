internal import SQLiteStorage
public import JSONText
public import StateModel

extension StateStore {
  /// The container of exactly this id, configuration and state; its specification is not read.
  ///
  /// - Throws: `notFound`, `corrupt`, `closed`, `usedAfterFork`, `io`.
  /// - Blocking: for nobody (D-7).
  public func container(_ id: ContainerID) throws(StoreError) -> Container {
    try answer("read container", .container(id)) { try StoreReads.container(id, in: $0) }
  }

  /// The container that `nameOrPrefix` stands for: exact name, then exact id, then unique id prefix.
  ///
  /// - Throws: `emptyID`, `invalidArgument`, `notFound`, `ambiguous` (with up to ten candidates), `corrupt`.
  /// - Blocking: for nobody.
  public func lookUpContainer(_ nameOrPrefix: String) throws(StoreError) -> Container {
    try StoreReads.checkLookup(nameOrPrefix)
    return try snapshotAnswer("look up container", .lookUp(nameOrPrefix)) {
      try StoreReads.lookUp(nameOrPrefix, in: $0)
    }
  }

  /// Whether there is a container of exactly this id; false for a pod's.
  ///
  /// - Blocking: for nobody.
  public func hasContainer(_ id: ContainerID) throws(StoreError) -> Bool {
    try perform("look for container") {
      try database.readOne { try ContainerRows.generation(of: id, in: $0) != nil }
    }
  }

  /// The state of the container of exactly this id: the cheapest way to read it again.
  ///
  /// - Throws: `notFound`, `corrupt`.
  /// - Blocking: for nobody.
  public func state(of id: ContainerID) throws(StoreError) -> ContainerState {
    try answer("read state", .state(id)) { try StoreReads.state(of: id, in: $0) }
  }

  /// The OCI specification of the container of exactly this id, byte for byte as it was added.
  ///
  /// - Throws: `notFound`, `corrupt` where the bytes do not match the digest recorded for them.
  /// - Blocking: for nobody.
  public func specification(of id: ContainerID) throws(StoreError) -> JSONBytes {
    try perform("read specification") { try database.read { try StoreReads.specification(of: id, in: $0) } }
  }

  /// The containers that a filter lets through, newest first, as one snapshot.
  ///
  /// A row that cannot be read does not hide the others: it is left out here and named by `verify` (INVARIANT
  /// I-16).
  ///
  /// - Blocking: for nobody.
  public func containers(where filter: ContainerFilter = .all) throws(StoreError) -> [Container] {
    try snapshotAnswer("list containers", .containers(filter)) { try StoreReads.containers(filter, in: $0) }
  }

  /// What a listing shows of the containers that a filter lets through, newest first, as one snapshot.
  ///
  /// Reads no configuration and decodes no JSON; a row that cannot be read is returned in `corrupt`.
  ///
  /// - Parameters:
  ///   - filter: which containers.
  ///   - parts: what else is asked for of each.
  /// - Returns: those that could be read, in the order of the filter.
  /// - Throws: `invalidArgument` for too many labels or images, and for a path that is not declared.
  /// - Blocking: for nobody.
  public func containerSummaries(
    where filter: ContainerFilter = .all, including parts: ContainerSummary.Parts = []
  ) throws(StoreError) -> ContainerList {
    try snapshotAnswer("list containers", .summaries(filter, including: parts)) {
      try ContainerListing(filter).summaries(in: $0, including: parts)
    }
  }

  /// The ids of the containers that a filter lets through, newest first, as one snapshot.
  ///
  /// Reads nothing else of them; a row that has lost its id is returned in `corrupt`.
  ///
  /// - Blocking: for nobody.
  public func containerIDs(where filter: ContainerFilter = .all) throws(StoreError) -> ContainerIDList {
    try perform("list containers") { try database.read { try ContainerListing(filter).idList(in: $0) } }
  }

  /// Runs `body` on one snapshot of the store: everything it reads was true at one moment.
  ///
  /// A snapshot keeps the WAL from being reused while it lasts; do not wait inside.
  ///
  /// - Blocking: for nobody.
  public func read<R>(_ body: (borrowing StoreSnapshot) throws -> R) throws -> R {
    try checkUsable("read snapshot")
    var thrownByBody: (any Error)?
    do {
      return try database.read { connection in
        do { return try body(StoreSnapshot(connection)) } catch {
          thrownByBody = error
          throw error
        }
      }
    } catch {
      if let thrownByBody { throw thrownByBody }
      throw StoreError.mapped(error).during("read snapshot")
    }
  }
}

/// Several reads of one moment; lent by `StateStore.read` and good for nothing after it.
public struct StoreSnapshot: ~Copyable {
  private let connection: Connection

  init(_ connection: Connection) { self.connection = connection }

  /// The container of exactly this id.
  ///
  /// - Throws: `notFound`, `corrupt`.
  public borrowing func container(_ id: ContainerID) throws(StoreError) -> Container {
    try StoreError.mapping("read container") { try StoreReads.container(id, in: connection) }
  }

  /// The container that `nameOrPrefix` stands for; see `StateStore.lookUpContainer`.
  ///
  /// - Throws: `emptyID`, `invalidArgument`, `notFound`, `ambiguous`, `corrupt`.
  public borrowing func lookUpContainer(_ nameOrPrefix: String) throws(StoreError) -> Container {
    try StoreReads.checkLookup(nameOrPrefix)
    return try StoreError.mapping("look up container") { try StoreReads.lookUp(nameOrPrefix, in: connection) }
  }

  /// Whether there is a container of exactly this id.
  public borrowing func hasContainer(_ id: ContainerID) throws(StoreError) -> Bool {
    try StoreError.mapping("look for container") {
      try ContainerRows.generation(of: id, in: connection) != nil
    }
  }

  /// What a listing shows of the containers that a filter lets through, newest first; see
  /// `StateStore.containerSummaries(where:including:)`.
  public borrowing func containerSummaries(
    where filter: ContainerFilter = .all, including parts: ContainerSummary.Parts = []
  ) throws(StoreError) -> ContainerList {
    try StoreError.mapping("list containers") {
      try ContainerListing(filter).summaries(in: connection, including: parts)
    }
  }

  /// The containers that a filter lets through, newest first; see `StateStore.containers(where:)`.
  public borrowing func containers(where filter: ContainerFilter = .all) throws(StoreError) -> [Container] {
    try StoreError.mapping("list containers") { try StoreReads.containers(filter, in: connection) }
  }
}

/// The reads that a store and a snapshot share.
enum StoreReads {
  /// The containers that a filter lets through, newest first, but for those that cannot be read.
  static func containers(_ filter: ContainerFilter, in connection: Connection) throws -> [Container] {
    try ContainerListing(filter).ids(in: connection).compactMap { id in
      try skippingCorrupt { try ContainerRows.container(id, in: connection) }
    }
  }

  static func checkLookup(_ text: String) throws(StoreError) {
    if text.isEmpty { throw .emptyID() }
    guard Identifier.isValid(text, maximumLength: Identifier.maximumNameLength) else {
      throw .invalidIdentifier("name or id", text, maximumLength: Identifier.maximumNameLength)
    }
  }

  static func container(_ id: ContainerID, in connection: Connection) throws -> Container {
    guard let container = try StoreError.naming(id, { try ContainerRows.container(id, in: connection) })
    else {
      throw StoreError.notFound(id.rawValue)
    }
    return container
  }

  /// What a lock holder reads first; nil where there is no such container.
  static func containerWithIntent(
    _ id: ContainerID, in connection: Connection
  ) throws -> (container: Container, intent: Intent?)? {
    try StoreError.naming(id) { try ContainerRows.containerWithIntent(id, in: connection) }
  }

  static func lookUp(_ text: String, in connection: Connection) throws -> Container {
    if let named = try ContainerRows.container(named: text, in: connection) { return named }
    return try container(ContainerRows.idBeginning(with: text, in: connection), in: connection)
  }

  static func state(of id: ContainerID, in connection: Connection) throws -> ContainerState {
    let row = try connection.statement(
      """
      SELECT s.status, s.pid, s.pid_start_time, s.monitor_pid, s.monitor_start_time, s.started_at_ns,
        s.finished_at_ns, s.exit_code, s.killed_for_memory, s.stopped_by_user, s.restart_count,
        s.configuration_path, s.run_directory, s.mountpoint, s.network_namespace_path, s.health, s.error_text
      FROM record r LEFT JOIN container_state s ON s.generation = r.generation WHERE r.id = ?1 AND r.kind = 1
      """)
    try row.bind(1, id.rawValue)
    guard try row.step() else { throw StoreError.notFound(id.rawValue) }
    return try StoreError.naming(id) { try ContainerRows.state(row, from: 0) }
  }

  static func specification(of id: ContainerID, in connection: Connection) throws -> JSONBytes {
    guard let generation = try ContainerRows.generation(of: id, in: connection) else {
      throw StoreError.notFound(id.rawValue)
    }
    return try specification(of: id, generation: generation, in: connection)
  }

  static func specification(
    of id: ContainerID, generation: Int64, in connection: Connection
  ) throws -> JSONBytes {
    guard let found = try ContainerRows.specification(generation: generation, in: connection) else {
      throw StoreError.corrupt(id.rawValue, "its specification is missing")
    }
    // INVARIANT I-17: bytes that do not match their digest are never returned.
    guard SpecificationDigest(of: found.json) == found.digest else {
      throw StoreError.corrupt(id.rawValue, "its specification does not match the digest recorded for it")
    }
    return JSONBytes(unchecked: found.json)
  }

  /// What `body` returns, or nil where the row it reads is damaged; every other failure goes on.
  static func skippingCorrupt<R>(_ body: () throws -> R?) throws -> R? {
    do { return try body() } catch {
      guard StoreError.mapped(error).code == .corrupt else { throw error }
      return nil
    }
  }
}
