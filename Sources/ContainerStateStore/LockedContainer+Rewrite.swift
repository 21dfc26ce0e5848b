internal import SQLiteStorage
public import StateModel

extension LockedContainer {
  /// Writes another configuration over the container's (INVARIANT I-3).
  ///
  /// Id, creation time, dependencies and pod stay what they are. Others see the new one at their next read. A
  /// volume that is used no more stays, an anonymous one too.
  ///
  /// - Parameters:
  ///   - configuration: the whole of it; the name may be another.
  ///   - revision: the configuration revision it has to have; nil for any.
  ///   - durability: what the return promises.
  /// - Throws: `invalidArgument` naming what cannot change, `alreadyExists` for the name, `notFound` for a
  ///   volume, `conflict`, and as `update`.
  /// - Blocking: up to `operationTimeout` for the write gate.
  /// - Durability: D-1.
  public borrowing func rewrite(
    _ configuration: ContainerConfiguration, expecting revision: Int64? = nil,
    durability: Durability = .durable
  ) throws(StoreError) {
    try scope.rewrite(configuration, expecting: revision, durability: durability)
  }
}

extension ContainerScope {
  func rewrite(
    _ configuration: ContainerConfiguration, expecting revision: Int64?, durability: Durability
  ) throws(StoreError) {
    let present = container
    try checkOpen("rewrite container")
    try present.checkRewriting(configuration, expecting: revision)
    try writePart(
      "rewrite container", durability: durability,
      following: { $0.container = present.rewritten(configuration) }
    ) { connection in
      try rewrite(configuration, over: present, in: connection)
    }
  }

  /// Writes a configuration within the caller's transaction, over what this transaction has made of the
  /// container.
  func rewrite(
    _ configuration: ContainerConfiguration, over present: Container, in connection: Connection
  ) throws -> ChangeRows.Entry {
    let isOurs = try ContainerRows.rewrite(
      configuration, generation: present.generation, revision: present.configurationRevision, in: connection)
    guard isOurs else { throw StoreError.lockLost(id) }
    return .init(
      kind: .container, id: id.rawValue, action: .rewritten, from: present.status, to: present.status,
      revision: present.configurationRevision + 1)
  }
}

extension Container {
  /// Throws where this configuration cannot be written over the container's, or that has another revision
  /// than the one a caller decided by.
  func checkRewriting(
    _ configuration: ContainerConfiguration, expecting revision: Int64?
  ) throws(StoreError) {
    if let revision, revision != configurationRevision {
      throw StoreError.conflict(id, expected: revision, found: configurationRevision)
        .during("rewrite container")
    }
    try configuration.checkRewriting(self.configuration)
  }

  /// The same container with a configuration that was written over its own.
  func rewritten(_ configuration: ContainerConfiguration) -> Container {
    Container(
      configuration: configuration, state: state, stateExtra: stateExtra, generation: generation,
      configurationRevision: configurationRevision + 1, stateRevision: stateRevision)
  }
}

extension ContainerConfiguration {
  /// Throws `invalidArgument` where this cannot be written over `present` (INVARIANT I-3).
  fileprivate func checkRewriting(_ present: ContainerConfiguration) throws(StoreError) {
    func refuse(_ what: String) -> StoreError {
      .invalidArgument(present.id.rawValue, "a rewrite cannot change \(what); add another container instead")
    }
    guard id == present.id else { throw refuse("its id") }
    guard createdAt == present.createdAt else { throw refuse("when it was created") }
    guard try dependencies() == present.dependencies() else { throw refuse("what it depends on") }
    guard try pod() == present.pod() else { throw refuse("its pod") }
    guard try details().isInfrastructure == present.details().isInfrastructure else {
      throw refuse("whether it holds the namespaces of its pod")
    }
  }
}

extension ContainerRows {
  /// Writes a configuration over the one of this generation and revision, which becomes one greater; returns
  /// whether such a row was there.
  ///
  /// - Throws: `alreadyExists` for the name.
  fileprivate static func rewrite(
    _ configuration: ContainerConfiguration, generation: Int64, revision: Int64, in connection: Connection
  ) throws -> Bool {
    if let owner = try id(named: configuration.name, in: connection), owner != configuration.id {
      throw StoreError.nameExists(configuration.name, owner: owner.rawValue)
    }
    let row = try connection.statement(
      """
      UPDATE container SET revision = revision + 1, details = ?1, extra = ?2
      WHERE generation = ?3 AND revision = ?4
      """)
    try row.bind(1, configuration.detailsJSON.bytes)
    if let extra = configuration.extra { try row.bind(2, extra.bytes) } else { try row.bindNull(2) }
    try row.bind(3, generation)
    try row.bind(4, revision)
    try row.run()
    guard connection.changes == 1 else { return false }
    let record = try connection.statement(
      """
      UPDATE record SET name = ?1, created_zone_offset_s = ?2, image_id = ?3, image_name = ?4
      WHERE generation = ?5
      """)
    try record.bind(1, configuration.name)
    try record.bind(2, Int64(configuration.createdZoneOffsetSeconds))
    try record.bind(3, configuration.imageID)
    try record.bind(4, configuration.imageName)
    try record.bind(5, generation)
    try record.run()
    try LabelTable.container.replace(
      with: configuration.labels(), generation: generation, in: connection)
    try ListingRows.replace(with: configuration, generation: generation, in: connection)
    try ExtraIndexRows.follow(
      configuration.extra, .containerConfiguration, generation: generation, in: connection)
    try VolumeUserRows.replace(
      configuration.volumes(), of: configuration.id, generation: generation, in: connection)
    return true
  }
}
