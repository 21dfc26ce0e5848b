public import FileLocking
public import JSONText
internal import SQLiteStorage
public import StateModel

extension StateStore {
  /// Adds a volume.
  ///
  /// - Returns: the volume as it was written.
  /// - Throws: `alreadyExists`, `invalidArgument`, `lockTimeout`, `busy`, `outOfSpace`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the volume's lock and the write gate.
  /// - Durability: D-1.
  @discardableResult
  public func addVolume(
    _ configuration: VolumeConfiguration, state: VolumeState = .init(), stateExtra: JSONBytes? = nil,
    durability: Durability = .durable
  ) throws(StoreError) -> Volume {
    try state.checkValues()
    try ContainerConfiguration.checkExtra(stateExtra)
    return try perform("add volume") {
      let name = configuration.name
      let locks = try HeldLocks(
        [lockName(of: name)], wait: .upTo(options.operationTimeout), operation: "add")
      defer { locks.release() }
      do {
        let generation = try database.write(
          "add volume", durability: durability.inStorage, deadlineNanoseconds: operationDeadlineNanoseconds
        ) { connection in
          let generation = try VolumeRows.insert(
            configuration, state: state, stateExtra: stateExtra, in: connection)
          try record(.init(kind: .volume, id: name.rawValue, action: .added, revision: 1), in: connection)
          return generation
        }
        return Volume(
          configuration: configuration, state: state, stateExtra: stateExtra, mountCount: 0,
          generation: generation, configurationRevision: 1, stateRevision: 1)
      } catch {
        unlinkUnlessKnown(lockName(of: name), locks)
        throw durability == .durable ? try durably(error) : error
      }
    }
  }

  /// The volume of exactly this name.
  ///
  /// - Throws: `notFound`, `corrupt`.
  /// - Blocking: for nobody.
  public func volume(_ name: VolumeName) throws(StoreError) -> Volume {
    try perform("read volume") { try database.readOne { try StoreReads.volume(name, in: $0) } }
  }

  /// The volume that `nameOrPrefix` stands for: exact name, then unique beginning of a name.
  ///
  /// - Throws: `emptyID`, `invalidArgument`, `notFound`, `ambiguous`, `corrupt`.
  /// - Blocking: for nobody.
  public func lookUpVolume(_ nameOrPrefix: String) throws(StoreError) -> Volume {
    try StoreReads.checkLookup(nameOrPrefix)
    return try perform("look up volume") {
      try database.read { connection in
        try StoreReads.volume(VolumeRows.resolve(nameOrPrefix, in: connection), in: connection)
      }
    }
  }

  /// Whether there is a volume of exactly this name.
  ///
  /// - Blocking: for nobody.
  public func hasVolume(_ name: VolumeName) throws(StoreError) -> Bool {
    try perform("look for volume") {
      try database.readOne { try VolumeRows.generation(of: name, in: $0) != nil }
    }
  }

  /// The volumes that a filter lets through, by name, as one snapshot; one that cannot be read is left out
  /// and named by `verify` (INVARIANT I-16).
  ///
  /// - Blocking: for nobody.
  public func volumes(where filter: VolumeFilter = .all) throws(StoreError) -> [Volume] {
    try perform("list volumes") {
      try database.read { connection in
        try VolumeListing(filter).names(in: connection).compactMap { name in
          try StoreReads.skippingCorrupt { try VolumeRows.volume(name, in: connection) }
        }
      }
    }
  }

  /// What a listing shows of the volumes that a filter lets through, by name, as one snapshot.
  ///
  /// One statement, which decodes no JSON; a row that cannot be read is returned in `corrupt`.
  ///
  /// - Throws: `invalidArgument` for too many labels.
  /// - Blocking: for nobody.
  public func volumeSummaries(where filter: VolumeFilter = .all) throws(StoreError) -> VolumeList {
    try perform("list volumes") { try database.readOne { try VolumeListing(filter).summaries(in: $0) } }
  }

  /// The containers that use a volume, by id.
  ///
  /// - Throws: `notFound` for the volume.
  /// - Blocking: for nobody.
  public func users(ofVolume name: VolumeName) throws(StoreError) -> [ContainerID] {
    try containers("list users of volume", of: name, VolumeUserRows.users)
  }

  /// The containers that have a volume mounted, by id.
  ///
  /// - Throws: `notFound` for the volume.
  /// - Blocking: for nobody.
  public func mounters(ofVolume name: VolumeName) throws(StoreError) -> [ContainerID] {
    try containers("list mounts of volume", of: name, VolumeUserRows.mounters)
  }

  private func containers(
    _ operation: String, of name: VolumeName, _ list: (Int64, Connection) throws -> [ContainerID]
  ) throws(StoreError) -> [ContainerID] {
    try perform(operation) {
      try database.read { connection in
        guard let generation = try VolumeRows.generation(of: name, in: connection) else {
          throw StoreError.volumeNotFound(name.rawValue)
        }
        return try list(generation, connection)
      }
    }
  }

  /// Whether a volume keeps its data in the embedder's storage under this id.
  ///
  /// - Blocking: for nobody.
  public func isVolumeStorage(_ id: ContainerID) throws(StoreError) -> Bool {
    try perform("look for volume storage") { try database.readOne { try VolumeRows.isStorage(id, in: $0) } }
  }

  /// Removes a volume, and with it the containers that use it where that is asked for; in one transaction, or
  /// not at all.
  ///
  /// - Parameters:
  ///   - name: the volume.
  ///   - includingUsers: whether the containers that use it go with it; else nobody may.
  ///   - wait: how long to wait for all of the locks together.
  ///   - durability: what the return promises.
  /// - Returns: the containers that were removed.
  /// - Throws: `notFound`; `inUse` where containers use it that do not go with it, where one has it mounted
  ///   and does not use it, where somebody outside depends on one of them or one has exec sessions;
  ///   `lockTimeout`, `busy`, `io`, `durabilityUnknown`.
  /// - Blocking: for the locks of the volume and its users as long as `wait` says, and for the gate.
  @discardableResult
  public func removeVolume(
    _ name: VolumeName, includingUsers: Bool = false, wait: LockWait, durability: Durability = .durable
  ) throws(StoreError) -> [ContainerID] {
    try perform("remove volume") {
      try removeTogether(
        volume: name, wait: wait, operation: "remove volume", durability: durability
      ) { connection in
        guard let generation = try VolumeRows.generation(of: name, in: connection) else {
          throw StoreError.volumeNotFound(name.rawValue)
        }
        return includingUsers ? Set(try VolumeUserRows.users(of: generation, in: connection)) : []
      }
    }
  }
}

extension StoreReads {
  static func volume(_ name: VolumeName, in connection: Connection) throws -> Volume {
    guard let volume = try VolumeRows.volume(name, in: connection) else {
      throw StoreError.volumeNotFound(name.rawValue)
    }
    return volume
  }
}
