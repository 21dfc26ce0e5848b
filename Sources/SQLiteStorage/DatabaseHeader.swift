internal import CSQLite

/// What has to be true of a file before anything in it is believed.
extension Connection {
  /// Reads the header through SQLite, which recovers the WAL first if nobody has it open.
  ///
  /// - Throws: `notADatabase`, `incomplete`, `wrongApplicationID`, `schemaTooNew`, `schemaTooOld`,
  ///   `notWriteAheadLog`, `corrupt`, `busy`.
  func verifyHeader() throws(StorageError) {
    try executeUnchecked(ConnectionSettings.beforeReading)
    guard try isFinished() else {
      throw StorageError(.incomplete, path: path, message: "its creation was not finished")
    }
    guard csqlite_wal_file(handle) != nil else {
      throw StorageError(.notWriteAheadLog, path: path, message: "another program changed its journal mode")
    }
    try requireKnownVersion()
    try executeUnchecked(ConnectionSettings.pageCache(options))
  }

  /// The version of the schema, which this program can use or migrate.
  @discardableResult
  func requireKnownVersion() throws(StorageError) -> Int32 {
    let found = try schemaVersion()
    guard found <= options.schemaVersion else { throw tooNew(found) }
    guard found >= options.oldestSchemaVersion else {
      throw StorageError(
        .schemaTooOld(found: found, oldest: options.oldestSchemaVersion), path: path,
        message: "its schema is older than this program can use")
    }
    return found
  }

  /// Asked for in every write transaction: a newer program may have migrated the database since it was
  /// opened.
  func requireCurrentVersion() throws(StorageError) {
    let found = try schemaVersion()
    guard found <= options.schemaVersion else { throw tooNew(found) }
    guard found == options.schemaVersion else {
      throw StorageError(
        .schemaTooOld(found: found, oldest: options.schemaVersion), path: path,
        message: "its schema has to be migrated before it is written to")
    }
  }

  func tooNew(_ found: Int32) -> StorageError {
    StorageError(
      .schemaTooNew(found: found, known: options.schemaVersion), path: path,
      message: "a newer version of this program has changed its schema")
  }

  /// False for an empty file and for one whose creator died before it could say what it is.
  ///
  /// - Throws: `wrongApplicationID` for everything else that is not ours.
  func isFinished() throws(StorageError) -> Bool {
    if try applicationID() == options.applicationID { return true }
    // In one snapshot: somebody may be creating it right now.
    try executeUnchecked("BEGIN")
    let found = try applicationID()
    let version = try schemaVersion()
    let objects = try integer("SELECT count(*) FROM sqlite_schema")
    try executeUnchecked("COMMIT")
    if found == options.applicationID { return true }
    guard found == 0, version == 0, objects == 0 else {
      throw StorageError(
        .wrongApplicationID(found: found), path: path, message: "belongs to another application")
    }
    return false
  }

  private func applicationID() throws(StorageError) -> Int32 {
    Int32(truncatingIfNeeded: try integer("PRAGMA application_id"))
  }
}
