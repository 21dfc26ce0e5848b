internal import FileLocking
internal import JSONText
internal import SQLiteStorage
internal import StateModel

/// What a scope knows of a container.
struct LockedContainerRow: LockedRow, Keepable {
  var container: Container
  var intent: Intent?
  /// The moment as of which the row is what is known of it here.
  var asOf: CommitMoment?

  var key: ContainerID { container.id }
  var generation: Int64 { container.generation }
  var stateRevision: Int64 { container.stateRevision }
  static var kind: RecordKind { .container }

  static func lockName(of id: ContainerID, in store: StateStore) -> LockName { store.lockName(of: id) }

  /// Reads nothing where nobody has committed anything about it since this store last had the lock.
  static func row(of id: ContainerID, in store: StateStore) throws -> LockedContainerRow? {
    if let known: LockedContainerRow = store.keptAnswers.answer(to: .locked(id)) { return known }
    return try store.database.readOne { connection in
      let asOf = store.keptAnswers.moment(of: .locked(id), in: connection)
      return try StoreReads.containerWithIntent(id, in: connection).map {
        LockedContainerRow(container: $0.container, intent: $0.intent, asOf: asOf)
      }
    }
  }

  func keep(in store: StateStore) {
    // PROTOCOL L-8: a forked child may have nobody to let go of what is locked here.
    if let asOf, store.isOpenedHere { store.keptAnswers.keep(self, of: .locked(key), asOf: asOf) }
  }

  var keptBytes: Int { container.keptBytes + MemoryLayout<Self>.stride }

  static func generation(of id: ContainerID, in connection: Connection) throws -> Int64? {
    try ContainerRows.generation(of: id, in: connection)
  }

  static func stateRevision(generation: Int64, in connection: Connection) throws -> Int64? {
    try ContainerRows.stateRevision(generation: generation, in: connection)
  }

  static func removeFiles(of id: ContainerID, in store: StateStore) { store.specificationCopies.remove(id) }
  static func notFound(_ id: ContainerID) -> StoreError { .notFound(id.rawValue) }
  static func removed(_ id: ContainerID) -> StoreError { .removed(id) }
}

/// What a lent `LockedContainer` stands for.
typealias ContainerScope = LockedScope<LockedContainerRow>

extension ContainerScope {
  var id: ContainerID { key }
  var container: Container { row.container }
  var state: ContainerState { row.container.state }
  var intent: Intent? { row.intent }

  /// What was written of the container alone.
  func follow(_ written: Container) { follow(LockedContainerRow(container: written, intent: intent)) }

  func checkRow(_ present: Container, in connection: Connection) throws {
    try checkRow(LockedContainerRow(container: present, intent: intent), in: connection)
  }

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

  /// Writes a state, its `extra` and the intent in one transaction.
  func write(
    _ state: ContainerState, stateExtra: JSONBytes??, intent change: IntentChange, expecting revision: Int64?,
    durability: Durability, operation: String, recordsExit: Bool = false
  ) throws(StoreError) {
    try checkOpen(operation, expecting: revision)
    try state.check(replacing: row.container.state, of: id)
    if let extra = stateExtra { try ContainerConfiguration.checkExtra(extra) }
    let next = try nextIntent(change)
    // The embedder's JSON may be large: it is no use of the last space.
    try commitOwn(
      operation, durability, draws: stateExtra == nil,
      following: {
        $0.container.follow(state, stateExtra: stateExtra)
        $0.intent = next
      }
    ) { connection in
      try update(state, over: row.container, in: connection)
      if let extra = stateExtra {
        try ContainerRows.setStateExtra(extra, generation: generation, in: connection)
      }
      try write(change, next, in: connection)
      if recordsExit, let code = state.exitCode {
        try ExitCodeRows.record(code, of: id, at: .now, in: connection)
      }
    }
  }

  /// Writes something that belongs to the container, in one transaction with the row as this scope knows it,
  /// which follows once it is committed.
  func writePart(
    _ operation: String, expecting revision: Int64? = nil, durability: Durability,
    following: (inout LockedContainerRow) -> Void = { _ in },
    _ body: (Connection) throws -> ChangeRows.Entry
  ) throws(StoreError) {
    try writeParts(operation, expecting: revision, durability: durability, following: following) {
      [try body($0)]
    }
  }

  /// The same for several changes.
  func writeParts(
    _ operation: String, expecting revision: Int64? = nil, durability: Durability,
    following: (inout LockedContainerRow) -> Void = { _ in },
    _ body: (Connection) throws -> [ChangeRows.Entry]
  ) throws(StoreError) {
    try checkOpen(operation, expecting: revision)
    try commitOwn(operation, durability, draws: false, following: following) { connection in
      try checkRow(row, in: connection)
      for change in try body(connection) { try store.record(change, in: connection) }
    }
  }

  /// Commits what is about this container alone; what is known of it follows, and is true as of that commit.
  private func commitOwn(
    _ operation: String, _ durability: Durability, draws: Bool, following: (inout LockedContainerRow) -> Void,
    _ body: (Connection) throws -> Void
  ) throws(StoreError) {
    var isKnown = false
    let moment = try commit(operation, about: CommitSubject(id), durability, draws: draws) { connection in
      // What others have changed between the read and this transaction is not in what is known here.
      if let asOf = row.asOf { isKnown = connection.commitWatch?.isStill(asOf) == true }
      try body(connection)
    }
    followInPlace {
      following(&$0)
      $0.asOf = isKnown ? moment : nil
    }
  }

  /// Removes the row and the anonymous volumes that go with it, then the files; the container's own lockfile
  /// goes when the scope ends.
  func remove(expecting revision: Int64?, durability: Durability) throws(StoreError) {
    try checkOpen("remove container", expecting: revision)
    try perform("remove container") {
      try VolumeLocks.withAnonymous(of: store, operation: "remove container") { volumes in
        try store.writeWithReserve(
          "remove container", about: CommitSubject(id), durability: durability
        ) { connection in
          let going = try VolumeUserRows.anonymous(goingWith: [generation], in: connection)
          try volumes.check(cover: going)
          let isOurs = try ContainerRows.remove(
            id, generation: generation, revision: row.container.stateRevision, in: connection)
          guard isOurs else { throw try rowChanged(connection) }
          try store.record(
            .init(
              kind: .container, id: id.rawValue, action: .removed, from: row.container.status,
              revision: row.container.stateRevision), in: connection)
          try store.removeVolumes(going, in: connection)
        }
      }
    }
    finishRemoval()
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
    case .end: try ContainerRows.removeIntent(generation: generation, in: connection)
    case .begin:
      if let next { try ContainerRows.setIntent(next, generation: generation, in: connection) }
    }
  }
}
