internal import JSONText
internal import SQLiteStorage
internal import StateModel

/// How volumes are read from rows and written to them, inside the caller's transaction.
enum VolumeRows {
  /// The volume of exactly this name; nil where there is none.
  static func volume(_ name: VolumeName, in connection: Connection) throws -> Volume? {
    let row = try connection.statement(
      """
      SELECT generation, revision, state_revision, created_at_ns, driver, storage_id, is_anonymous,
        mountpoint, needs_ownership_change, needs_copy_up, details, extra, state_extra,
        (SELECT count(*) FROM volume_mount m WHERE m.volume = v.generation)
      FROM volume v WHERE name = ?1
      """)
    try row.bind(1, name.rawValue)
    guard try row.step() else { return nil }
    return try StoreError.naming(name) {
      let configuration = VolumeConfiguration(
        unchecked: name, createdAt: Timestamp(nanosecondsSinceEpoch: try row.int64(3)),
        driver: try row.string(4), storageID: row.isNull(5) ? nil : try ContainerRows.id(row, 5),
        isAnonymous: try row.bool(6),
        details: try VolumeDetails(decoding: JSONBytes(unchecked: try row.bytes(10)).root),
        extra: row.isNull(11) ? nil : JSONBytes(unchecked: try row.bytes(11)))
      var state = VolumeState()
      state.mountpoint = try row.string(7)
      state.needsOwnershipChange = try row.bool(8)
      state.needsCopyUp = try row.bool(9)
      return Volume(
        configuration: configuration, state: state,
        stateExtra: row.isNull(12) ? nil : JSONBytes(unchecked: try row.bytes(12)),
        mountCount: Int(try row.int64(13)), generation: try row.int64(0),
        configurationRevision: try row.int64(1), stateRevision: try row.int64(2))
    }
  }

  /// The generation of the volume of exactly this name; nil where there is none.
  static func generation(of name: VolumeName, in connection: Connection) throws -> Int64? {
    let row = try connection.statement("SELECT generation FROM volume WHERE name = ?1")
    try row.bind(1, name.rawValue)
    return try row.step() ? try row.int64(0) : nil
  }

  /// The revision of the state of the volume of this generation; nil where the row has gone.
  static func stateRevision(generation: Int64, in connection: Connection) throws -> Int64? {
    let row = try connection.statement("SELECT state_revision FROM volume WHERE generation = ?1")
    try row.bind(1, generation)
    return try row.step() ? try row.int64(0) : nil
  }

  /// The generation and the revision of the state of the volume of this name; nil where there is none.
  static func stateRevision(
    of name: VolumeName, in connection: Connection
  ) throws -> (generation: Int64, revision: Int64)? {
    let row = try connection.statement("SELECT generation, state_revision FROM volume WHERE name = ?1")
    try row.bind(1, name.rawValue)
    return try row.step() ? (try row.int64(0), try row.int64(1)) : nil
  }

  /// The volume that `text` stands for: exact name, then unique beginning of a name.
  ///
  /// - Throws: `notFound`, `ambiguous`.
  static func resolve(_ text: String, in connection: Connection) throws -> VolumeName {
    // A name as long as the text comes before every longer one.
    let row = try connection.statement(
      "SELECT name FROM volume WHERE name >= ?1 AND name < ?2 ORDER BY name LIMIT 11")
    try row.bind(1, text)
    try row.bind(2, text + "\u{7F}")
    var names: [VolumeName] = []
    while try row.step() {
      let name = try self.name(row, 0)
      if name.rawValue == text { return name }
      names.append(name)
    }
    guard let only = names.first else { throw StoreError.volumeNotFound(text) }
    guard names.count == 1 else {
      throw StoreError.ambiguousVolume(text, candidates: names.prefix(10).map(\.rawValue))
    }
    return only
  }

  /// A name that this row holds.
  ///
  /// - Throws: `corrupt` where it is none.
  static func name(_ row: borrowing Statement, _ column: Int32) throws -> VolumeName {
    let text = try row.string(column)
    do { return try VolumeName(text) } catch {
      throw StoreError.corrupt(printable(text, limit: 128), "the name of a volume is none")
    }
  }

  /// The names in these rows; those that are none are left for `verify` (INVARIANT I-16).
  static func readableNames(_ row: borrowing Statement) throws -> [VolumeName] {
    var names: [VolumeName] = []
    while try row.step() {
      if let name = try StoreReads.skippingCorrupt({ try name(row, 0) }) { names.append(name) }
    }
    return names
  }

  /// Whether a volume keeps its data in the embedder's storage under this id.
  static func isStorage(_ id: ContainerID, in connection: Connection) throws -> Bool {
    let row = try connection.statement("SELECT 1 FROM volume WHERE storage_id = ?1")
    try row.bind(1, id.rawValue)
    return try row.step()
  }
}

// MARK: - Writing

extension VolumeRows {
  /// Inserts a volume with its first state; returns its generation.
  ///
  /// - Throws: `alreadyExists`.
  static func insert(
    _ configuration: VolumeConfiguration, state: VolumeState, stateExtra: JSONBytes?,
    in connection: Connection
  ) throws -> Int64 {
    guard try generation(of: configuration.name, in: connection) == nil else {
      throw StoreError.volumeExists(configuration.name)
    }
    let row = try connection.statement(
      """
      INSERT INTO volume (name, revision, state_revision, created_at_ns, driver, storage_id, is_anonymous,
        mountpoint, needs_ownership_change, needs_copy_up, details, extra, state_extra)
      VALUES (?1, 1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
      """)
    try row.bind(1, configuration.name.rawValue)
    try row.bind(2, configuration.createdAt.nanosecondsSinceEpoch)
    try bind(configuration, to: row, from: 3)
    try row.bind(6, state.mountpoint)
    try row.bind(7, state.needsOwnershipChange ? 1 : 0)
    try row.bind(8, state.needsCopyUp ? 1 : 0)
    try row.bind(9, configuration.details.encoded().bytes)
    try bind(configuration.extra, to: row, 10)
    try bind(stateExtra, to: row, 11)
    try row.run()
    let generation = connection.lastInsertedRowID
    try LabelTable.volume.insert(configuration.details.labels, generation: generation, in: connection)
    try ExtraIndexRows.follow(
      configuration.extra, .volumeConfiguration, generation: generation, in: connection)
    try ExtraIndexRows.follow(stateExtra, .volumeState, generation: generation, in: connection)
    return generation
  }

