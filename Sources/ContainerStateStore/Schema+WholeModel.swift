extension Schema {
  /// What the second version adds to the containers of the first: pods, networks, exec sessions,
  /// exit codes, changes, and the indexes that listings use.
  ///
  /// A pod is a `record` of kind 2, so that ids are unique over containers and pods (INVARIANT I-1).
  static let version2: [String] =
    pods + networks + execSessions + exitCodes + changes + filters + quarantine

  private static let pods = [
    """
    CREATE TABLE pod (
      generation INTEGER PRIMARY KEY REFERENCES record ON DELETE CASCADE,
      revision INTEGER NOT NULL CHECK (revision >= 1),
      details BLOB NOT NULL,
      extra BLOB
    ) STRICT
    """,
    """
    CREATE TABLE pod_state (
      generation INTEGER PRIMARY KEY REFERENCES pod ON DELETE CASCADE,
      revision INTEGER NOT NULL CHECK (revision >= 1),
      control_group_path TEXT NOT NULL,
      extra BLOB
    ) STRICT
    """,
    """
    CREATE TABLE pod_member (
      container INTEGER PRIMARY KEY REFERENCES container ON DELETE CASCADE,
      pod INTEGER NOT NULL REFERENCES pod,
      is_infrastructure INTEGER NOT NULL CHECK (is_infrastructure IN (0, 1))
    ) STRICT
    """,
    "CREATE INDEX pod_member_by_pod ON pod_member (pod)",
    "CREATE UNIQUE INDEX pod_infrastructure ON pod_member (pod) WHERE is_infrastructure = 1",
    """
    CREATE TABLE pod_label (
      generation INTEGER NOT NULL REFERENCES pod ON DELETE CASCADE,
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (generation, key)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX pod_label_by_value ON pod_label (key, value)",
  ]

  private static let networks = [
    """
    CREATE TABLE network_connection (
      container INTEGER NOT NULL REFERENCES container ON DELETE CASCADE,
      network TEXT NOT NULL CHECK (length(network) BETWEEN 1 AND 255),
      options BLOB NOT NULL,
      status BLOB,
      PRIMARY KEY (container, network)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX network_connection_by_network ON network_connection (network)",
  ]

  private static let execSessions = [
    """
    CREATE TABLE exec_session (
      generation INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE CHECK (length(id) BETWEEN 1 AND 128),
      container INTEGER NOT NULL REFERENCES container,
      revision INTEGER NOT NULL CHECK (revision >= 1),
      created_at_ns INTEGER NOT NULL,
      status INTEGER NOT NULL CHECK (status BETWEEN 1 AND 3),
      pid INTEGER NOT NULL CHECK (pid >= 0),
      pid_start_time INTEGER NOT NULL,
      exit_code INTEGER CHECK (exit_code BETWEEN -1 AND 255),
      command BLOB NOT NULL,
      extra BLOB
    ) STRICT
    """,
    "CREATE INDEX exec_session_by_container ON exec_session (container)",
  ]

  /// By id, not by generation: an exit code outlives its container (INVARIANT I-9).
  private static let exitCodes = [
    """
    CREATE TABLE exit_code (
      container_id TEXT PRIMARY KEY CHECK (length(container_id) BETWEEN 1 AND 128),
      code INTEGER NOT NULL CHECK (code BETWEEN -1 AND 255),
      recorded_at_ns INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """
  ]

  /// The newest row is never removed, so the next sequence is always greater (INVARIANT I-11), without the
  /// page more that AUTOINCREMENT would write in every commit.
  private static let changes = [
    """
    CREATE TABLE change (
      sequence INTEGER PRIMARY KEY,
      kind INTEGER NOT NULL,
      id TEXT NOT NULL,
      what INTEGER NOT NULL,
      from_status INTEGER,
      to_status INTEGER,
      revision INTEGER NOT NULL,
      writer_pid INTEGER NOT NULL,
      at_ns INTEGER NOT NULL
    ) STRICT
    """
  ]

  /// Partial where most rows have nothing to be found by: a state that changes writes no index page for them.
  private static let filters = [
    "CREATE INDEX container_by_active_status ON container_state (status) WHERE status NOT IN (1, 7)",
    "CREATE INDEX container_by_finish ON container_state (finished_at_ns) WHERE finished_at_ns IS NOT NULL",
    "CREATE INDEX container_by_exit_code ON container_state (exit_code) WHERE exit_code IS NOT NULL",
    "CREATE INDEX record_by_image_id ON record (image_id) WHERE image_id <> ''",
    "CREATE INDEX record_by_image_name ON record (image_name) WHERE image_name <> ''",
  ]

  /// Rows that a repair has taken out of their tables, as SQL literals: nothing is deleted by it.
  private static let quarantine = [
    """
    CREATE TABLE quarantine (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      source TEXT NOT NULL,
      columns TEXT NOT NULL,
      literals TEXT NOT NULL,
      rule TEXT NOT NULL,
      taken_at_ns INTEGER NOT NULL
    ) STRICT
    """
  ]
}
