internal import FileLocking
internal import JSONText
internal import SQLiteStorage
internal import StateModel
internal import Synchronization

/// What a lent `LockedContainer` stands for: the lock, the row as it was read under it, and what became of
/// it.
final class LockedScope {
  let store: StateStore
  let token: FencingToken
  private let locks: HeldLocks
  private(set) var container: Container
  private(set) var intent: Intent?
  private(set) var isRemoved = false
  private var hasEnded = false

  init(store: StateStore, locks: HeldLocks, container: Container, intent: Intent?) {
    self.store = store
    self.locks = locks
    self.container = container
    self.intent = intent
    let grantedNanoseconds = locks.bootTimeNanoseconds(of: store.lockName(of: container.id))
    token = FencingToken(bootEpoch: store.bootEpoch, bootTimeNanoseconds: Int64(grantedNanoseconds))
  }

  var id: ContainerID { container.id }
  var state: ContainerState { container.state }
  var lockWait: (nanoseconds: UInt64, holder: FileLocking.LockHolder?) {
    (locks.waitedNanoseconds, locks.waitedFor)
  }

  func end() {
    hasEnded = true
    if isRemoved { locks.unlink(store.lockName(of: id)) }
  }

  /// Throws where the scope is over or its container gone, or where the state has another revision than the
  /// one a caller decided by.
  func checkOpen(_ operation: String, expecting revision: Int64? = nil) throws(StoreError) {
    if hasEnded { throw StoreError.scopeEnded(id).during(operation) }
    if isRemoved { throw StoreError.removed(id).during(operation) }
    if let revision, revision != container.stateRevision {
      throw StoreError.conflict(id, expected: revision, found: container.stateRevision).during(operation)
    }
  }

  /// What was written for this scope in a transaction that has been committed.
  func follow(_ written: Container) { container = written }

  /// Writes a state within the caller's transaction, over what this transaction has made of the container.
  func update(_ state: ContainerState, over container: Container, in connection: Connection) throws {
    // PROTOCOL L-11: what the lock cannot promise, generation and revision do.
    let isOurs = try ContainerRows.update(
      state, replacing: container.state, generation: container.generation,
      revision: container.stateRevision, in: connection)
    guard isOurs else { throw try rowChanged(connection) }
    try store.record(
      .init(
        kind: .container, id: id.rawValue, action: .updated, from: container.status, to: state.status,
        revision: container.stateRevision + 1), in: connection)
  }

  /// Throws where the row is not what this scope's transaction has made of it.
  func checkRow(_ container: Container, in connection: Connection) throws {
    // PROTOCOL L-11: what the lock cannot promise, generation and revision do.
    let revision = try ContainerRows.stateRevision(generation: container.generation, in: connection)
    guard revision == container.stateRevision else { throw try rowChanged(connection) }
  }

  /// Writes a state, its `extra` and the intent in one transaction.
  func write(
    _ state: ContainerState, stateExtra: JSONBytes??, intent change: IntentChange, expecting revision: Int64?,
    durability: Durability, operation: String, recordsExit: Bool = false
  ) throws(StoreError) {
    try checkOpen(operation, expecting: revision)
    try state.check(replacing: container.state, of: id)
    if let extra = stateExtra { try ContainerConfiguration.checkExtra(extra) }
    let next = try nextIntent(change)
    try perform(operation) {
      // The embedder's JSON may be large: it is no use of the last space.
      try store.writeWithReserve(operation, durability: durability, draws: stateExtra == nil) { connection in
        try update(state, over: container, in: connection)
        if let extra = stateExtra {
          try ContainerRows.setStateExtra(extra, generation: container.generation, in: connection)
        }
        try write(change, next, in: connection)
        if recordsExit, let code = state.exitCode {
          try ExitCodeRows.record(code, of: id, at: .now, in: connection)
        }
      }
    }
    intent = next
    container.follow(state, stateExtra: stateExtra)
  }

  /// Writes something that belongs to the container, in one transaction with the row as this scope knows it.
  func writePart(
    _ operation: String, expecting revision: Int64? = nil, durability: Durability,
    _ body: (Connection) throws -> ChangeRows.Entry
  ) throws(StoreError) {
    try writeParts(operation, expecting: revision, durability: durability) { [try body($0)] }
  }

  /// The same for several changes.
  func writeParts(
    _ operation: String, expecting revision: Int64? = nil, durability: Durability,
    _ body: (Connection) throws -> [ChangeRows.Entry]
  ) throws(StoreError) {
    try checkOpen(operation, expecting: revision)
    try perform(operation) {
      try store.writeWithReserve(operation, durability: durability, draws: false) { connection in
        try checkRow(container, in: connection)
        for change in try body(connection) { try store.record(change, in: connection) }
      }
    }
  }

  /// Removes the row and the anonymous volumes that go with it, then the files; the container's own lockfile
  /// goes when the scope ends.
  func remove(expecting revision: Int64?, durability: Durability) throws(StoreError) {
    try checkOpen("remove container", expecting: revision)
    try perform("remove container") {
      try VolumeLocks.withAnonymous(of: store, operation: "remove container") { volumes in
        try store.writeWithReserve("remove container", durability: durability) { connection in
          let going = try VolumeUserRows.anonymous(goingWith: [container.generation], in: connection)
          try volumes.check(cover: going)
          let isOurs = try ContainerRows.remove(
            id, generation: container.generation, revision: container.stateRevision, in: connection)
          guard isOurs else { throw try rowChanged(connection) }
          try store.record(
            .init(
              kind: .container, id: id.rawValue, action: .removed, from: container.status,
              revision: container.stateRevision), in: connection)
          try store.removeVolumes(going, in: connection)
        }
      }
    }
    finishRemoval()
  }

  /// Removes the files of a row that is gone; the lockfile goes when the scope ends.
  func finishRemoval() {
    isRemoved = true
    store.specificationCopies.remove(id)
    if store.lacksReserve.load(ordering: .relaxed) { store.refillReserve() }
  }

  /// Runs a write; where it is committed but not known to be durable, what this scope knows follows the row.
  private func perform(_ operation: String, _ write: () throws -> Void) throws(StoreError) {
    do { try store.perform(operation, write) } catch {
      // Where the row cannot be read the caller still has to hear of this first; the next write finds the
      // revision changed.
      if error.code == .durabilityUnknown { try? followRow() }
      throw error
    }
  }

  /// Reads again what is committed.
  func followRow() throws(StoreError) {
    let found = try store.perform("read container") {
      try store.database.readOne { try StoreReads.containerWithIntent(id, in: $0) }
    }
    guard let found, found.container.generation == container.generation else { return finishRemoval() }
    container = found.container
    intent = found.intent
  }

  private func rowChanged(_ connection: Connection) throws -> StoreError {
    try ContainerRows.generation(of: id, in: connection) == container.generation
      ? .lockLost(id) : .removed(id)
  }

  private func nextIntent(_ change: IntentChange) throws(StoreError) -> Intent? {
    switch change {
    case .keep: return intent
    case .end: return nil
    case .begin(let operation):
      if let intent, intent.token != token { throw .foreignIntent(id, intent) }
      let owner = ProcessIdentity.current
      return Intent(
        operation: operation, ownerPID: owner.pid, ownerStartTime: owner.startTime, token: token,
        beganAt: .now)
    }
  }

  private func write(_ change: IntentChange, _ next: Intent?, in connection: Connection) throws {
    switch change {
    case .keep: break
    case .end: try ContainerRows.removeIntent(generation: container.generation, in: connection)
    case .begin:
      if let next { try ContainerRows.setIntent(next, generation: container.generation, in: connection) }
    }
  }
}
