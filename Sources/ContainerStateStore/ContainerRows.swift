internal import JSONText
internal import SQLiteStorage
internal import StateModel

/// How containers are read from rows and written to them.
///
/// Every function works inside the caller's transaction.
enum ContainerRows {}

// MARK: - Reading

extension ContainerRows {
  private static let byID = whole("", "WHERE r.id = ?1")
  private static let byIDWithIntent = whole(
    """
    , i.operation, i.owner_pid, i.owner_start_time, i.token_epoch, i.token_boot_time_ns, i.began_at_ns
    """, "LEFT JOIN intent i ON i.generation = r.generation WHERE r.id = ?1")
  private static let byName = whole(", r.id", "WHERE r.kind = 1 AND r.name = ?1")

  /// A whole container in one statement: its columns, and from `furtherColumn` on what else is asked for.
  private static func whole(_ further: String, _ condition: String) -> StatementText {
    StatementText(
      """
      SELECT r.generation, r.name, r.created_at_ns, r.created_zone_offset_s, r.image_id, r.image_name,
        c.revision, c.details, c.extra, x.json, r.kind,
        s.revision, s.status, s.pid, s.pid_start_time, s.monitor_pid, s.monitor_start_time, s.started_at_ns,
        s.finished_at_ns, s.exit_code, s.killed_for_memory, s.stopped_by_user, s.restart_count,
        s.configuration_path, s.run_directory, s.mountpoint, s.network_namespace_path, s.health, s.error_text
        \(further)
      FROM record r
        LEFT JOIN container c ON c.generation = r.generation
        LEFT JOIN container_state s ON s.generation = r.generation
        LEFT JOIN container_state_extra x ON x.generation = r.generation
        \(condition)
      """)
  }

  private static let furtherColumn: Int32 = 29

  /// The whole container of exactly this id, without its specification; nil where there is none.
  static func container(_ id: ContainerID, in connection: Connection) throws -> Container? {
    let row = try connection.statement(byID)
    try row.bind(1, id.rawValue)
    return try row.step() ? try container(row, id) : nil
  }

  /// The same with the intent on it.
  static func containerWithIntent(
    _ id: ContainerID, in connection: Connection
  ) throws -> (container: Container, intent: Intent?)? {
    let row = try connection.statement(byIDWithIntent)
    try row.bind(1, id.rawValue)
    guard try row.step(), let container = try container(row, id) else { return nil }
    let hasIntent = !row.isNull(furtherColumn)
    return (container, hasIntent ? try intent(row, from: furtherColumn, container.generation) : nil)
  }

  /// The whole container of exactly this name; nil where there is none.
  static func container(named name: String, in connection: Connection) throws -> Container? {
    let row = try connection.statement(byName)
    try row.bind(1, name)
    return try row.step() ? try containerWithID(row) : nil
  }

  private static func containerWithID(_ row: borrowing Statement) throws -> Container? {
    let id = try id(row, furtherColumn)
    return try StoreError.naming(id) { try container(row, id) }
  }

  /// The row of the record of this id; nil where it is no container's.
  private static func container(_ row: borrowing Statement, _ id: ContainerID) throws -> Container? {
    guard try row.int64(10) == Schema.Kind.container.rawValue else { return nil }
    let configuration = ContainerConfiguration(
      id: id, name: try row.string(1), createdAt: Timestamp(nanosecondsSinceEpoch: try row.int64(2)),
      createdZoneOffsetSeconds: try row.int32(3), imageID: try row.string(4), imageName: try row.string(5),
      extra: try json(row, 8), detailsJSON: JSONBytes(unchecked: try row.bytes(7)))
    return Container(
      configuration: configuration, state: try state(row, from: 12), stateExtra: try json(row, 9),
      generation: try row.int64(0), configurationRevision: try row.int64(6), stateRevision: try row.int64(11))
  }

  /// The state of the row of this generation, with its revision; nil where the row has gone.
  static func state(
    generation: Int64, in connection: Connection
  ) throws -> (state: ContainerState, revision: Int64)? {
    let row = try connection.statement(
      """
      SELECT revision, status, pid, pid_start_time, monitor_pid, monitor_start_time, started_at_ns,
        finished_at_ns, exit_code, killed_for_memory, stopped_by_user, restart_count, configuration_path,
        run_directory, mountpoint, network_namespace_path, health, error_text
      FROM container_state WHERE generation = ?1
      """)
    try row.bind(1, generation)
    guard try row.step() else { return nil }
    return (try state(row, from: 1), try row.int64(0))
  }

