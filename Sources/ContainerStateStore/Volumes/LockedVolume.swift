public import FileLocking
public import JSONText
internal import SQLiteStorage
public import StateModel

extension StateStore {
  /// Locks the volume of exactly this name, reads it afresh, lends it to `body`, and releases the lock.
  ///
  /// - Parameters:
  ///   - name: the volume's name.
  ///   - wait: how long to wait for the lock; it has no default, so that each call shows it.
  ///   - operation: what others who wait are told that this process is doing.
  ///   - body: what to do under the lock. What it borrows is good for nothing after it (`scopeEnded`).
  /// - Returns: what `body` returns.
  /// - Throws: `lockTimeout`, `wouldDeadlock`, `notFound`, `corrupt`, and what `body` throws.
  /// - Process safety: no other process and no other thread changes or mounts the volume while `body` runs.
  public func withLockedVolume<R>(
    _ name: VolumeName, wait: LockWait, operation: String = "update",
    _ body: (borrowing LockedVolume) throws -> R
  ) throws -> R {
    let locks = try perform(operation) {
      try HeldLocks([lockName(of: name)], wait: wait, operation: operation)
    }
    defer { locks.release() }
    let scope = try perform(operation) { try volumeScope(of: name, locks) }
    defer { scope.end() }
    return try body(LockedVolume(scope))
  }

  /// Reads the volume afresh under its lock.
  func volumeScope(of name: VolumeName, _ locks: HeldLocks) throws -> VolumeScope {
    do {
      return VolumeScope(try database.readOne { try StoreReads.volume(name, in: $0) }, of: self, locks)
    } catch {
      let found = StoreError.mapped(error)
      if found.code != .corrupt { unlinkUnlessKnown(name, locks) }
      throw found.code == .notFound ? try durably(found) : found
    }
  }
}

/// A volume under its lock, lent to the closure of `withLockedVolume` and good for nothing after it.
public struct LockedVolume: ~Copyable {
  private let scope: VolumeScope

  init(_ scope: VolumeScope) { self.scope = scope }

  /// The volume as it was read under the lock, with what was written since.
  public var volume: Volume { scope.volume }

  /// Changes the state and writes it.
  ///
  /// - Parameters:
  ///   - revision: the state revision it has to have; nil for any.
  ///   - durability: what the return promises.
  ///   - change: changes the state it is given; what it throws is thrown and nothing is written.
  /// - Throws: `conflict`, `invalidArgument`, `lockLost`, `removed`, `scopeEnded`, `busy`, `lockTimeout`
  ///   (the gate), `outOfSpace`, `durabilityUnknown`.
  public borrowing func update(
    expecting revision: Int64? = nil, durability: Durability = .durable,
    _ change: (inout VolumeState) throws -> Void
  ) throws {
    try scope.checkOpen("update volume")
    var state = volume.state
    try change(&state)
    try scope.write(state, volume.stateExtra, expecting: revision, durability)
  }

  /// Sets or, with nil, removes the embedder's own JSON on the state.
  ///
  /// - Throws: as `update`.
  public borrowing func setStateExtra(
    _ extra: JSONBytes?, expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try scope.checkOpen("update volume")
    try ContainerConfiguration.checkExtra(extra)
    try scope.write(volume.state, extra, expecting: revision, durability)
  }

  /// Writes another configuration over the volume's (INVARIANT I-3).
  ///
  /// Its name and when it was created stay what they are. Others see the new one at their next read.
  ///
  /// - Parameters:
  ///   - configuration: the whole of it.
  ///   - revision: the configuration revision it has to have; nil for any.
  ///   - durability: what the return promises.
  /// - Throws: `invalidArgument` naming what cannot change, and as `update`.
  public borrowing func rewrite(
    _ configuration: VolumeConfiguration, expecting revision: Int64? = nil,
    durability: Durability = .durable
  ) throws(StoreError) {
    try scope.rewrite(configuration, expecting: revision, durability)
  }

  /// Records that a container has the volume mounted; repeated it changes nothing.
  ///
  /// The record goes with its container, and at a reboot.
  ///
  /// - Returns: how many containers have it mounted now.
  /// - Throws: `notFound` for the container, and as `update`.
  @discardableResult
  public borrowing func mount(
    for container: ContainerID, durability: Durability = .durable
  ) throws(StoreError) -> Int {
    try scope.changeMounts("mount volume", container, .mounted, durability, VolumeUserRows.mount)
  }

  /// Records that a container has the volume mounted no more; where it had not it changes nothing.
  ///
  /// - Returns: how many containers have it mounted now.
  /// - Throws: as `update`.
  @discardableResult
  public borrowing func unmount(
    for container: ContainerID, durability: Durability = .durable
  ) throws(StoreError) -> Int {
    try scope.changeMounts("unmount volume", container, .unmounted, durability, VolumeUserRows.unmount)
  }

  /// Removes the volume, which nobody uses; its lockfile goes when the scope ends.
  ///
  /// - Parameters:
  ///   - revision: the state revision it has to have; nil for any.
  ///   - durability: what the return promises.
  /// - Throws: `inUse` naming who uses it, and as `update`.
  public borrowing func remove(
    expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try scope.remove(expecting: revision, durability)
  }
}

/// What a lent `LockedVolume` stands for.
final class VolumeScope {
  private(set) var volume: Volume
  private var hasEnded = false
  private(set) var isRemoved = false
  let store: StateStore
  private let locks: HeldLocks

  init(_ volume: Volume, of store: StateStore, _ locks: HeldLocks) {
    self.volume = volume
    self.store = store
    self.locks = locks
  }

  func end() {
    hasEnded = true
    if isRemoved { store.unlinkUnlessKnown(volume.name, locks) }
  }

