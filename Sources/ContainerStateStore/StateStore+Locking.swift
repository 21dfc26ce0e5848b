public import FileLocking
internal import Glibc
public import JSONText
internal import SQLiteStorage
public import StateModel

extension StateStore {
  /// Adds a container with its OCI specification; all or nothing, the copy of the specification included.
  ///
  /// - Parameters:
  ///   - configuration: what is written once.
  ///   - specification: the OCI runtime specification; returned byte for byte.
  ///   - state: the first state; `configured` unless said otherwise.
  ///   - stateExtra: the embedder's own JSON on the state.
  ///   - networks: what it is connected to from the start.
  ///   - durability: what the return promises.
  /// - Returns: the container as it was written.
  /// - Throws: `alreadyExists` for the id or the name, `notFound` for a dependency, its pod or a volume,
  ///   `wrongPod`, `alreadyConnected` for a network that is named twice, `invalidArgument`, `lockTimeout`,
  ///   `busy`, `outOfSpace`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the container's lock and the write gate.
  /// - Durability: D-1.
  @discardableResult
  public func add(
    _ configuration: ContainerConfiguration, specification: JSONBytes, state: ContainerState = .init(),
    stateExtra: JSONBytes? = nil, networks: [NetworkConnection] = [], durability: Durability = .durable
  ) throws(StoreError) -> Container {
    try state.checkValues()
    try ContainerConfiguration.checkExtra(stateExtra)
    return try perform("add container") {
      let id = configuration.id
      // Under the lock of its pod nobody removes that.
      let pod = try configuration.pod()
      let names = [lockName(of: id)] + (pod.map { [podLockName(of: $0)] } ?? [])
      let locks = try HeldLocks(names, wait: .upTo(options.operationTimeout), operation: "add")
      defer { locks.release() }
      do {
        return try insert(configuration, specification, state, stateExtra, networks, durability)
      } catch {
        unlinkUnlessKnown(lockName(of: id), locks)
        if let pod { unlinkUnlessKnown(podLockName(of: pod), locks) }
        throw durability == .durable ? try durably(error) : error
      }
    }
  }

  private func insert(
    _ configuration: ContainerConfiguration, _ specification: JSONBytes, _ state: ContainerState,
    _ stateExtra: JSONBytes?, _ networks: [NetworkConnection], _ durability: Durability
  ) throws -> Container {
    let copy = try specificationCopies.prepare(specification.bytes, for: configuration.id)
    defer { copy.discard() }
    var generation: Int64 = 0
    _ = try database.write(
      "add container", about: CommitSubject(configuration.id), durability: durability.inStorage,
      deadlineNanoseconds: operationDeadlineNanoseconds
    ) { connection in
      generation = try ContainerRows.insert(
        configuration, state: state, stateExtra: stateExtra, specification: specification.bytes,
        in: connection)
      try record(
        .init(
          kind: .container, id: configuration.id.rawValue, action: .added, to: state.status, revision: 1),
        in: connection)
      for new in networks {
        try NetworkRows.insert(new, of: configuration.id, generation: generation, in: connection)
        try record(
          .init(kind: .network, id: configuration.id.rawValue, action: .connected), in: connection)
      }
    }
    // A copy that cannot be put in its place is rebuilt at the next access: the row is the truth.
    copy.publish()
    return Container(
      configuration: configuration, state: state, stateExtra: stateExtra, generation: generation,
      configurationRevision: 1, stateRevision: 1)
  }

  /// Locks the container of exactly this id, reads it afresh, lends it to `body`, and releases the lock.
  ///
  /// - Parameters:
  ///   - id: the container's id.
  ///   - wait: how long to wait for the lock; it has no default, so that each call shows it.
  ///   - operation: what others who wait are told that this process is doing.
  ///   - body: what to do under the lock. What it borrows is good for nothing after it (`scopeEnded`).
  /// - Returns: what `body` returns.
  /// - Throws: `lockTimeout` (naming the holder), `wouldDeadlock`, `notFound`, `corrupt`, and what `body`
  ///   throws.
  /// - Process safety: no other process and no other thread changes the container while `body` runs.
  public func withLockedContainer<R>(
    _ id: ContainerID, wait: LockWait, operation: String = "update",
    _ body: (borrowing LockedContainer) throws -> R
  ) throws -> R {
    let scope: ContainerScope = try enter(id, wait: wait, operation: operation)
    defer { scope.leave() }
    return try body(LockedContainer(scope))
  }

  /// The lockfiles that are there; whatever else lies in their directory is never opened, let alone locked.
  ///
  /// - Throws: `storeReplaced` where their directory is gone.
  func lockFileNames() throws(StoreError) -> [String] {
    let directory = location.lockDirectory
    guard try StoreFiles.exists(directory) else { throw .kernel("opendir", path: directory, errno: ENOENT) }
    return try StoreFiles.names(in: directory).filter { LockFileName.owner(of: $0) != nil }
  }

  /// The refusal of a durable change, once it is true after a power loss too.
  ///
  /// DURABILITY D-1: who is told that something is there, or gone, may rely on that as on a change of his
  /// own, and whose change it was need not have been synced yet.
  ///
  /// - Throws: `io` where it cannot be made so: nothing was changed, so it is no `durabilityUnknown` (D-2).
  func durably(_ refusal: any Error) throws -> any Error {
    let answer = StoreError.mapped(refusal)
    guard [.alreadyExists, .notFound].contains(answer.code) else { return refusal }
    do {
      try database.makeDurable(deadlineNanoseconds: operationDeadlineNanoseconds)
    } catch let error as StorageError where error.code == .durabilityUnknown {
      throw StoreError(
        .io, subject: answer.subject,
        message: "nothing was changed, and the disk did not confirm why: \(answer.message); check the disk",
        cause: error.message)
    }
    return refusal
  }

  /// INVARIANT I-14: a failed call leaves no lockfile, even where the database does not answer any more.
  ///
  /// To take away one that has an owner is safe under its lock, and costs him the making of another.
  func unlinkUnlessKnown(_ name: LockName, _ locks: HeldLocks) {
    let isKnown = try? database.readOne { try LockFileName.isOwned(name.fileName, in: $0) }
    if isKnown != true { locks.unlink(name) }
  }
}

/// The locks that one call has taken together; released at its end, whatever became of the call.
final class HeldLocks {
  // No accessor calls another.
  @exclusivity(unchecked) private var grants: LockGrants?
  /// How long they were waited for, in nanoseconds.
  let waitedNanoseconds: UInt64
  /// Who had the one that was waited for longest, where that is known.
  let waitedFor: FileLocking.LockHolder?

  init(_ names: [LockName], wait: LockWait, operation: String) throws(LockError) {
    let grants = try LockTable.shared.acquire(names, wait: wait, operation: operation)
    waitedNanoseconds = grants.waitedNanoseconds
    waitedFor = grants.waitedFor
    self.grants = consume grants
  }

  /// When the kernel granted one of them, on the clock of fencing tokens.
  func bootTimeNanoseconds(of name: @autoclosure () -> LockName) -> UInt64 {
    if let only = grants?.onlyBootTimeNanoseconds { return only }
    let name = name()
    return grants?.bootTimeNanoseconds(of: name) ?? 0
  }

  /// Removes the lockfile of one of them and releases that one.
  func unlink(_ name: LockName) { _ = grants?.unlinkAndRelease(name) }

  /// Releases those that are still held; later calls do nothing.
  func release() { grants = nil }
}