  /// The revision of the state of the row of this generation; nil where the row has gone.
  static func stateRevision(generation: Int64, in connection: Connection) throws -> Int64? {
    let row = try connection.statement("SELECT revision FROM container_state WHERE generation = ?1")
    try row.bind(1, generation)
    return try row.step() ? try row.int64(0) : nil
  }

  /// The generation of the container of exactly this id; nil where there is none.
  static func generation(of id: ContainerID, in connection: Connection) throws -> Int64? {
    let row = try connection.statement("SELECT generation, kind FROM record WHERE id = ?1")
    try row.bind(1, id.rawValue)
    guard try row.step(), try row.int64(1) == Schema.Kind.container.rawValue else { return nil }
    return try row.int64(0)
  }

  /// How many containers there are.
  static func count(in connection: Connection) throws -> Int64 {
    let row = try connection.statement("SELECT count(*) FROM record WHERE kind = 1")
    return try row.step() ? try row.int64(0) : 0
  }

  /// Whether a row of any kind has this id; what decides whether its lockfile is orphaned.
  static func anyRecordExists(id: String, in connection: Connection) throws -> Bool {
    let row = try connection.statement("SELECT 1 FROM record WHERE id = ?1")
    try row.bind(1, id)
    return try row.step()
  }

  /// The embedder's JSON on the state of the row of this generation; nil where there is none.
  static func stateExtra(generation: Int64, in connection: Connection) throws -> JSONBytes? {
    let row = try connection.statement("SELECT json FROM container_state_extra WHERE generation = ?1")
    try row.bind(1, generation)
    return try row.step() ? JSONBytes(unchecked: try row.bytes(0)) : nil
  }

  /// The OCI specification of the row of this generation with the digest recorded for it; nil where there is
  /// none.
  static func specification(
    generation: Int64, in connection: Connection
  ) throws -> (json: [UInt8], digest: SpecificationDigest)? {
    let row = try connection.statement("SELECT json, digest FROM specification WHERE generation = ?1")
    try row.bind(1, generation)
    guard try row.step() else { return nil }
    return (try row.bytes(0), SpecificationDigest(storedValue: try row.int64(1)))
  }

  /// The intent on the row of this generation; nil where there is none.
  static func intent(generation: Int64, in connection: Connection) throws -> Intent? {
    let row = try connection.statement(
      """
      SELECT operation, owner_pid, owner_start_time, token_epoch, token_boot_time_ns, began_at_ns
      FROM intent WHERE generation = ?1
      """)
    try row.bind(1, generation)
    return try row.step() ? try intent(row, from: 0, generation) : nil
  }

  private static func intent(
    _ row: borrowing Statement, from first: Int32, _ generation: Int64
  ) throws -> Intent {
    guard let operation = IntentOperation(rawValue: try row.int32(first)) else {
      throw StoreError.corrupt(
        "intent of generation \(generation)", "its operation is not one this version knows")
    }
    return Intent(
      operation: operation, ownerPID: try row.int32(first + 1),
      ownerStartTime: UInt64(bitPattern: try row.int64(first + 2)),
      token: FencingToken(
        bootEpoch: try row.int64(first + 3), bootTimeNanoseconds: try row.int64(first + 4)),
      beganAt: Timestamp(nanosecondsSinceEpoch: try row.int64(first + 5)))
  }

  /// The ids of the containers that the row of this generation depends on.
  static func dependencies(of generation: Int64, in connection: Connection) throws -> Set<ContainerID> {
    let row = try connection.statement(
      "SELECT r.id FROM dependency d JOIN record r ON r.generation = d.dependency WHERE d.dependant = ?1")
    try row.bind(1, generation)
    var ids: Set<ContainerID> = []
    while try row.step() { ids.insert(ContainerID(unchecked: try row.string(0))) }
    return ids
  }

  /// A container of these columns in the order of `container_state` from `status` on.
  static func state(_ row: borrowing Statement, from first: Int32) throws -> ContainerState {
    guard let status = ContainerStatus(rawValue: try row.int32(first)) else {
      throw StoreError.corrupt("container_state", "a status is not one this version knows")
    }
    var state = ContainerState(
      status: status,
      texts: .init(
        configurationPath: try row.string(first + 11), runDirectory: try row.string(first + 12),
        mountpoint: try row.string(first + 13), networkNamespacePath: try row.string(first + 14),
        health: try row.string(first + 15), errorText: try row.string(first + 16)))
    state.pid = try row.int32(first + 1)
    state.pidStartTime = UInt64(bitPattern: try row.int64(first + 2))
    state.monitorPID = try row.int32(first + 3)
    state.monitorStartTime = UInt64(bitPattern: try row.int64(first + 4))
    state.startedAt = try timestamp(row, first + 5)
    state.finishedAt = try timestamp(row, first + 6)
    state.exitCode = try row.optionalInt32(first + 7)
    state.wasKilledForMemory = try row.bool(first + 8)
    state.wasStoppedByUser = try row.bool(first + 9)
    state.restartCount = try row.int32(first + 10)
    return state
  }

