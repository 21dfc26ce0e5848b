internal import FileLocking
internal import JSONText
internal import SQLiteStorage
internal import StateModel

extension Volume: LockedRow {
  var key: VolumeName { name }
  static var kind: RecordKind { .volume }

  static func lockName(of name: VolumeName, in store: StateStore) -> LockName { store.lockName(of: name) }

  static func row(of name: VolumeName, in store: StateStore) throws -> Volume? {
    try store.database.readOne { try VolumeRows.volume(name, in: $0) }
  }

  static func generation(of name: VolumeName, in connection: Connection) throws -> Int64? {
    try VolumeRows.generation(of: name, in: connection)
  }

  static func stateRevision(generation: Int64, in connection: Connection) throws -> Int64? {
    try VolumeRows.stateRevision(generation: generation, in: connection)
  }

  static func removeFiles(of name: VolumeName, in store: StateStore) {}
  static func notFound(_ name: VolumeName) -> StoreError { .volumeNotFound(name.rawValue) }
  static func removed(_ name: VolumeName) -> StoreError { .volumeRemoved(name) }
}

/// What a lent `LockedVolume` stands for.
typealias VolumeScope = LockedScope<Volume>

extension VolumeScope {
  var volume: Volume { row }

  func write(_ state: VolumeState, _ extra: JSONBytes?, _ durability: Durability) throws(StoreError) {
    let present = volume
    try state.checkValues()
    try commit("update volume", durability) { connection in
      try update(state, extra, over: present, in: connection)
    }
    follow(present.with(state: state, stateExtra: extra, stateRevision: present.stateRevision + 1))
  }

  func rewrite(
    _ configuration: VolumeConfiguration, expecting revision: Int64?, _ durability: Durability
  ) throws(StoreError) {
    let present = volume
    try checkOpen("rewrite volume")
    try present.checkRewriting(configuration, expecting: revision)
    try commit("rewrite volume", durability) { connection in
      try rewrite(configuration, over: present, in: connection)
    }
    follow(present.rewritten(configuration))
  }

  /// Records that a container has it mounted or no more; returns how many have.
  func changeMounts(
    _ operation: String, _ id: ContainerID, _ action: ChangeAction, _ durability: Durability,
    _ change: (Int64, Int64, Connection) throws -> Bool
  ) throws(StoreError) -> Int {
    let present = volume
    try checkOpen(operation)
    var count = 0
    try commit(operation, durability) { connection in
      try checkRow(present, in: connection)
      let container = try ContainerRows.generation(of: id, in: connection)
      if container == nil, action == .mounted { throw StoreError.notFound(id.rawValue) }
      if let container, try change(present.generation, container, connection) {
        try store.record(
          .init(kind: .volume, id: present.name.rawValue, action: action), in: connection)
      }
      // Mounts go with their containers, under the locks of these.
      count = try VolumeUserRows.mountCount(of: present.generation, in: connection)
    }
    follow(present.with(mountCount: count))
    return count
  }

  func remove(expecting revision: Int64?, _ durability: Durability) throws(StoreError) {
    let present = volume
    try checkOpen("remove volume", expecting: revision)
    try commit("remove volume", durability, draws: true) { connection in
      try checkRow(present, in: connection)
      try store.removeVolume(
        present.name, generation: present.generation, revision: present.stateRevision, in: connection)
    }
    finishRemoval()
  }
}

/// Within the caller's transaction, over what this transaction has made of the volume.
extension VolumeScope {
  func update(
    _ state: VolumeState, _ extra: JSONBytes?, over present: Volume, in connection: Connection
  ) throws {
    // PROTOCOL L-11: what the lock cannot promise, generation and revision do.
    let isOurs = try VolumeRows.update(
      state, stateExtra: extra, generation: present.generation, revision: present.stateRevision,
      in: connection)
    guard isOurs else { throw try rowChanged(connection) }
    try store.record(
      .init(
        kind: .volume, id: present.name.rawValue, action: .updated, revision: present.stateRevision + 1),
      in: connection)
  }

  func rewrite(
    _ configuration: VolumeConfiguration, over present: Volume, in connection: Connection
  ) throws {
    try checkRow(present, in: connection)
    let isOurs = try VolumeRows.rewrite(
      configuration, generation: present.generation, revision: present.configurationRevision, in: connection)
    guard isOurs else { throw StoreError.lockLost(present.name) }
    try store.record(
      .init(
        kind: .volume, id: present.name.rawValue, action: .rewritten,
        revision: present.configurationRevision + 1), in: connection)
  }
}

extension Volume {
  /// Throws where this configuration cannot be written over the volume's (INVARIANT I-3), or that has another
  /// revision than the one a caller decided by.
  func checkRewriting(
    _ configuration: VolumeConfiguration, expecting revision: Int64?
  ) throws(StoreError) {
    func refuse(_ what: String) -> StoreError {
      .invalidArgument(name.rawValue, "a rewrite cannot change \(what); add another volume instead")
    }
    if let revision, revision != configurationRevision {
      throw StoreError.conflict(name, expected: revision, found: configurationRevision)
        .during("rewrite volume")
    }
    guard configuration.name == name else { throw refuse("its name") }
    guard configuration.createdAt == self.configuration.createdAt else { throw refuse("when it was created") }
  }

  /// The same volume with a configuration that was written over its own.
  func rewritten(_ configuration: VolumeConfiguration) -> Volume {
    Volume(
      configuration: configuration, state: state, stateExtra: stateExtra, mountCount: mountCount,
      generation: generation, configurationRevision: configurationRevision + 1, stateRevision: stateRevision)
  }

  /// The same volume with another number of mounts.
  fileprivate func with(mountCount: Int) -> Volume {
    Volume(
      configuration: configuration, state: state, stateExtra: stateExtra, mountCount: mountCount,
      generation: generation, configurationRevision: configurationRevision, stateRevision: stateRevision)
  }
}