  func checkOpen(_ operation: String) throws(StoreError) {
    if hasEnded { throw StoreError.scopeEnded(volume.name).during(operation) }
    if isRemoved { throw StoreError.volumeRemoved(volume.name).during(operation) }
  }

  func write(
    _ state: VolumeState, _ extra: JSONBytes?, expecting revision: Int64?, _ durability: Durability
  ) throws(StoreError) {
    try state.checkValues()
    let present = volume
    try check(revision, is: present.stateRevision, "update volume")
    try perform("update volume", durability) { connection in
      try self.update(state, extra, over: present, in: connection)
    }
  }

  /// Writes a state within the caller's transaction, over what this transaction has made of the volume.
  func update(
    _ state: VolumeState, _ extra: JSONBytes?, over present: Volume, in connection: Connection
  ) throws -> ChangeRows.Entry {
    let isOurs = try VolumeRows.update(
      state, stateExtra: extra, generation: present.generation, revision: present.stateRevision,
      in: connection)
    guard isOurs else { throw try rowChanged(connection) }
    return .init(
      kind: .volume, id: present.name.rawValue, action: .updated, revision: present.stateRevision + 1)
  }

  func rewrite(
    _ configuration: VolumeConfiguration, expecting revision: Int64?, _ durability: Durability
  ) throws(StoreError) {
    try checkOpen("rewrite volume")
    let present = volume
    try check(revision, is: present.configurationRevision, "rewrite volume")
    try configuration.checkRewriting(present.configuration)
    try perform("rewrite volume", durability) { connection in
      let isOurs = try VolumeRows.rewrite(
        configuration, generation: present.generation, revision: present.configurationRevision,
        in: connection)
      guard isOurs else { throw try self.rowChanged(connection) }
      return .init(
        kind: .volume, id: present.name.rawValue, action: .rewritten,
        revision: present.configurationRevision + 1)
    }
  }

  func changeMounts(
    _ operation: String, _ id: ContainerID, _ action: ChangeAction, _ durability: Durability,
    _ change: (Int64, Int64, Connection) throws -> Bool
  ) throws(StoreError) -> Int {
    try checkOpen(operation)
    let generation = volume.generation
    try perform(operation, durability) { connection in
      try self.checkRow(self.volume, in: connection)
      guard let container = try ContainerRows.generation(of: id, in: connection) else {
        if action == .unmounted { return nil }
        throw StoreError.notFound(id.rawValue)
      }
      guard try change(generation, container, connection) else { return nil }
      return .init(kind: .volume, id: self.volume.name.rawValue, action: action)
    }
    return volume.mountCount
  }

  func remove(expecting revision: Int64?, _ durability: Durability) throws(StoreError) {
    try checkOpen("remove volume")
    let present = volume
    try check(revision, is: present.stateRevision, "remove volume")
    try perform("remove volume", durability, draws: true) { connection in
      try self.checkRow(present, in: connection)
      try self.store.removeVolume(
        present.name, generation: present.generation, revision: present.stateRevision, in: connection)
      // Recorded there.
      return nil
    }
  }

  private func check(
    _ expected: Int64?, is found: Int64, _ operation: String
  ) throws(StoreError) {
    guard let expected, expected != found else { return }
    throw StoreError.conflict(volume.name, expected: expected, found: found).during(operation)
  }

  /// Throws where the row is not what this scope's transaction has made of it.
  func checkRow(_ present: Volume, in connection: Connection) throws {
    // PROTOCOL L-11: what the lock cannot promise, generation and revision do.
    guard let found = try VolumeRows.stateRevision(of: present.name, in: connection),
      found.generation == present.generation, found.revision == present.stateRevision
    else { throw try rowChanged(connection) }
  }

  private func rowChanged(_ connection: Connection) throws -> StoreError {
    try VolumeRows.generation(of: volume.name, in: connection) == volume.generation
      ? .lockLost(volume.name) : .volumeRemoved(volume.name)
  }

  /// Runs a write and follows the row, where it is committed but not known to be durable too.
  private func perform(
    _ operation: String, _ durability: Durability, draws: Bool = false,
    _ write: (Connection) throws -> ChangeRows.Entry?
  ) throws(StoreError) {
    do {
      let written = try store.perform(operation) {
        try store.writeWithReserve(operation, durability: durability, draws: draws) { connection in
          if let change = try write(connection) { try store.record(change, in: connection) }
          return try VolumeRows.volume(volume.name, in: connection)
        }
      }
      follow(written)
    } catch {
      // What is committed is what the next write in this scope begins with.
      if error.code == .durabilityUnknown {
        do { try followRow() } catch {
          // The caller has to hear of the first failure; the next write finds the revision changed.
        }
      }
      throw error
    }
  }

  /// Reads again what is committed.
  func followRow() throws(StoreError) {
    follow(
      try store.perform("read volume") {
        try store.database.readOne { try VolumeRows.volume(volume.name, in: $0) }
      })
  }

  /// What is committed for this scope; nil where the volume is gone.
  func follow(_ found: Volume?) {
    if let found, found.generation == volume.generation { volume = found } else { isRemoved = true }
  }
}

extension VolumeConfiguration {
  /// Throws `invalidArgument` where this cannot be written over `present` (INVARIANT I-3).
  fileprivate func checkRewriting(_ present: VolumeConfiguration) throws(StoreError) {
    func refuse(_ what: String) -> StoreError {
      .invalidArgument(present.name.rawValue, "a rewrite cannot change \(what); add another volume instead")
    }
    guard name == present.name else { throw refuse("its name") }
    guard createdAt == present.createdAt else { throw refuse("when it was created") }
  }
}
