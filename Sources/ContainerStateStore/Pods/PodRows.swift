internal import JSONText
internal import SQLiteStorage
internal import StateModel

/// How pods are read from rows and written to them, inside the caller's transaction.
enum PodRows {
  /// The pod of exactly this id; nil where there is none.
  static func pod(_ id: ContainerID, in connection: Connection) throws -> Pod? {
    let row = try connection.statement(
      """
      SELECT r.generation, r.kind, r.name, r.created_at_ns, r.created_zone_offset_s, p.revision, p.details,
        p.extra, s.revision, s.control_group_path, s.extra, i.id
      FROM record r
        LEFT JOIN pod p ON p.generation = r.generation
        LEFT JOIN pod_state s ON s.generation = r.generation
        LEFT JOIN pod_member m ON m.pod = r.generation AND m.is_infrastructure = 1
        LEFT JOIN record i ON i.generation = m.container
      WHERE r.id = ?1
      """)
    try row.bind(1, id.rawValue)
    guard try row.step(), try row.int64(1) == Schema.Kind.pod.rawValue else { return nil }
    return try StoreError.naming(id) {
      let configuration = PodConfiguration(
        unchecked: id, name: try row.string(2), createdAt: Timestamp(nanosecondsSinceEpoch: try row.int64(3)),
        createdZoneOffsetSeconds: try row.int32(4),
        extra: row.isNull(7) ? nil : JSONBytes(unchecked: try row.bytes(7)),
        detailsJSON: JSONBytes(unchecked: try row.bytes(6)))
      var state = PodState()
      state.controlGroupPath = try row.string(9)
      return Pod(
        configuration: configuration, state: state,
        stateExtra: row.isNull(10) ? nil : JSONBytes(unchecked: try row.bytes(10)),
        infrastructure: row.isNull(11) ? nil : try ContainerRows.id(row, 11), generation: try row.int64(0),
        configurationRevision: try row.int64(5), stateRevision: try row.int64(8))
    }
  }

  /// The generation of the pod of exactly this id; nil where there is none.
  static func generation(of id: ContainerID, in connection: Connection) throws -> Int64? {
    let row = try connection.statement("SELECT generation, kind FROM record WHERE id = ?1")
    try row.bind(1, id.rawValue)
    guard try row.step(), try row.int64(1) == Schema.Kind.pod.rawValue else { return nil }
    return try row.int64(0)
  }

  /// The members of the pod of this generation, by id.
  static func members(ofGeneration generation: Int64, in connection: Connection) throws -> [ContainerID] {
    let row = try connection.statement(
      """
      SELECT r.id, r.generation FROM pod_member m JOIN record r ON r.generation = m.container
      WHERE m.pod = ?1 ORDER BY r.id
      """)
    try row.bind(1, generation)
    return try ContainerRows.readableIDs(row).map(\.id)
  }

  /// The pod that the container of this generation is in, and as what; nil where it is in none.
  static func membership(
    ofContainer generation: Int64, in connection: Connection
  ) throws -> (pod: ContainerID, isInfrastructure: Bool)? {
    let row = try connection.statement(
      """
      SELECT r.id, m.is_infrastructure FROM pod_member m JOIN record r ON r.generation = m.pod
      WHERE m.container = ?1
      """)
    try row.bind(1, generation)
    return try row.step() ? (ContainerRows.id(row, 0), row.bool(1)) : nil
  }
}

// MARK: - Writing

extension PodRows {
  /// Inserts a pod with its first state; returns its generation.
  ///
  /// - Throws: `alreadyExists`.
  static func insert(
    _ configuration: PodConfiguration, state: PodState, stateExtra: JSONBytes?, in connection: Connection
  ) throws -> Int64 {
    if try ContainerRows.anyRecordExists(id: configuration.id.rawValue, in: connection) {
      throw StoreError.idExists(configuration.id)
    }
    if let owner = try ContainerRows.id(named: configuration.name, kind: .pod, in: connection) {
      throw StoreError.podNameExists(configuration.name, owner: owner.rawValue)
    }
    let record = try connection.statement(
      """
      INSERT INTO record (kind, id, name, created_at_ns, created_zone_offset_s, image_id, image_name)
      VALUES (2, ?1, ?2, ?3, ?4, '', '')
      """)
    try record.bind(1, configuration.id.rawValue)
    try record.bind(2, configuration.name)
    try record.bind(3, configuration.createdAt.nanosecondsSinceEpoch)
    try record.bind(4, Int64(configuration.createdZoneOffsetSeconds))
    try record.run()
    let generation = connection.lastInsertedRowID
    let pod = try connection.statement(
      "INSERT INTO pod (generation, revision, details, extra) VALUES (?1, 1, ?2, ?3)")
    try pod.bind(1, generation)
    try pod.bind(2, configuration.detailsJSON.bytes)
    if let extra = configuration.extra { try pod.bind(3, extra.bytes) } else { try pod.bindNull(3) }
    try pod.run()
    let row = try connection.statement(
      "INSERT INTO pod_state (generation, revision, control_group_path, extra) VALUES (?1, 1, ?2, ?3)")
    try row.bind(1, generation)
    try row.bind(2, state.controlGroupPath)
    if let stateExtra { try row.bind(3, stateExtra.bytes) } else { try row.bindNull(3) }
    try row.run()
    try LabelTable.pod.insert(configuration.details().labels, generation: generation, in: connection)
    try ExtraIndexRows.follow(configuration.extra, .podConfiguration, generation: generation, in: connection)
    try ExtraIndexRows.follow(stateExtra, .podState, generation: generation, in: connection)
    return generation
  }

