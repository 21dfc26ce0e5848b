extension Schema {
  /// What the third version adds: volumes, who uses them and who has them mounted, and declared paths in the
  /// embedder's JSON.
  static let version3: [String] = volumes + volumeUsers + extraIndexes

  /// A volume is no `record`: it has no id, and its name is its key (INVARIANT I-2).
  ///
  /// Its state is in the same row, unlike a container's: it changes a few times in its life.
  private static let volumes = [
    """
    CREATE TABLE volume (
      generation INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
      revision INTEGER NOT NULL CHECK (revision >= 1),
      state_revision INTEGER NOT NULL CHECK (state_revision >= 1),
      created_at_ns INTEGER NOT NULL,
      driver TEXT NOT NULL,
      storage_id TEXT CHECK (length(storage_id) BETWEEN 1 AND 128),
      is_anonymous INTEGER NOT NULL CHECK (is_anonymous IN (0, 1)),
      mountpoint TEXT NOT NULL,
      needs_ownership_change INTEGER NOT NULL CHECK (needs_ownership_change IN (0, 1)),
      needs_copy_up INTEGER NOT NULL CHECK (needs_copy_up IN (0, 1)),
      details BLOB NOT NULL,
      extra BLOB,
      state_extra BLOB
    ) STRICT
    """,
    "CREATE INDEX volume_by_storage ON volume (storage_id) WHERE storage_id IS NOT NULL",
    """
    CREATE TABLE volume_label (
      generation INTEGER NOT NULL REFERENCES volume ON DELETE CASCADE,
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (generation, key)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX volume_label_by_value ON volume_label (key, value)",
  ]

  /// A mount is a row, not a number: it goes with its container however that ends, so that a count of mounts
  /// is never wrong and never negative (INVARIANT I-18).
  private static let volumeUsers = [
    """
    CREATE TABLE volume_use (
      container INTEGER NOT NULL REFERENCES container ON DELETE CASCADE,
      volume INTEGER NOT NULL REFERENCES volume,
      PRIMARY KEY (container, volume)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX volume_use_by_volume ON volume_use (volume)",
    """
    CREATE TABLE volume_mount (
      container INTEGER NOT NULL REFERENCES container ON DELETE CASCADE,
      volume INTEGER NOT NULL REFERENCES volume,
      PRIMARY KEY (container, volume)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX volume_mount_by_volume ON volume_mount (volume)",
  ]

  /// A path is a JSON array of names. A value is a text, an integer, or a blob of one byte for a bool.
  private static let extraIndexes = [
    """
    CREATE TABLE extra_index (
      number INTEGER PRIMARY KEY,
      owner INTEGER NOT NULL CHECK (owner BETWEEN 1 AND 6),
      path BLOB NOT NULL,
      UNIQUE (owner, path)
    ) STRICT
    """,
    """
    CREATE TABLE extra_value (
      number INTEGER NOT NULL REFERENCES extra_index ON DELETE CASCADE,
      value ANY NOT NULL,
      record INTEGER REFERENCES record ON DELETE CASCADE,
      volume INTEGER REFERENCES volume ON DELETE CASCADE,
      CHECK ((record IS NULL) <> (volume IS NULL))
    ) STRICT
    """,
    "CREATE INDEX extra_value_by_value ON extra_value (number, value)",
    "CREATE INDEX extra_value_by_record ON extra_value (record)",
    "CREATE INDEX extra_value_by_volume ON extra_value (volume)",
  ]
}
