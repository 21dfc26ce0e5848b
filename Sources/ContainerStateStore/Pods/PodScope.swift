internal import FileLocking
internal import JSONText
internal import SQLiteStorage
internal import StateModel

extension Pod: LockedRow {
  var key: ContainerID { id }
  static var kind: RecordKind { .pod }

  static func lockName(of id: ContainerID, in store: StateStore) -> LockName { store.podLockName(of: id) }

  static func row(of id: ContainerID, in store: StateStore) throws -> Pod? {
    try store.database.readOne { try PodRows.pod(id, in: $0) }
  }

  static func generation(of id: ContainerID, in connection: Connection) throws -> Int64? {
    try PodRows.generation(of: id, in: connection)
  }

  static func stateRevision(generation: Int64, in connection: Connection) throws -> Int64? {
    try PodRows.stateRevision(generation: generation, in: connection)
  }

  static func removeFiles(of id: ContainerID, in store: StateStore) {}
  static func notFound(_ id: ContainerID) -> StoreError { .podNotFound(id.rawValue) }
  static func removed(_ id: ContainerID) -> StoreError { .podRemoved(id) }
}

/// What a lent `LockedPod` stands for.
typealias PodScope = LockedScope<Pod>

extension PodScope {
  var pod: Pod { row }

  func write(_ state: PodState, _ extra: JSONBytes?, _ durability: Durability) throws(StoreError) {
    let present = pod
    try state.checkValues()
    try commit("update pod", durability) { connection in
      try update(state, extra, over: present, in: connection)
    }
    follow(present.with(state: state, stateExtra: extra, stateRevision: present.stateRevision + 1))
  }

  func rewrite(
    _ configuration: PodConfiguration, expecting revision: Int64?, _ durability: Durability
  ) throws(StoreError) {
    let present = pod
    try checkOpen("rewrite pod")
    try present.checkRewriting(configuration, expecting: revision)
    try commit("rewrite pod", durability) { connection in
      try rewrite(configuration, over: present, in: connection)
    }
    follow(present.rewritten(configuration))
  }

  func remove(expecting revision: Int64?, _ durability: Durability) throws(StoreError) {
    let present = pod
    try checkOpen("remove pod", expecting: revision)
    try commit("remove pod", durability, draws: true) { connection in
      try checkRow(present, in: connection)
      try store.removeRow(ofPod: present.id, in: connection)
    }
    finishRemoval()
  }
}

/// Within the caller's transaction, over what this transaction has made of the pod.
extension PodScope {
  func update(
    _ state: PodState, _ extra: JSONBytes?, over present: Pod, in connection: Connection
  ) throws {
    // PROTOCOL L-11: what the lock cannot promise, generation and revision do.
    let isOurs = try PodRows.update(
      state, stateExtra: extra, generation: present.generation, revision: present.stateRevision,
      in: connection)
    guard isOurs else { throw try rowChanged(connection) }
    try store.record(
      .init(kind: .pod, id: present.id.rawValue, action: .updated, revision: present.stateRevision + 1),
      in: connection)
  }

  func rewrite(
    _ configuration: PodConfiguration, over present: Pod, in connection: Connection
  ) throws {
    try checkRow(present, in: connection)
    let isOurs = try PodRows.rewrite(
      configuration, generation: present.generation, revision: present.configurationRevision, in: connection)
    guard isOurs else { throw StoreError.lockLost(present.id) }
    try store.record(
      .init(
        kind: .pod, id: present.id.rawValue, action: .rewritten, revision: present.configurationRevision + 1),
      in: connection)
  }
}

extension Pod {
  /// Throws where this configuration cannot be written over the pod's (INVARIANT I-3), or that has another
  /// revision than the one a caller decided by.
  func checkRewriting(_ configuration: PodConfiguration, expecting revision: Int64?) throws(StoreError) {
    func refuse(_ what: String) -> StoreError {
      .invalidArgument(id.rawValue, "a rewrite cannot change \(what); add another pod instead")
    }
    if let revision, revision != configurationRevision {
      throw StoreError.conflict(id, expected: revision, found: configurationRevision).during("rewrite pod")
    }
    guard configuration.id == id else { throw refuse("its id") }
    guard configuration.createdAt == self.configuration.createdAt else { throw refuse("when it was created") }
  }

  /// The same pod with a configuration that was written over its own.
  func rewritten(_ configuration: PodConfiguration) -> Pod {
    Pod(
      configuration: configuration, state: state, stateExtra: stateExtra, infrastructure: infrastructure,
      generation: generation, configurationRevision: configurationRevision + 1, stateRevision: stateRevision)
  }
}

extension PodRows {
  /// The revision of the state of the pod of this generation; nil where the row has gone.
  static func stateRevision(generation: Int64, in connection: Connection) throws -> Int64? {
    let row = try connection.statement("SELECT revision FROM pod_state WHERE generation = ?1")
    try row.bind(1, generation)
    return try row.step() ? try row.int64(0) : nil
  }

  /// Writes a configuration over the one of this generation and revision, which becomes one greater; returns
  /// whether such a row was there.
  ///
  /// - Throws: `alreadyExists` for the name.
  fileprivate static func rewrite(
    _ configuration: PodConfiguration, generation: Int64, revision: Int64, in connection: Connection
  ) throws -> Bool {
    if let owner = try ContainerRows.id(named: configuration.name, kind: .pod, in: connection),
      owner != configuration.id
    {
      throw StoreError.podNameExists(configuration.name, owner: owner.rawValue)
    }
    let row = try connection.statement(
      """
      UPDATE pod SET revision = revision + 1, details = ?1, extra = ?2 WHERE generation = ?3 AND revision = ?4
      """)
    try row.bind(1, configuration.detailsJSON.bytes)
    if let extra = configuration.extra { try row.bind(2, extra.bytes) } else { try row.bindNull(2) }
    try row.bind(3, generation)
    try row.bind(4, revision)
    try row.run()
    guard connection.changes == 1 else { return false }
    let record = try connection.statement(
      "UPDATE record SET name = ?1, created_zone_offset_s = ?2 WHERE generation = ?3")
    try record.bind(1, configuration.name)
    try record.bind(2, Int64(configuration.createdZoneOffsetSeconds))
    try record.bind(3, generation)
    try record.run()
    try LabelTable.pod.replace(with: configuration.details().labels, generation: generation, in: connection)
    try ExtraIndexRows.follow(configuration.extra, .podConfiguration, generation: generation, in: connection)
    return true
  }
}

extension StoreError {
  static func podRemoved(_ id: ContainerID) -> StoreError {
    StoreError(
      .removed, subject: id.rawValue,
      message: "the pod that this scope is of has been removed; look it up again")
  }
}
