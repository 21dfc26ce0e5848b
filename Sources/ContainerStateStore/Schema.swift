package import SQLiteStorage

/// The shape of the database: what a new one is made with and how an older one is brought up to date.
package struct Schema: Sendable {
  /// `user_version` of a database of this shape.
  package let version: Int32
  /// Makes an empty database of this shape; one statement each.
  let statements: [String]
  /// How to come from each older version to the next.
  let migrations: [Migration]

  /// One step forward, run inside one write transaction.
  package struct Migration: Sendable {
    /// The version it starts from; it ends at the next.
    let from: Int32
    /// The statements of the step.
    let statements: [String]
    /// Fills what they have made, from what the database was before, which it reads beside the transaction:
    /// SQLite writes nothing more in one that has met a damaged page.
    let fill: Fill

    package typealias Fill = @Sendable (_ migrated: Connection, _ before: Database) throws -> Void
  }

  /// Marks the file as a container state store: "CStS".
  static let applicationID: Int32 = 0x4353_7453

  /// This shape with one more step.
  ///
  /// - Parameters:
  ///   - statements: make what a new database has too.
  ///   - indexes: the names of those that it has no more.
  ///   - fill: fills the new tables from the old.
  /// - Returns: the next version, which knows the way from all before it.
  package func migrated(
    by statements: [String], dropping indexes: [String] = [],
    fill: @escaping Migration.Fill = { _, _ in }
  ) -> Schema {
    let kept = self.statements.filter { statement in
      !indexes.contains { statement.hasPrefix("CREATE INDEX \($0) ") }
    }
    let step = indexes.map { "DROP INDEX IF EXISTS \($0)" } + statements
    return Schema(
      version: version + 1, statements: kept + statements,
      migrations: migrations + [Migration(from: version, statements: step, fill: fill)])
  }
}

extension Schema {
  /// The shape that this version of the library reads and writes.
  package static let current = versions[versions.count - 1]

  /// Every shape that a store can have been made in, the oldest first.
  package static let versions: [Schema] = {
    let second = version1.migrated(by: version2)
    let third = second.migrated(by: version3)
    return [version1, second, third, third.withListing()]
  }()

  /// Containers alone.
  ///
  /// Few tables, since each costs 1–3 µs at every open. What listings return is in `record` and
  /// `container_state`, both narrow; what is read whole (`container`, `specification`) is kept out of their
  /// pages. A row is known by its generation, which AUTOINCREMENT never gives out twice (INVARIANT I-15).
  package static let version1 = Schema(
    version: 1,
    statements: [
      """
      CREATE TABLE store (
        singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
        lock_directory TEXT NOT NULL,
        specification_directory TEXT NOT NULL,
        static_directory TEXT NOT NULL,
        temporary_directory TEXT NOT NULL,
        run_root TEXT NOT NULL,
        graph_root TEXT NOT NULL,
        graph_driver TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        boot_epoch INTEGER NOT NULL CHECK (boot_epoch >= 1),
        created_at_ns INTEGER NOT NULL
      ) STRICT
      """,
      """
      CREATE TABLE record (
        generation INTEGER PRIMARY KEY AUTOINCREMENT,
        kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
        id TEXT NOT NULL UNIQUE CHECK (length(id) BETWEEN 1 AND 128),
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
        created_at_ns INTEGER NOT NULL,
        created_zone_offset_s INTEGER NOT NULL,
        image_id TEXT NOT NULL,
        image_name TEXT NOT NULL,
        UNIQUE (kind, name)
      ) STRICT
      """,
      "CREATE INDEX record_by_creation ON record (kind, created_at_ns, generation)",
      """
      CREATE TABLE container (
        generation INTEGER PRIMARY KEY REFERENCES record ON DELETE CASCADE,
        revision INTEGER NOT NULL CHECK (revision >= 1),
        details BLOB NOT NULL,
        extra BLOB
      ) STRICT
      """,
      """
      CREATE TABLE container_state (
        generation INTEGER PRIMARY KEY REFERENCES container ON DELETE CASCADE,
        revision INTEGER NOT NULL CHECK (revision >= 1),
        status INTEGER NOT NULL CHECK (status BETWEEN 1 AND 9),
        pid INTEGER NOT NULL CHECK (pid >= 0),
        pid_start_time INTEGER NOT NULL,
        monitor_pid INTEGER NOT NULL CHECK (monitor_pid >= 0),
        monitor_start_time INTEGER NOT NULL,
        started_at_ns INTEGER,
        finished_at_ns INTEGER,
        exit_code INTEGER CHECK (exit_code BETWEEN -1 AND 255),
        killed_for_memory INTEGER NOT NULL CHECK (killed_for_memory IN (0, 1)),
        stopped_by_user INTEGER NOT NULL CHECK (stopped_by_user IN (0, 1)),
        restart_count INTEGER NOT NULL CHECK (restart_count >= 0),
        configuration_path TEXT NOT NULL,
        run_directory TEXT NOT NULL,
        mountpoint TEXT NOT NULL,
        network_namespace_path TEXT NOT NULL,
        health TEXT NOT NULL,
        error_text TEXT NOT NULL
      ) STRICT
      """,
      """
      CREATE TABLE container_state_extra (
        generation INTEGER PRIMARY KEY REFERENCES container ON DELETE CASCADE,
        json BLOB NOT NULL
      ) STRICT
      """,
      """
      CREATE TABLE specification (
        generation INTEGER PRIMARY KEY REFERENCES container ON DELETE CASCADE,
        digest INTEGER NOT NULL,
        json BLOB NOT NULL
      ) STRICT
      """,
      """
      CREATE TABLE label (
        generation INTEGER NOT NULL REFERENCES container ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (generation, key)
      ) STRICT, WITHOUT ROWID
      """,
      "CREATE INDEX label_by_value ON label (key, value)",
      """
      CREATE TABLE dependency (
        dependant INTEGER NOT NULL REFERENCES container ON DELETE CASCADE,
        dependency INTEGER NOT NULL REFERENCES container,
        PRIMARY KEY (dependant, dependency),
        CHECK (dependant <> dependency)
      ) STRICT, WITHOUT ROWID
      """,
      "CREATE INDEX dependency_by_dependency ON dependency (dependency)",
      """
      CREATE TABLE intent (
        generation INTEGER PRIMARY KEY REFERENCES container ON DELETE CASCADE,
        operation INTEGER NOT NULL CHECK (operation BETWEEN 1 AND 4),
        owner_pid INTEGER NOT NULL,
        owner_start_time INTEGER NOT NULL,
        token_epoch INTEGER NOT NULL,
        token_boot_time_ns INTEGER NOT NULL,
        began_at_ns INTEGER NOT NULL
      ) STRICT
      """,
    ],
    migrations: [])

  /// The values of `record.kind`.
  enum Kind: Int64 {
    case container = 1
    case pod = 2
  }
}
