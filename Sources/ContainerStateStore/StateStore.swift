internal import FileLocking
internal import Platform
internal import SQLiteStorage
public import StateModel
internal import Synchronization

/// A container state store shared by many processes.
///
/// Reads take no lock and never wait for a writer. A container changes only inside `withLockedContainer`,
/// which takes its lock, reads it afresh, lends it to a closure and releases it. Safe from many threads;
/// after `fork`, the child gets `usedAfterFork` from every call.
public final class StateStore: Sendable {
  /// Where the store is, with every path canonical and every default filled in.
  public let location: ResolvedLocation
  /// How it was opened.
  public let options: StoreOptions

  /// What is allowed and should be known about its directories, for people.
  public let warnings: [String]

  let database: Database
  let gate: StoreGate
  let specificationCopies: SpecificationCopies
  let reserve: SpaceReserve
  package let keptAnswers: KeptAnswers
  /// Whether this process has given the reserve up and not got it back.
  let lacksReserve = Atomic<Bool>(false)
  /// How many boots the store has seen, with this one; the first half of every fencing token.
  let bootEpoch: Int64
  let bootID: String
  private let fork: ForkDetector
  private let closed = Atomic<Bool>(false)

  /// Opens the store at `location`, making what is missing, and recovers it where this is its first open
  /// after a boot.
  ///
  /// - Throws: `unsafePermissions`, `unsafeFilesystem`, `identityMismatch`, `notDatabase`, `schemaTooNew`,
  ///   `schemaTooOld`, `corrupt`, `readOnly`, `outOfSpace`, `busy`, `lockTimeout`, `io`, `usedAfterFork`.
  /// - Blocking: up to `operationTimeout` while others open the store for the first time or recover its WAL.
  /// - Process safety: many processes may open first at the same time; one makes the schema.
  public convenience init(at location: StoreLocation, options: StoreOptions = .init()) throws(StoreError) {
    try self.init(at: location, options: options, schema: .current)
  }

  package init(at location: StoreLocation, options: StoreOptions, schema: Schema) throws(StoreError) {
    let keptAnswers = KeptAnswers(maximumBytes: options.keptAnswersMaximumBytes)
    let opened = try StoreError.mapping("open store") {
      try StoreOpening(location: location, options: options, schema: schema, keptAnswers: keptAnswers).open()
    }
    self.keptAnswers = keptAnswers
    self.location = opened.location
    self.options = options
    warnings = opened.warnings
    database = opened.database
    gate = opened.gate
    specificationCopies = SpecificationCopies(directory: opened.location.specificationDirectory)
    reserve = SpaceReserve(root: opened.location.root)
    bootEpoch = opened.bootEpoch
    bootID = opened.bootID
    fork = ForkDetector()
    refillReserve()
  }

  deinit {
    // A store that was not closed leaves nothing that the next opener has to repair; the WAL is merely
    // longer.
    if !closed.load(ordering: .relaxed), fork.isSameProcess { try? database.close() }
  }

  /// Closes the store.
  ///
  /// Locks that other threads hold through it stay theirs until their scopes end.
  ///
  /// - Throws: `closed` where it has been closed before, `io`.
  public func close() throws(StoreError) {
    try perform("close store") {
      guard !closed.exchange(true, ordering: .acquiringAndReleasing) else {
        throw StoreError.closed(location.root)
      }
      try database.close()
    }
  }

  /// Waits until everything that this process has read or written so far survives a loss of power.
  ///
  /// For whoever acts outside the store on what he read: deletes storage, tells the network.
  ///
  /// After a sync that failed, in whatever process, it first makes up for that: what the WAL holds is written
  /// and synced once more.
  ///
  /// - Throws: `storeReplaced`; `durabilityUnknown` where the disk fails; `io` where that cannot be made up
  ///   for; `lockTimeout` (the gate).
  /// - Blocking: for the disk; after a failed sync also for the gate, up to `operationTimeout`.
  /// - Durability: D-1, D-3.
  public func makeDurable() throws(StoreError) {
    try perform("make durable") {
      try database.makeDurable(deadlineNanoseconds: operationDeadlineNanoseconds)
    }
  }

  /// Runs `body` with what it throws mapped to a `StoreError`, unless the store cannot be used any more.
  func perform<R>(_ operation: String, _ body: () throws -> R) throws(StoreError) -> R {
    try checkUsable(operation)
    return try StoreError.mapping(operation, body)
  }

  /// Whether this process opened the store, and not one that it was forked from.
  var isOpenedHere: Bool { fork.isSameProcess }

  /// Throws where the store was closed or this process was forked from the one that opened it: two loads.
  package func checkUsable(_ operation: String) throws(StoreError) {
    guard fork.isSameProcess else { throw StoreError.usedAfterFork(location.root).during(operation) }
    guard !closed.load(ordering: .relaxed) else { throw StoreError.closed(location.root).during(operation) }
  }

  /// The monotonic time until which an operation that begins now may wait.
  var operationDeadlineNanoseconds: UInt64 { LockWait.upTo(options.operationTimeout).deadlineNanoseconds }
}

/// The places of an open store: absolute and free of symbolic links.
public struct ResolvedLocation: Sendable, Hashable {
  /// The directory of the database and the gate.
  public let root: String
  /// The directory of the lockfiles.
  public let lockDirectory: String
  /// The directory of the copies of the OCI specifications.
  public let specificationDirectory: String

  /// The database's file.
  public var database: String { root + "/" + ResolvedLocation.databaseName }
  /// The write gate's lockfile.
  public var gate: String { root + "/gate" }

  static let databaseName = "state.db"
}
