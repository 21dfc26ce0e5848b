internal import CSQLite

/// Every setting of a connection, once, with its value and its reason.
///
/// Calls are preferred to PRAGMA statements, which cost a preparation each at every open. What is
/// SQLite's default in every build is not set. Sources:
/// https://sqlite.org/c3ref/c_dbconfig_defensive.html, https://sqlite.org/c3ref/c_limit_attached.html,
/// https://sqlite.org/pragma.html, https://sqlite.org/security.html
enum ConnectionSettings {
  /// `sqlite3_db_config` switches, in force before the first statement.
  static let switches: [(option: Int32, value: Int32)] = [
    // Off unless asked for, per connection: the schema's references would be comments.
    (SQLITE_DBCONFIG_ENABLE_FKEY, 1),
    // A hostile file must not run code: no trigger, no view, no function with side effects in its schema.
    (SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
    (SQLITE_DBCONFIG_ENABLE_VIEW, 0),
    (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    (SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0),
    // No statement may corrupt the file on purpose (writable_schema, shadow tables, journal_mode=OFF).
    (SQLITE_DBCONFIG_DEFENSIVE, 1),
    // "name" is a column or an error, never a string.
    (SQLITE_DBCONFIG_DQS_DML, 0),
    (SQLITE_DBCONFIG_DQS_DDL, 0),
    // PROTOCOL L-13: a close outside the gate must not copy the WAL back, nor delete it.
    (SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1),
  ]

  /// Bounds on what a statement or a hostile file can ask for.
  static let limits: [(category: Int32, value: Int32)] = [
    (SQLITE_LIMIT_ATTACHED, 0),
    (SQLITE_LIMIT_WORKER_THREADS, 0),
    (SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
    (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
  ]

  /// Before the first read.
  ///
  /// A damaged page is an error instead of whatever its cells say.
  static let beforeReading = "PRAGMA cell_size_check=ON"

  /// Before the first write of a connection: most short-lived processes never come here.
  ///
  /// - `synchronous=NORMAL`: DURABILITY D-1: COMMIT does not sync, the sync follows outside the gate
  ///   (`Database.write`). A WAL checkpoint still syncs the WAL before and the database after copying, and a
  ///   restart of the WAL still syncs its header.
  /// - `secure_delete=FAST`: deleted content is zeroed where that costs no further page. ON (the default of
  ///   Debian's build) writes every freed page of a removed specification to the WAL once more, and promises
  ///   little: older frames keep the content until they are overwritten.
  /// - `temp_store=MEMORY`: a removal cascades to some thirty pages, and what SQLite keeps to undo one
  ///   statement goes to a file in `/var/tmp` from sixteen pages on, made and written each time.
  static let beforeWriting =
    "PRAGMA synchronous=NORMAL; PRAGMA secure_delete=FAST; PRAGMA temp_store=MEMORY"

  /// After the header is known to be ours: this one reads the schema.
  ///
  /// SQLite's default is 2 MB, beyond which every point read copies pages from the kernel again. The pages
  /// are allocated as they are read.
  static func pageCache(_ options: DatabaseOptions) -> String {
    "PRAGMA cache_size=-\(options.pageCacheKibibytes)"
  }

  /// Applies everything that costs no statement.
  ///
  /// `wal_autocheckpoint` is 0 because the connection installs its own WAL hook, which is what automatic
  /// WAL checkpoints are made of.
  static func apply(to handle: OpaquePointer, options: DatabaseOptions) {
    for (option, value) in switches {
      let code = csqlite_configure(handle, option, value)
      precondition(code == SQLITE_OK, "this SQLite knows no option \(option)")
    }
    for (category, value) in limits { sqlite3_limit(handle, category, value) }
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, options.largestValueBytes)
    var persists: Int32 = 1
    // The WAL stays when the last connection closes: reusing it is cheaper than making it, and a process that
    // lost SQLite's locks by a stray close does not find the file it writes to deleted.
    sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persists)
    var mappedBytes: Int64 = 0
    // Reading through a mapping turns a truncated file into SIGBUS, and a stray write into corruption.
    sqlite3_file_control(handle, "main", SQLITE_FCNTL_MMAP_SIZE, &mappedBytes)
  }
}
