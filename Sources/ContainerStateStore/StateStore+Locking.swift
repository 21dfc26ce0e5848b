public import FileLocking
public import JSONText
internal import SQLiteStorage
public import StateModel

extension StateStore {
  /// Adds a container with its OCI specification; all or nothing, the copy of the specification included.
  ///
  /// - Parameters:
  ///   - specification: the OCI runtime specification; returned byte for byte.
  ///   - state: the first state; `configured` unless said otherwise.
  ///   - stateExtra: the embedder's own JSON on the state.
  ///   - durability: what the return promises.
  /// - Throws: `alreadyExists` for the id or the name, `notFound` for a dependency, `invalidArgument`, `lockTimeout`,
  ///   `busy`, `outOfSpace`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the container's lock and the write gate.
  /// - Durability: D-1.
  @discardableResult
  public func add(
    _ configuration: ContainerConfiguration, specification: JSONBytes, state: ContainerState = .init(),
    stateExtra: JSONBytes? = nil, durability: Durability = .durable
  ) throws(StoreError) -> Container {
    let details = try configuration.details()
    try details.check(id: configuration.id)
    try state.checkValues()
    try ContainerConfiguration.checkExtra(stateExtra)
    return try perform("add container") {
      let id = configuration.id
      let lock = HeldLock(try grant(of: id, wait: .upTo(options.operationTimeout), operation: "add"))
      // An id that turns out not to exist leaves no lockfile behind.
      defer { lock.release(unlinking: lock.isOrphaned) }
      lock.isOrphaned = true
      let copy = try specificationCopies.prepare(specification.bytes, for: id)
      defer { copy.discard() }
      let generation: Int64
      do {
        generation = try database.write(
          "add container", durability: durability.inStorage, deadlineNanoseconds: operationDeadlineNanoseconds
        ) {
          try ContainerRows.insert(
            configuration, details: details, state: state, stateExtra: stateExtra,
            specification: specification.bytes, in: $0)
        }
      } catch {
        lock.isOrphaned = try database.readOne { try !ContainerRows.anyRecordExists(id: id.rawValue, in: $0) }
        throw error
      }
      lock.isOrphaned = false
      copy.publish()
      return Container(
        configuration: configuration, state: state, stateExtra: stateExtra, generation: generation,
        configurationRevision: 1, stateRevision: 1)
    }
  }

  /// Locks the container of exactly this id, reads it afresh, lends it to `body`, and releases the lock.
  ///
  /// - Parameters:
  ///   - id: the container's id.
  ///   - wait: how long to wait for the lock; it has no default, so that each call shows it.
  ///   - operation: what others who wait are told that this process is doing.
  ///   - body: what to do under the lock. What it borrows is good for nothing after it (`scopeEnded`).
  /// - Returns: what `body` returns.
  /// - Throws: `lockTimeout` (naming the holder), `wouldDeadlock`, `notFound`, `corrupt`, and what `body` throws.
  /// - Process safety: no other process and no other thread changes the container while `body` runs.
  public func withLockedContainer<R>(
    _ id: ContainerID, wait: LockWait, operation: String = "update",
    _ body: (borrowing LockedContainer) throws -> R
  ) throws -> R {
    let scope = try perform(operation) {
      try lockedScope(of: id, lock: HeldLock(grant(of: id, wait: wait, operation: operation)))
    }
    defer { scope.end() }
    return try body(LockedContainer(scope))
  }

  /// Locks several containers in the one order that excludes deadlock, and lends them all to `body`.
  ///
  /// - Parameters:
  ///   - ids: the containers; all exist, or the call fails.
  ///   - wait: how long to wait for all of the locks together.
  ///   - operation: what others who wait are told that this process is doing.
  ///   - body: what to do under the locks.
  /// - Returns: what `body` returns.
  /// - Throws: as `withLockedContainer`; where one lock cannot be had none is kept.
  public func withLockedContainers<R>(
    _ ids: Set<ContainerID>, wait: LockWait, operation: String = "update",
    _ body: (borrowing LockedContainers) throws -> R
  ) throws -> R {
    let deadlineNanoseconds = wait.deadlineNanoseconds
    var scopes: [ContainerID: LockedScope] = [:]
    // Every scope ends, whichever of the later ones fails.
    defer { for scope in scopes.values { scope.end() } }
    for id in ids.sorted() {
      scopes[id] = try perform(operation) {
        let remaining = wait.remaining(untilNanoseconds: deadlineNanoseconds)
        return try lockedScope(of: id, lock: HeldLock(grant(of: id, wait: remaining, operation: operation)))
      }
    }
    return try body(LockedContainers(scopes))
  }

  /// The kernel's grant of a container's lock.
  private func grant(of id: ContainerID, wait: LockWait, operation: String) throws -> LockGrant {
    try LockTable.shared.acquire(lockName(of: id), wait: wait, operation: operation)
  }

  /// The lockfile of a container, with its place in the lock order.
  func lockName(of id: ContainerID) -> LockName {
    LockName(
      directory: location.lockDirectory, fileName: id.rawValue + StateStore.lockFileSuffix, rank: LockRank.container,
      key: id.rawValue)
  }

  static let lockFileSuffix = ".lock"

  /// Reads the container afresh under its lock.
  private func lockedScope(of id: ContainerID, lock: HeldLock) throws -> LockedScope {
    do {
      let found = try database.read { connection in
        try ContainerRows.container(id, in: connection).map {
          ($0, try ContainerRows.intent(generation: $0.generation, in: connection))
        }
      }
      guard let (container, intent) = found else {
        lock.isOrphaned = try database.readOne { try !ContainerRows.anyRecordExists(id: id.rawValue, in: $0) }
        throw StoreError.notFound(id.rawValue)
      }
      return LockedScope(store: self, lock: lock, container: container, intent: intent)
    } catch {
      lock.release(unlinking: lock.isOrphaned)
      throw error
    }
  }
}

/// The ranks of the lock order: pods, containers, volumes; the gate comes after all of them.
enum LockRank {
  static let container: UInt8 = 20
}

/// A granted lock that several places of one operation share, and that is released once.
final class HeldLock {
  private var grant: LockGrant?
  /// When the kernel granted it, on the clock of fencing tokens.
  let bootTimeNanoseconds: UInt64
  /// How long it was waited for.
  let waitedNanoseconds: UInt64
  /// Who had it while this process waited, where that is known.
  let waitedFor: FileLocking.LockHolder?
  /// Whether no row has this lock's id, so that its file goes with it.
  var isOrphaned = false

  init(_ grant: consuming LockGrant) {
    bootTimeNanoseconds = grant.bootTimeNanoseconds
    waitedNanoseconds = grant.waitedNanoseconds
    waitedFor = grant.waitedFor
    self.grant = consume grant
  }

  /// Releases the lock, and before that its file where `unlinking` says so; later calls do nothing.
  func release(unlinking: Bool) {
    guard let grant = grant.take() else { return }
    if unlinking { grant.unlinkAndRelease() } else { grant.release() }
  }
}
