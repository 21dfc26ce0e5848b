internal import JSONText
internal import SQLiteStorage
internal import StateModel

/// What a write does to the intent on a container's row.
public enum IntentChange: Sendable, Hashable {
  /// Leaves it as it is.
  case keep
  /// Records that this operation has begun.
  case begin(IntentOperation)
  /// Records that whatever had begun has ended.
  case end
}

extension ContainerRows {
  /// Inserts a container with its first state, labels, dependencies and specification; returns its
  /// generation.
  ///
  /// - Throws: `alreadyExists`, or `notFound` for a dependency, its pod or a volume.
  static func insert(
    _ configuration: ContainerConfiguration, state: ContainerState, stateExtra: JSONBytes?,
    specification: [UInt8], in connection: Connection
  ) throws -> Int64 {
    if try anyRecordExists(id: configuration.id.rawValue, in: connection) {
      throw StoreError.idExists(configuration.id)
    }
    if let owner = try id(named: configuration.name, in: connection) {
      throw StoreError.nameExists(configuration.name, owner: owner.rawValue)
    }
    let generation = try insertRecord(configuration, in: connection)
    let container = try connection.statement(
      "INSERT INTO container (generation, revision, details, extra) VALUES (?1, 1, ?2, ?3)")
    try container.bind(1, generation)
    try container.bind(2, configuration.detailsJSON.bytes)
    if let extra = configuration.extra {
      try container.bind(3, extra.bytes)
    } else {
      try container.bindNull(3)
    }
    try container.run()
    try insertState(state, generation: generation, in: connection)
    if let extra = configuration.extra {
      try ExtraIndexRows.follow(extra, .containerConfiguration, generation: generation, in: connection)
    }
    if let stateExtra { try setStateExtra(stateExtra, generation: generation, in: connection) }
    try insertSpecification(specification, generation: generation, in: connection)
    try LabelTable.container.insert(configuration.labels(), generation: generation, in: connection)
    try ListingRows.insert(configuration, generation: generation, in: connection)
    try VolumeUserRows.insert(
      configuration.volumes(), of: configuration.id, generation: generation, in: connection)
    let pod = try configuration.pod().map { pod in
      try PodRows.insertMember(
        configuration.id, generation: generation, pod: pod,
        isInfrastructure: try configuration.details().isInfrastructure, in: connection)
    }
    for dependency in try configuration.dependencies() {
      try insertDependency(
        of: configuration.id, generation: generation, pod: pod, on: dependency, in: connection)
    }
    return generation
  }

  private static func insertRecord(
    _ configuration: ContainerConfiguration, in connection: Connection
  ) throws -> Int64 {
    let row = try connection.statement(
      """
      INSERT INTO record (kind, id, name, created_at_ns, created_zone_offset_s, image_id, image_name)
      VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)
      """)
    try row.bind(1, configuration.id.rawValue)
    try row.bind(2, configuration.name)
    try row.bind(3, configuration.createdAt.nanosecondsSinceEpoch)
    try row.bind(4, Int64(configuration.createdZoneOffsetSeconds))
    try row.bind(5, configuration.imageID)
    try row.bind(6, configuration.imageName)
    try row.run()
    return connection.lastInsertedRowID
  }

  private static func insertState(
    _ state: ContainerState, generation: Int64, in connection: Connection
  ) throws {
    let row = try connection.statement(
      """
      INSERT INTO container_state (generation, revision, status, pid, pid_start_time, monitor_pid,
        monitor_start_time, started_at_ns, finished_at_ns, exit_code, killed_for_memory, stopped_by_user,
        restart_count, configuration_path, run_directory, mountpoint, network_namespace_path, health,
        error_text)
      VALUES (?18, ?19, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
      """)
    try bindNumbers(of: state, to: row)
    try bindTexts(of: state, to: row)
    try row.bind(18, generation)
    try row.bind(19, 1)
    try row.run()
  }

  private static func insertSpecification(
    _ json: [UInt8], generation: Int64, in connection: Connection
  ) throws {
    let row = try connection.statement(
      "INSERT INTO specification (generation, digest, json) VALUES (?1, ?2, ?3)")
    try row.bind(1, generation)
    try row.bind(2, SpecificationDigest(of: json).storedValue)
    try row.bind(3, json)
    try row.run()
  }

