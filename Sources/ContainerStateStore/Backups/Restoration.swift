internal import FileLocking
internal import Glibc
internal import Platform
internal import SQLiteStorage
public import StateModel

/// What a restoration found and did.
public struct RestorationReport: Sendable, Hashable {
  /// Where the store is now.
  public let root: String
  /// How many containers it holds.
  public let containerCount: Int64
  /// Whether it replaced a store that was there.
  public let hasReplaced: Bool
  /// Rules that the backup already broke; the store has them as the backup had them.
  public let violations: [Violation]
}

extension StateStore {
  /// Makes a store of a backup, at a place where none is or in the place of one that nobody has open.
  ///
  /// The backup is copied, checked whole and only then put in place. The state is that of the backup: whoever
  /// restores on a machine where its containers still run settles that with his engine. Places outside the
  /// root are those that the backup records.
  ///
  /// - Parameters:
  ///   - backup: a file that `backUp` made.
  ///   - location: where the store is to be.
  ///   - options: how it is going to be opened.
  ///   - replacing: whether a store that is there is given up for it.
  /// - Returns: what was found.
  /// - Throws: `notDatabase` for what is no backup of a store, `corrupt` for one that is cut off or damaged,
  ///   `schemaTooNew`, `schemaTooOld`, `inUse` where somebody has the backup or the store open,
  ///   `alreadyExists` where a store is there and `replacing` is false, `identityMismatch`,
  ///   `unsafePermissions`, `unsafeFilesystem`, `lockTimeout` for the gate, `outOfSpace`, `io`. The store
  ///   that was there stays then.
  /// - Blocking: up to `operationTimeout` for the write gate, and for as long as the backup takes to check.
  /// - Durability: on return the restored store survives a loss of power.
  /// - Process safety: a kill leaves the old store or the restored one, never one beside the WAL of the
  ///   other.
  @discardableResult
  public static func restore(
    from backup: String, to location: StoreLocation, options: StoreOptions = .init(), replacing: Bool = false
  ) throws(StoreError) -> RestorationReport {
    try StoreError.mapping("restore") {
      try Restoration(backup: backup, location: location, options: options, replaces: replacing).run()
    }
  }
}

/// The steps of a restoration, in the order in which each is safe.
struct Restoration {
  let backup: String
  let location: StoreLocation
  let options: StoreOptions
  let replaces: Bool

  private var deadlineNanoseconds: UInt64 { LockWait.upTo(options.operationTimeout).deadlineNanoseconds }

  func run() throws -> RestorationReport {
    StandardDescriptors.occupy()
    let source = try BackupFile.target(backup)
    let root = try StoreDirectory(
      path: location.root, creates: true, allowsUnfitFileSystem: options.allowsUnfitFilesystem
    ).path
    let bootID = try options.bootID ?? BootID.current()
    let gate = StoreGate(try FileLocking.WriteGate(directory: root), bootID: bootID)
    try gate.enter("restore", deadlineNanoseconds: deadlineNanoseconds)
    defer { gate.leave() }
    let target = root + "/" + ResolvedLocation.databaseName
    let isThere = try StoreFiles.exists(target)
    if isThere, !replaces { throw StoreError.storeExists(root) }
    let copy = target + ".restoring"
    // Under the gate nobody else restores: what is there was left by one that was killed.
    try removeFiles(of: copy)
    defer { try? removeFiles(of: copy) }
    try BackupSource(path: source).copy(to: copy)
    let (count, violations) = try prepare(copy, root: root)
    if isThere { foldWAL(of: target) }
    do { try Database.replace(target, by: copy) } catch {
      guard error.code == .busy else { throw error }
      throw StoreError.openElsewhere(target)
    }
    return RestorationReport(
      root: root, containerCount: count, hasReplaced: isThere, violations: violations)
  }

  private func removeFiles(of database: String) throws(StoreError) {
    for path in [database, database + "-wal", database + "-shm"] where unlink(path) != 0 && errno != ENOENT {
      throw .kernel("unlink", path: path, errno: errno)
    }
  }

  /// Checks the copy, brings it up to date and makes it complete without its WAL.
  private func prepare(_ copy: String, root: String) throws -> (count: Int64, violations: [Violation]) {
    let schema = Schema.current
    let database = try Database(
      path: copy, gate: PrivateGate(),
      options: DatabaseOptions(
        applicationID: Schema.applicationID, schemaVersion: schema.version,
        oldestSchemaVersion: schema.oldestVersion))
    var isOpen = true
    defer { if isOpen { try? database.close() } }
    try schema.migrate(database, deadlineNanoseconds: deadlineNanoseconds)
    let identity = try StoreIdentity.read(from: database)
    try identity.check(runtime: options.runtimeIdentity)
    _ = try identity.resolve(
      identity.lockDirectory, given: location.lockDirectory, "lock directory", root: root)
    _ = try identity.resolve(
      identity.specificationDirectory, given: location.specificationDirectory, "specification directory",
      root: root)
    let violations = try database.read { connection in
      var verification = Verification(connection)
      try verification.checkEverything()
      return verification.violations
    }
    if let damage = violations.first(where: { $0.rule == "database" }) {
      throw StoreError(
        .corrupt, subject: backup, message: "the backup is damaged (\(damage.subject): \(damage.message))")
    }
    let count = try database.write(
      "restore", durability: .durable, deadlineNanoseconds: deadlineNanoseconds
    ) { connection in
      // Whoever follows the changes has seen some that the backup has not: none of them comes again.
      try ChangeRows.leap(
        .init(kind: .store, id: "", action: .restored), options.changeRetention, in: connection)
      return try ContainerRows.count(in: connection)
    }
    guard try database.checkpoint(deadlineNanoseconds: deadlineNanoseconds).isComplete else {
      throw StoreError.openElsewhere(copy)
    }
    isOpen = false
    try database.close()
    return (count, violations)
  }

  /// Makes the old database complete by itself: a kill after its WAL is gone must not cost what it held.
  ///
  /// One that cannot be opened has nothing to keep.
  private func foldWAL(of path: String) {
    let old = try? Database(
      path: path, gate: PrivateGate(),
      options: DatabaseOptions(
        applicationID: Schema.applicationID, schemaVersion: Int32.max, oldestSchemaVersion: 1))
    guard let old else { return }
    _ = try? old.checkpoint(deadlineNanoseconds: deadlineNanoseconds)
    try? old.close()
  }
}

/// The gate of a database that only this process knows, or whose real gate this process holds.
private final class PrivateGate: SQLiteStorage.WriteGate {
  func enter(_ operation: String, deadlineNanoseconds: UInt64) {}
  func tryEnter(_ operation: String) -> Bool { true }
  func leave() {}
}

extension StoreError {
  fileprivate static func storeExists(_ root: String) -> StoreError {
    StoreError(
      .alreadyExists, subject: root,
      message: "a store is there; restore to another place, or say that it is to be replaced")
  }

  static func openElsewhere(_ path: String) -> StoreError {
    StoreError(
      .inUse, subject: path, message: "somebody has this database open; end the processes that use it")
  }
}