  /// Driver, storage id and whether it is anonymous.
  private static func bind(
    _ configuration: VolumeConfiguration, to row: borrowing Statement, from index: Int32
  ) throws {
    try row.bind(index, configuration.driver)
    if let id = configuration.storageID {
      try row.bind(index + 1, id.rawValue)
    } else {
      try row.bindNull(index + 1)
    }
    try row.bind(index + 2, configuration.isAnonymous ? 1 : 0)
  }

  private static func bind(_ json: JSONBytes?, to row: borrowing Statement, _ index: Int32) throws {
    if let json { try row.bind(index, json.bytes) } else { try row.bindNull(index) }
  }

  /// Writes a state over the one of this generation and revision; returns whether such a row was there.
  static func update(
    _ state: VolumeState, stateExtra: JSONBytes?, generation: Int64, revision: Int64,
    in connection: Connection
  ) throws -> Bool {
    let row = try connection.statement(
      """
      UPDATE volume SET state_revision = state_revision + 1, mountpoint = ?1, needs_ownership_change = ?2,
        needs_copy_up = ?3, state_extra = ?4
      WHERE generation = ?5 AND state_revision = ?6
      """)
    try row.bind(1, state.mountpoint)
    try row.bind(2, state.needsOwnershipChange ? 1 : 0)
    try row.bind(3, state.needsCopyUp ? 1 : 0)
    try bind(stateExtra, to: row, 4)
    try row.bind(5, generation)
    try row.bind(6, revision)
    try row.run()
    guard connection.changes == 1 else { return false }
    try ExtraIndexRows.follow(stateExtra, .volumeState, generation: generation, in: connection)
    return true
  }

  /// Writes a configuration over the one of this generation and revision; returns whether such a row was
  /// there.
  static func rewrite(
    _ configuration: VolumeConfiguration, generation: Int64, revision: Int64, in connection: Connection
  ) throws -> Bool {
    let row = try connection.statement(
      """
      UPDATE volume SET revision = revision + 1, driver = ?1, storage_id = ?2, is_anonymous = ?3,
        details = ?4, extra = ?5
      WHERE generation = ?6 AND revision = ?7
      """)
    try bind(configuration, to: row, from: 1)
    try row.bind(4, configuration.details.encoded().bytes)
    try bind(configuration.extra, to: row, 5)
    try row.bind(6, generation)
    try row.bind(7, revision)
    try row.run()
    guard connection.changes == 1 else { return false }
    try LabelTable.volume.replace(
      with: configuration.details.labels, generation: generation, in: connection)
    try ExtraIndexRows.follow(
      configuration.extra, .volumeConfiguration, generation: generation, in: connection)
    return true
  }

  /// Removes the row of this generation, which nothing refers to.
  static func remove(generation: Int64, in connection: Connection) throws {
    let row = try connection.statement("DELETE FROM volume WHERE generation = ?1")
    try row.bind(1, generation)
    try row.run()
  }
}

extension StoreError {
  /// Runs `body`; damage that it finds is said to be in the volume of this name.
  static func naming<R>(_ name: VolumeName, _ body: () throws -> R) throws -> R {
    do { return try body() } catch {
      let found = mapped(error)
      guard found.code == .corrupt else { throw error }
      throw StoreError(.corrupt, subject: name.rawValue, message: found.message, cause: found.cause)
    }
  }

  static func volumeNotFound(_ name: String) -> StoreError {
    StoreError(
      .notFound, subject: printable(name, limit: 128),
      message: "there is no volume of this name; list what there is")
  }

  static func volumeRemoved(_ name: VolumeName) -> StoreError {
    StoreError(
      .removed, subject: name.rawValue,
      message: "the volume that this scope is of has been removed; look it up again")
  }

  static func volumeExists(_ name: VolumeName) -> StoreError {
    StoreError(
      .alreadyExists, subject: name.rawValue,
      message: "there is a volume of this name; choose another or remove that one",
      candidates: [name.rawValue])
  }

  static func ambiguousVolume(_ prefix: String, candidates: [String]) -> StoreError {
    StoreError(
      .ambiguous, subject: printable(prefix, limit: 128),
      message:
        "more than one volume's name begins like this (\(candidates.joined(separator: ", "))); "
        + "type more of it", candidates: candidates)
  }

  static func volumeInUse(_ name: VolumeName, by users: [String]) -> StoreError {
    StoreError(
      .inUse, subject: name.rawValue,
      message: "containers use the volume (\(users.joined(separator: ", "))); remove them first, or with it",
      candidates: users)
  }

  static func volumeMounted(_ name: VolumeName, by others: [String]) -> StoreError {
    StoreError(
      .inUse, subject: name.rawValue,
      message: "containers that do not name the volume have it mounted (\(others.joined(separator: ", "))); "
        + "unmount it there first", candidates: others)
  }

  static func volumeOfContainerMissing(_ volume: VolumeName, container: ContainerID) -> StoreError {
    StoreError(
      .notFound, subject: volume.rawValue,
      message: "container \(container.rawValue) is to use this volume, but it does not exist; add it first")
  }
}
