internal import FileLocking
internal import Platform
internal import SQLiteStorage
internal import StateModel

/// The way from a location to an open store, in the order in which each step is safe.
struct StoreOpening {
  let location: StoreLocation
  let options: StoreOptions
  let schema: Schema
  let keptAnswers: KeptAnswers

  struct Opened {
    let location: ResolvedLocation
    let database: Database
    let gate: StoreGate
    let bootEpoch: Int64
    let bootID: String
    let warnings: [String]
  }

  func open() throws -> Opened {
    StandardDescriptors.occupy()
    let bootID = try options.bootID ?? BootID.current()
    let root = try directory(location.root)
    let gate = StoreGate(
      try FileLocking.WriteGate(directory: root.path), bootID: bootID,
      vouchesForDirectory: !options.allowsUnfitFilesystem)
    // FAILPOINT open.gate: there is a directory with a gate in it.
    failpoint("open.gate")
    do { return try open(root, gate, bootID: bootID) } catch {
      // The first one in makes the WAL's index anew, which takes space: a full disk must not hide the store.
      guard StoreError.mapped(error).code == .outOfSpace, try giveUpReserve(of: root.path, gate) else {
        throw error
      }
      return try open(root, gate, bootID: bootID)
    }
  }

  private func giveUpReserve(of root: String, _ gate: StoreGate) throws -> Bool {
    try gate.enter("give up reserve", deadlineNanoseconds: deadlineNanoseconds)
    defer { gate.leave() }
    return SpaceReserve(root: root).giveUp()
  }

  private func open(_ root: StoreDirectory, _ gate: StoreGate, bootID: String) throws -> Opened {
    let database = try openDatabase(in: root.path, gate: gate, bootID: bootID)
    do {
      let identity = try StoreIdentity.read(from: database)
      try identity.check(runtime: options.runtimeIdentity)
      let (locks, specifications) = try directories(of: identity, root: root.path)
      let epoch =
        identity.bootID == bootID
        ? identity.bootEpoch
        : try Recovery.recoverAfterReboot(
          database, bootID: bootID, retention: options.changeRetention,
          deadlineNanoseconds: deadlineNanoseconds
        ).bootEpoch
      return Opened(
        location: ResolvedLocation(
          root: root.path, lockDirectory: locks.path, specificationDirectory: specifications.path),
        database: database, gate: gate, bootEpoch: epoch, bootID: bootID,
        warnings: ([root] + [locks, specifications].filter { $0 != root })
          .flatMap { warnings(of: $0, isRoot: $0 == root) })
    } catch {
      try? database.close()
      throw error
    }
  }

  private func directories(
    of identity: StoreIdentity, root: String
  ) throws -> (locks: StoreDirectory, specifications: StoreDirectory) {
    let locks = try identity.resolve(
      identity.lockDirectory, given: location.lockDirectory, "lock directory", root: root)
    let specifications = try identity.resolve(
      identity.specificationDirectory, given: location.specificationDirectory, "specification directory",
      root: root)
    return (try directory(locks), try directory(specifications))
  }

  private var deadlineNanoseconds: UInt64 { LockWait.upTo(options.operationTimeout).deadlineNanoseconds }

  private var databaseOptions: DatabaseOptions {
    var database = DatabaseOptions(
      applicationID: Schema.applicationID, schemaVersion: schema.version,
      oldestSchemaVersion: schema.oldestVersion)
    database.walCheckpointFrames = Int(options.walCheckpointFrames)
    database.beforeConnectionCloses = { [keptAnswers] in keptAnswers.forgetWatch() }
    database.pageCacheKibibytes = Int32(min(max(256 << 10, options.pageCacheMaximumBytes), 1 << 30) >> 10)
    database.fillsNewWAL = options.fillsNewWAL
    database.copiesBackInBackground = options.copiesBackInBackground
    return database
  }

  private func directory(_ path: String) throws -> StoreDirectory {
    try StoreDirectory(path: path, creates: true, allowsUnfitFileSystem: options.allowsUnfitFilesystem)
  }

  private func openDatabase(in root: String, gate: StoreGate, bootID: String) throws -> Database {
    let path = root + "/" + ResolvedLocation.databaseName
    if let database = try existingDatabase(path, gate: gate) { return database }
    let locks = try directory(location.lockDirectory ?? location.newStoreLockDirectory ?? root + "/locks")
    let specifications = try directory(location.specificationDirectory ?? root + "/specs")
    let place = ResolvedLocation(
      root: root, lockDirectory: locks.path, specificationDirectory: specifications.path)
    // Many processes may come here at once: under the gate one makes the schema and the others find it made.
    try gate.enter("create store", deadlineNanoseconds: deadlineNanoseconds)
    do {
      defer { gate.leave() }
      try Database.create(
        path: path, options: databaseOptions, deadlineNanoseconds: deadlineNanoseconds
      ) { connection in
        for statement in schema.statements { try connection.execute(statement) }
        try StoreIdentity(place: place, runtime: options.runtimeIdentity, bootID: bootID).insert(
          in: connection)
      }
    }
    guard let database = try existingDatabase(path, gate: gate) else { throw StoreError.storeReplaced(path) }
    return database
  }

  /// The database where it is there and finished; brought up to date where its schema is older.
  private func existingDatabase(_ path: String, gate: StoreGate) throws -> Database? {
    guard let database = try finishedDatabase(path, gate: gate) else { return nil }
    do {
      try schema.migrate(database, deadlineNanoseconds: deadlineNanoseconds)
      return database
    } catch {
      try? database.close()
      throw error
    }
  }

  private func finishedDatabase(_ path: String, gate: StoreGate) throws -> Database? {
    // Whoever can read a file of the database can hold a lock that blocks every writer.
    for suffix in ["", "-wal", "-shm"] { try FileOpening.check(path + suffix) }
    do throws(StorageError) {
      return try Database(path: path, gate: gate, options: databaseOptions)
    } catch {
      guard error.code == .missing || error.code == .incomplete else { throw error }
      return nil
    }
  }

  private func warnings(of directory: StoreDirectory, isRoot: Bool) -> [String] {
    directory.warnings.compactMap { warning in
      switch warning {
      case .overlayFileSystem: "\(directory.path) is on overlayfs: keep the store on a volume"
      case .memoryFileSystem where !isRoot: nil
      case .memoryFileSystem:
        "\(directory.path) is in memory: nothing of this store outlives a power loss or a reboot"
      case .readableByOthers: "\(directory.path) can be listed by other users: chmod go-rx"
      }
    }
  }
}

extension Schema {
  /// The oldest version that can be brought up to date.
  var oldestVersion: Int32 { migrations.map(\.from).min() ?? version }

  /// Brings an older database up to date, in one transaction, whichever process comes first.
  func migrate(_ database: Database, deadlineNanoseconds: UInt64) throws {
    guard oldestVersion < version else { return }
    // An open that changes nothing takes no gate.
    let found = try database.readOne { connection in
      let row = try connection.statement("PRAGMA user_version")
      return try row.step() ? try row.int32(0) : 0
    }
    guard found < version else { return }
    try database.migrate(deadlineNanoseconds: deadlineNanoseconds) { connection, found in
      for migration in migrations where migration.from >= found {
        for statement in migration.statements {
          // FAILPOINT migration.step: between two statements of a migration.
          failpoint("migration.step")
          try connection.execute(statement)
        }
        try migration.fill(connection, database)
      }
    }
  }
}
