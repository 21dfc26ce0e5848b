public import FileLocking
public import JSONText
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
    let scope: VolumeScope = try enter(name, wait: wait, operation: operation)
    defer { scope.leave() }
    return try body(LockedVolume(scope))
  }
}

/// A volume under its lock, lent to the closure of `withLockedVolume` and good for nothing after it.
public struct LockedVolume: ~Copyable {
  private let scope: VolumeScope

  init(_ scope: VolumeScope) { self.scope = scope }

  /// The volume as it was read under the lock, with what was written since.
  ///
  /// A container that is removed takes its mounts along, whoever has the volume locked: how many there are is
  /// as it was when that was last asked, here or by `mount` and `unmount`.
  public var volume: Volume { scope.volume }
  /// The number of this grant, greater than that of every earlier one (PROTOCOL L-7).
  public var fencingToken: FencingToken { scope.token }

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
    try scope.checkOpen("update volume", expecting: revision)
    var state = scope.volume.state
    try change(&state)
    try scope.write(state, scope.volume.stateExtra, durability)
  }

  /// Changes the state and sets or, with nil, removes the embedder's own JSON on it, in one write.
  ///
  /// - Throws: as `update`.
  public borrowing func update(
    stateExtra extra: JSONBytes?, expecting revision: Int64? = nil, durability: Durability = .durable,
    _ change: (inout VolumeState) throws -> Void
  ) throws {
    try scope.checkOpen("update volume", expecting: revision)
    try ContainerConfiguration.checkExtra(extra)
    var state = scope.volume.state
    try change(&state)
    try scope.write(state, extra, durability)
  }

  /// Sets or, with nil, removes the embedder's own JSON on the state.
  ///
  /// - Throws: as `update`.
  public borrowing func setStateExtra(
    _ extra: JSONBytes?, expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try scope.checkOpen("update volume", expecting: revision)
    try ContainerConfiguration.checkExtra(extra)
    try scope.write(scope.volume.state, extra, durability)
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