  /// Puts a container into a pod (INVARIANT I-7).
  ///
  /// - Returns: the pod's generation.
  /// - Throws: `notFound` for the pod, `alreadyExists` for a second infrastructure container.
  static func insertMember(
    _ id: ContainerID, generation: Int64, pod: ContainerID, isInfrastructure: Bool, in connection: Connection
  ) throws -> Int64 {
    guard let found = try self.pod(pod, in: connection) else {
      throw StoreError.podOfContainerMissing(pod, container: id)
    }
    if isInfrastructure, let other = found.infrastructure {
      throw StoreError.secondInfrastructure(pod, other)
    }
    let row = try connection.statement(
      "INSERT INTO pod_member (container, pod, is_infrastructure) VALUES (?1, ?2, ?3)")
    try row.bind(1, generation)
    try row.bind(2, found.generation)
    try row.bind(3, isInfrastructure ? 1 : 0)
    try row.run()
    return found.generation
  }

  /// Writes a state over the one of this generation and revision; returns whether such a row was there.
  static func update(
    _ state: PodState, stateExtra: JSONBytes?, generation: Int64, revision: Int64, in connection: Connection
  ) throws -> Bool {
    let row = try connection.statement(
      """
      UPDATE pod_state SET revision = revision + 1, control_group_path = ?1, extra = ?2
      WHERE generation = ?3 AND revision = ?4
      """)
    try row.bind(1, state.controlGroupPath)
    if let stateExtra { try row.bind(2, stateExtra.bytes) } else { try row.bindNull(2) }
    try row.bind(3, generation)
    try row.bind(4, revision)
    try row.run()
    guard connection.changes == 1 else { return false }
    try ExtraIndexRows.follow(stateExtra, .podState, generation: generation, in: connection)
    return true
  }

  static func remove(generation: Int64, in connection: Connection) throws {
    let row = try connection.statement("DELETE FROM record WHERE generation = ?1")
    try row.bind(1, generation)
    try row.run()
  }
}

extension StoreError {
  static func podNotFound(_ nameOrID: String) -> StoreError {
    StoreError(
      .notFound, subject: printable(nameOrID, limit: 128),
      message: "there is no pod of this id or name; list what there is")
  }

  static func podNameExists(_ name: String, owner: String) -> StoreError {
    StoreError(
      .alreadyExists, subject: "name \(name)",
      message: "the name is in use by pod \(owner); choose another or remove that pod", candidates: [owner])
  }

  static func podOfContainerMissing(_ pod: ContainerID, container: ContainerID) -> StoreError {
    StoreError(
      .notFound, subject: pod.rawValue,
      message: "container \(container.rawValue) is to be in this pod, but it does not exist; add it first")
  }

  static func secondInfrastructure(_ pod: ContainerID, _ present: ContainerID) -> StoreError {
    StoreError(
      .alreadyExists, subject: pod.rawValue,
      message: "the pod has an infrastructure container (\(present.rawValue)); it can have one only",
      candidates: [present.rawValue])
  }

  /// INVARIANT I-6.
  static func wrongPod(_ id: ContainerID, dependency: ContainerID) -> StoreError {
    StoreError(
      .wrongPod, subject: id.rawValue,
      message:
        "it depends on \(dependency.rawValue), which is not in the same pod; put both in one, or in none")
  }

  /// INVARIANT I-7.
  static func podHasMembers(_ id: ContainerID, _ members: [String]) -> StoreError {
    StoreError(
      .inUse, subject: id.rawValue,
      message: "the pod has containers (\(members.joined(separator: ", "))); remove them first, or with it",
      candidates: members)
  }
}