  /// Makes the dependencies that a row is known by anew.
  static func replaceDependencies(
    _ dependencies: Set<ContainerID>, of id: ContainerID, generation: Int64, in connection: Connection
  ) throws {
    let row = try connection.statement("DELETE FROM dependency WHERE dependant = ?1")
    try row.bind(1, generation)
    try row.run()
    let pod = try connection.statement("SELECT pod FROM pod_member WHERE container = ?1")
    try pod.bind(1, generation)
    let podGeneration = try pod.step() ? pod.int64(0) : nil
    for dependency in dependencies {
      try insertDependency(
        of: id, generation: generation, pod: podGeneration, on: dependency, in: connection)
    }
  }

  private static func insertDependency(
    of dependant: ContainerID, generation dependantGeneration: Int64, pod: Int64?,
    on dependency: ContainerID, in connection: Connection
  ) throws {
    let found = try connection.statement(
      """
      SELECT r.generation, m.pod FROM record r LEFT JOIN pod_member m ON m.container = r.generation
      WHERE r.id = ?1 AND r.kind = 1
      """)
    try found.bind(1, dependency.rawValue)
    // INVARIANT I-6: it exists when the dependant is added, and the foreign key keeps it so; both are in one
    // pod, or in none.
    guard try found.step() else { throw StoreError.dependencyMissing(dependency, of: dependant) }
    guard try (found.isNull(1) ? nil : found.int64(1)) == pod else {
      throw StoreError.wrongPod(dependant, dependency: dependency)
    }
    let row = try connection.statement("INSERT INTO dependency (dependant, dependency) VALUES (?1, ?2)")
    try row.bind(1, dependantGeneration)
    try row.bind(2, found.int64(0))
    try row.run()
  }

  /// Writes a state over the one of this generation and revision, which becomes one greater (INVARIANT I-12).
  ///
  /// Returns whether such a row was there; `previous` is what the row of that revision says.
  static func update(
    _ state: ContainerState, replacing previous: ContainerState, generation: Int64, revision: Int64,
    in connection: Connection
  ) throws -> Bool {
    // An index of a column that is set is written, whatever the value: a page more to commit and to sync.
    let setsIndexed =
      state.status != previous.status || state.finishedAt != previous.finishedAt
      || state.exitCode != previous.exitCode
    let setsTexts = !state.sharesTexts(with: previous)
    let row = try connection.statement(Update.text(setsIndexed: setsIndexed, setsTexts: setsTexts))
    try bindNumbers(of: state, to: row)
    if setsTexts { try bindTexts(of: state, to: row) }
    try row.bind(18, generation)
    try row.bind(19, revision)
    try row.run()
    return connection.changes == 1
  }

  /// The statements that write a state over another one, by which columns they set; what is bound to the
  /// places of others goes nowhere.
  private enum Update {
    private static let numbers = make("")
    private static let numbersAndIndexed = make(indexed)
    private static let numbersAndTexts = make(texts)
    private static let everything = make(indexed + texts)

    private static let indexed = ", status = ?1, finished_at_ns = ?7, exit_code = ?8"
    private static let texts = """
      , configuration_path = ?12, run_directory = ?13, mountpoint = ?14, network_namespace_path = ?15,
        health = ?16, error_text = ?17
      """

    private static func make(_ further: String) -> StatementText {
      StatementText(
        """
        UPDATE container_state SET revision = revision + 1, pid = ?2, pid_start_time = ?3, monitor_pid = ?4,
          monitor_start_time = ?5, started_at_ns = ?6, killed_for_memory = ?9, stopped_by_user = ?10,
          restart_count = ?11\(further)
        WHERE generation = ?18 AND revision = ?19
        """)
    }

    static func text(setsIndexed: Bool, setsTexts: Bool) -> StatementText {
      switch (setsIndexed, setsTexts) {
      case (false, false): numbers
      case (true, false): numbersAndIndexed
      case (false, true): numbersAndTexts
      case (true, true): everything
      }
    }
  }