  /// The id in this column; `corrupt` where it is none, since ids become file names.
  static func id(_ row: borrowing Statement, _ column: Int32) throws -> ContainerID {
    try checkedID(row.string(column))
  }

  /// The id that a stored text is; `corrupt` where it is none.
  static func checkedID(_ text: String) throws -> ContainerID {
    do { return try ContainerID(text) } catch {
      throw StoreError.corrupt(printable(text, limit: 128), "this is no id")
    }
  }

  /// The ids and generations in the first two columns, down to the last row.
  ///
  /// INVARIANT I-16: a row that has lost even its id hides no other.
  static func readableIDs(_ row: borrowing Statement) throws -> [(id: ContainerID, generation: Int64)] {
    var found: [(id: ContainerID, generation: Int64)] = []
    while try row.step() {
      do { found.append((try id(row, 0), try row.int64(1))) } catch {
        guard StoreError.mapped(error).code == .corrupt else { throw error }
      }
    }
    return found
  }

  static func timestamp(_ row: borrowing Statement, _ column: Int32) throws -> Timestamp? {
    try row.optionalInt64(column).map { Timestamp(nanosecondsSinceEpoch: $0) }
  }

  private static func json(_ row: borrowing Statement, _ column: Int32) throws -> JSONBytes? {
    try row.optionalBytes(column).map { JSONBytes(unchecked: $0) }
  }
}

// MARK: - Lookup

extension ContainerRows {
  /// The id that `text` stands for: exact name, then exact id, then unique id prefix.
  ///
  /// - Throws: `notFound`, or `ambiguous` with up to ten candidates.
  static func resolve(
    _ text: String, kind: Schema.Kind = .container, in connection: Connection
  ) throws -> ContainerID {
    if let named = try id(named: text, kind: kind, in: connection) { return named }
    return try idBeginning(with: text, kind: kind, in: connection)
  }

  /// The id that is exactly `text`, else the only one that begins with it.
  ///
  /// - Throws: `notFound`, or `ambiguous` with up to ten candidates.
  static func idBeginning(
    with text: String, kind: Schema.Kind = .container, in connection: Connection
  ) throws -> ContainerID {
    func notFound() -> StoreError { kind == .pod ? .podNotFound(text) : .notFound(text) }
    guard text.utf8.count <= Identifier.maximumIDLength else { throw notFound() }
    // Beginning with `text` is an index range, since every id is ASCII: DEL comes after all of its
    // characters.
    let row = try connection.statement(idsInRange)
    try row.bind(1, text)
    try row.bind(2, text + "\u{7F}")
    try row.bind(3, kind.rawValue)
    var candidates: [String] = []
    while try row.step() {
      let candidate = try row.string(0)
      if candidate == text { return try id(row, 0) }
      candidates.append(candidate)
    }
    guard let only = candidates.first else { throw notFound() }
    guard candidates.count == 1 else {
      throw StoreError.ambiguous(text, candidates: Array(candidates.prefix(10)))
    }
    return try checkedID(only)
  }

  /// The `+` keeps SQLite from the index by creation, in which it would read every container: an equality
  /// seems better to it than a range.
  static let idsInRange: StaticString =
    "SELECT id FROM record WHERE id >= ?1 AND id < ?2 AND +kind = ?3 ORDER BY id LIMIT 11"

  /// The id of the container or pod of this name; nil where there is none.
  static func id(
    named name: String, kind: Schema.Kind = .container, in connection: Connection
  ) throws -> ContainerID? {
    let row = try connection.statement("SELECT id FROM record WHERE kind = ?2 AND name = ?1")
    try row.bind(1, name)
    try row.bind(2, kind.rawValue)
    return try row.step() ? id(row, 0) : nil
  }

  /// The ids of up to ten containers that depend on the row of this generation.
  static func dependants(of generation: Int64, in connection: Connection) throws -> [String] {
    let row = try connection.statement(
      """
      SELECT r.id FROM dependency d JOIN record r ON r.generation = d.dependant
      WHERE d.dependency = ?1 ORDER BY r.id LIMIT 10
      """)
    try row.bind(1, generation)
    var ids: [String] = []
    while try row.step() { ids.append(try row.string(0)) }
    return ids
  }
}
