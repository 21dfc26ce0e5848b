internal import CSQLite
package import Platform

/// What `info` and `verify` say about the database and the library it is read with.
package struct DatabaseFacts: Sendable {
  package let sqliteVersion: String
  package let sqliteSourceID: String
  /// SQLite 3.7.0–3.51.2 can lose commits when a WAL checkpoint overlaps a restart of the WAL.
  ///
  /// Source: https://sqlite.org/wal.html#walresetbug
  package let hasWALResetRace: Bool
  /// Options SQLite was compiled with that bear on the promises made here.
  package let compileOptions: [String]
  package let pageSize: Int
  package let journalMode: String
  package let schemaVersion: Int32
  /// Frames in the WAL, and how many of them are in the database by now.
  package let wal: CheckpointOutcome
}

extension Database {
  /// - Throws: as `readOne`.
  package func facts() throws -> DatabaseFacts {
    try withConnection { connection in
      DatabaseFacts(
        sqliteVersion: String(cString: sqlite3_libversion()),
        sqliteSourceID: String(cString: sqlite3_sourceid()),
        hasWALResetRace: Self.hasWALResetRace(sqlite3_libversion_number()),
        compileOptions: Self.interestingOptions.filter { sqlite3_compileoption_used($0) != 0 },
        pageSize: Int(try connection.integer("PRAGMA page_size")),
        journalMode: csqlite_wal_file(connection.handle) == nil ? "rollback" : "wal",
        schemaVersion: try connection.schemaVersion(),
        wal: try connection.walFrames())
    }
  }

  /// True when another `Database` or another process has the database open; nil when that cannot be told.
  ///
  /// - Throws: `usedAfterFork`.
  package func isOpenElsewhere() throws(StorageError) -> Bool? {
    try checkOwner()
    return OpenDatabases.isOpenElsewhere(identity)
  }

  /// What SQLite means by a lock that `/proc/locks` lists, or nil when it is not on a file of this database.
  package func meaning(ofLockOn file: FileIdentity, startByte: UInt64) -> SQLiteLock? {
    if file == identity { return LockedByte.onDatabase(startByte) }
    return file == sharedMemoryIdentity ? LockedByte.onSharedMemory(startByte) : nil
  }

  static func hasWALResetRace(_ version: Int32) -> Bool { (3_007_000...3_051_002).contains(version) }

  private static let interestingOptions = [
    "SECURE_DELETE", "ENABLE_SETLK_TIMEOUT", "OMIT_WAL", "DISABLE_DIRSYNC", "THREADSAFE=0", "DQS=0",
    "DEFAULT_SYNCHRONOUS=2", "DEFAULT_WAL_SYNCHRONOUS=2", "USE_URI", "OMIT_LOOKASIDE",
  ]
}
