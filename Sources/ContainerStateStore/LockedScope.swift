internal import FileLocking
internal import SQLiteStorage
internal import StateModel
internal import Synchronization

/// A row that has a lock of its own, as a scope knows it.
protocol LockedRow {
  /// What names the row and its lockfile.
  associatedtype Key: Hashable, CustomStringConvertible
  var key: Key { get }
  var generation: Int64 { get }
  var stateRevision: Int64 { get }
  static var kind: RecordKind { get }

  static func lockName(of key: Key, in store: StateStore) -> LockName
  /// What is committed of it; nil where there is none.
  static func row(of key: Key, in store: StateStore) throws -> Self?
  static func generation(of key: Key, in connection: Connection) throws -> Int64?
  static func stateRevision(generation: Int64, in connection: Connection) throws -> Int64?
  /// Takes away the files of one that is gone, but for its lockfile.
  static func removeFiles(of key: Key, in store: StateStore)
  static func notFound(_ key: Key) -> StoreError
  static func removed(_ key: Key) -> StoreError
  /// Called at the end of a scope, under its lock, with what is known of the row.
  func keep(in store: StateStore)
}

extension LockedRow {
  func keep(in store: StateStore) {}
}

/// What a lent record stands for: the lock, the row as it was read under it, and what became of it.
final class LockedScope<Row: LockedRow> {
  let store: StateStore
  let token: FencingToken
  /// Apart from the row, so that asking for them copies nothing of it.
  let key: Row.Key
  let generation: Int64
  private let locks: HeldLocks
  // No accessor calls another.
  @exclusivity(unchecked) private(set) var row: Row
  private(set) var isRemoved = false
  private var hasEnded = false

  init(_ row: Row, store: StateStore, locks: HeldLocks) {
    self.row = row
    self.store = store
    self.locks = locks
    key = row.key
    generation = row.generation
    let grantedNanoseconds = locks.bootTimeNanoseconds(of: Row.lockName(of: key, in: store))
    token = FencingToken(bootEpoch: store.bootEpoch, bootTimeNanoseconds: Int64(grantedNanoseconds))
  }

  var lockWait: (nanoseconds: UInt64, holder: FileLocking.LockHolder?) {
    (locks.waitedNanoseconds, locks.waitedFor)
  }

  /// Ends the scope and releases its lock.
  func leave() {
    end()
    locks.release()
  }

  /// Ends the scope; its lock is released with the others that were taken with it.
  func end() {
    hasEnded = true
    if isRemoved { locks.unlink(Row.lockName(of: key, in: store)) } else { row.keep(in: store) }
  }

  /// Throws where the scope is over or its record gone, or where the state has another revision than the one
  /// a caller decided by.
  func checkOpen(_ operation: String, expecting revision: Int64? = nil) throws(StoreError) {
    if hasEnded { throw StoreError.scopeEnded(key).during(operation) }
    if isRemoved { throw Row.removed(key).during(operation) }
    if let revision, revision != row.stateRevision {
      throw StoreError.conflict(key, expected: revision, found: row.stateRevision).during(operation)
    }
  }

  /// What was written for this scope in a transaction that has been committed.
  func follow(_ written: Row) { row = written }

  /// The same in place, which copies nothing of the row.
  func followInPlace(_ body: (inout Row) -> Void) { body(&row) }

  /// Removes the files of a row that is gone; the lockfile goes when the scope ends.
  func finishRemoval() {
    isRemoved = true
    Row.removeFiles(of: key, in: store)
    if store.lacksReserve.load(ordering: .relaxed) { store.refillReserve() }
  }

  /// Reads again what is committed.
  func followRow() throws(StoreError) {
    let found = try store.perform("read \(Row.kind.name)") { try Row.row(of: key, in: store) }
    guard let found, found.generation == generation else { return finishRemoval() }
    row = found
  }

  /// Throws where the row is not what this scope's transaction has made of it.
  func checkRow(_ present: Row, in connection: Connection) throws {
    // PROTOCOL L-11: what the lock cannot promise, generation and revision do.
    let revision = try Row.stateRevision(generation: present.generation, in: connection)
    guard revision == present.stateRevision else { throw try rowChanged(connection) }
  }

  func rowChanged(_ connection: Connection) throws -> StoreError {
    try Row.generation(of: key, in: connection) == generation
      ? .lockLost(key) : Row.removed(key)
  }

  /// Runs a write; where it is committed but not known to be durable, what this scope knows follows the row.
  func perform(_ operation: String, _ write: () throws -> Void) throws(StoreError) {
    do { try store.perform(operation, write) } catch {
      // Where the row cannot be read the caller still has to hear of this first; the next write finds the
      // revision changed.
      if error.code == .durabilityUnknown { try? followRow() }
      throw error
    }
  }

  /// The same for what is one transaction.
  ///
  /// - Returns: see `Database.write`.
  @discardableResult
  func commit(
    _ operation: String, about subject: CommitSubject? = nil, _ durability: Durability, draws: Bool = false,
    _ body: (Connection) throws -> Void
  ) throws(StoreError) -> CommitMoment? {
    var moment: CommitMoment?
    try perform(operation) {
      moment = try store.writeWithReserve(
        operation, about: subject, durability: durability, draws: draws, body)
    }
    return moment
  }
}

extension StateStore {
  /// Locks one record and reads what may have changed of it; the caller has to leave the scope.
  ///
  /// What it returns is generic in nothing but the row, so that the compiler makes one of it for each kind.
  func enter<Row: LockedRow>(
    _ key: Row.Key, wait: LockWait, operation: String
  ) throws(StoreError) -> LockedScope<Row> {
    try perform(operation) {
      let locks = try HeldLocks([Row.lockName(of: key, in: self)], wait: wait, operation: operation)
      do { return try lockedScope(of: key, locks) } catch {
        locks.release()
        throw error
      }
    }
  }

  /// What is committed of a record, under its lock.
  func lockedScope<Row: LockedRow>(of key: Row.Key, _ locks: HeldLocks) throws -> LockedScope<Row> {
    do {
      guard let row = try Row.row(of: key, in: self) else { throw try durably(Row.notFound(key)) }
      return LockedScope(row, store: self, locks: locks)
    } catch {
      // The question may have made the lockfile.
      if StoreError.mapped(error).code != .corrupt {
        unlinkUnlessKnown(Row.lockName(of: key, in: self), locks)
      }
      throw error
    }
  }
}