  /// Sets or, with nil, removes the embedder's JSON on a state.
  static func setStateExtra(_ extra: JSONBytes?, generation: Int64, in connection: Connection) throws {
    try ExtraIndexRows.follow(extra, .containerState, generation: generation, in: connection)
    guard let extra else {
      let row = try connection.statement("DELETE FROM container_state_extra WHERE generation = ?1")
      try row.bind(1, generation)
      return try row.run()
    }
    let row = try connection.statement(
      "INSERT OR REPLACE INTO container_state_extra (generation, json) VALUES (?1, ?2)")
    try row.bind(1, generation)
    try row.bind(2, extra.bytes)
    try row.run()
  }

  /// Records an intent on a row, over whatever was there.
  static func setIntent(_ intent: Intent, generation: Int64, in connection: Connection) throws {
    let row = try connection.statement(
      """
      INSERT OR REPLACE INTO intent
        (generation, operation, owner_pid, owner_start_time, token_epoch, token_boot_time_ns, began_at_ns)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
      """)
    try row.bind(1, generation)
    try row.bind(2, Int64(intent.operation.rawValue))
    try row.bind(3, Int64(intent.ownerPID))
    try row.bind(4, Int64(bitPattern: intent.ownerStartTime))
    try row.bind(5, intent.token.bootEpoch)
    try row.bind(6, intent.token.bootTimeNanoseconds)
    try row.bind(7, intent.beganAt.nanosecondsSinceEpoch)
    try row.run()
  }

  /// Removes the intent on a row, if there is one.
  static func removeIntent(generation: Int64, in connection: Connection) throws {
    let row = try connection.statement("DELETE FROM intent WHERE generation = ?1")
    try row.bind(1, generation)
    try row.run()
  }

  /// Removes the row of this generation and state revision with everything that belongs to it.
  ///
  /// - Returns: whether such a row was there.
  /// - Throws: `inUse` where other containers depend on it or it has exec sessions (INVARIANT I-5).
  static func remove(
    _ id: ContainerID, generation: Int64, revision: Int64, in connection: Connection
  ) throws -> Bool {
    guard let found = try state(generation: generation, in: connection), found.revision == revision else {
      return false
    }
    let users = try dependants(of: generation, in: connection)
    if !users.isEmpty { throw StoreError.inUse(id, by: users) }
    let sessions = try ExecSessionRows.ids(ofGeneration: generation, in: connection)
    if !sessions.isEmpty { throw StoreError.hasSessions(id, sessions) }
    let row = try connection.statement("DELETE FROM record WHERE generation = ?1")
    try row.bind(1, generation)
    try row.run()
    return connection.changes == 1
  }

  private static func bindNumbers(
    of state: ContainerState, to row: borrowing Statement
  ) throws(StorageError) {
    try row.bind(1, Int64(state.status.rawValue))
    try row.bind(2, Int64(state.pid))
    try row.bind(3, Int64(bitPattern: state.pidStartTime))
    try row.bind(4, Int64(state.monitorPID))
    try row.bind(5, Int64(bitPattern: state.monitorStartTime))
    if let started = state.startedAt {
      try row.bind(6, started.nanosecondsSinceEpoch)
    } else {
      try row.bindNull(6)
    }
    if let finished = state.finishedAt {
      try row.bind(7, finished.nanosecondsSinceEpoch)
    } else {
      try row.bindNull(7)
    }
    if let exitCode = state.exitCode { try row.bind(8, Int64(exitCode)) } else { try row.bindNull(8) }
    try row.bind(9, state.wasKilledForMemory ? 1 : 0)
    try row.bind(10, state.wasStoppedByUser ? 1 : 0)
    try row.bind(11, Int64(state.restartCount))
  }

  private static func bindTexts(of state: ContainerState, to row: borrowing Statement) throws(StorageError) {
    try row.bind(12, state.configurationPath)
    try row.bind(13, state.runDirectory)
    try row.bind(14, state.mountpoint)
    try row.bind(15, state.networkNamespacePath)
    try row.bind(16, state.health)
    try row.bind(17, state.errorText)
  }
}
