internal import JSONText
internal import SQLiteStorage
internal import StateModel

/// How exec sessions are read from rows and written to them, inside the caller's transaction.
enum ExecSessionRows {
  /// The session of exactly this id; nil where there is none.
  static func session(_ id: ContainerID, in connection: Connection) throws -> ExecSession? {
    let row = try connection.statement(
      """
      SELECT e.id, r.id, e.command, e.created_at_ns, e.status, e.pid, e.pid_start_time, e.exit_code, e.extra,
        e.revision
      FROM exec_session e JOIN record r ON r.generation = e.container WHERE e.id = ?1
      """)
    try row.bind(1, id.rawValue)
    return try row.step() ? session(row) : nil
  }

  /// The sessions of the container of this generation, oldest first.
  static func sessions(ofGeneration generation: Int64, in connection: Connection) throws -> [ExecSession] {
    let row = try connection.statement(
      """
      SELECT e.id, r.id, e.command, e.created_at_ns, e.status, e.pid, e.pid_start_time, e.exit_code, e.extra,
        e.revision
      FROM exec_session e JOIN record r ON r.generation = e.container WHERE e.container = ?1
      ORDER BY e.generation
      """)
    try row.bind(1, generation)
    return try sessions(row)
  }

  /// Every session, oldest first.
  static func all(in connection: Connection) throws -> [ExecSession] {
    try sessions(
      connection.statement(
        """
        SELECT e.id, r.id, e.command, e.created_at_ns, e.status, e.pid, e.pid_start_time, e.exit_code,
          e.extra, e.revision
        FROM exec_session e JOIN record r ON r.generation = e.container ORDER BY e.generation
        """))
  }

  /// The ids of up to ten sessions of the container of this generation, which keep it from being removed.
  static func ids(ofGeneration generation: Int64, in connection: Connection) throws -> [String] {
    let row = try connection.statement(
      "SELECT id FROM exec_session WHERE container = ?1 ORDER BY generation LIMIT 10")
    try row.bind(1, generation)
    var ids: [String] = []
    while try row.step() { ids.append(try row.string(0)) }
    return ids
  }

  /// - Throws: `alreadyExists`.
  static func insert(_ session: ExecSession, generation: Int64, in connection: Connection) throws {
    let row = try connection.statement(
      """
      INSERT INTO exec_session (id, container, revision, created_at_ns, status, pid, pid_start_time,
        exit_code, command, extra)
      VALUES (?6, ?7, 1, ?8, ?1, ?2, ?3, ?4, ?9, ?5)
      """)
    try bind(session, to: row)
    try row.bind(6, session.id.rawValue)
    try row.bind(7, generation)
    try row.bind(8, session.createdAt.nanosecondsSinceEpoch)
    var command = JSONWriter()
    command.beginArray()
    for word in session.command { command.string(word) }
    command.endArray()
    try row.bind(9, command.finish().bytes)
    try insert(row, of: session.id, in: connection)
  }

  /// Mostly the id is free, and then its key is all there is to ask.
  private static func insert(
    _ row: borrowing Statement, of id: ContainerID, in connection: Connection
  ) throws {
    do { try row.run() } catch {
      guard error.code == .constraint(.unique), try session(id, in: connection) != nil else { throw error }
      throw StoreError.sessionExists(id)
    }
  }

  /// Writes what changes of a session over the row of this revision, which becomes one greater.
  static func update(_ session: ExecSession, in connection: Connection) throws {
    let row = try connection.statement(
      """
      UPDATE exec_session SET revision = revision + 1, status = ?1, pid = ?2, pid_start_time = ?3,
        exit_code = ?4, extra = ?5
      WHERE id = ?6 AND revision = ?7
      """)
    try bind(session, to: row)
    try row.bind(6, session.id.rawValue)
    try row.bind(7, session.revision)
    try row.run()
    precondition(connection.changes == 1, "a row read in this transaction is there")
  }

  static func remove(_ id: ContainerID, in connection: Connection) throws {
    let row = try connection.statement("DELETE FROM exec_session WHERE id = ?1")
    try row.bind(1, id.rawValue)
    try row.run()
  }

  private static func bind(_ session: ExecSession, to row: borrowing Statement) throws {
    try row.bind(1, Int64(session.status.rawValue))
    try row.bind(2, Int64(session.pid))
    try row.bind(3, Int64(bitPattern: session.pidStartTime))
    if let exitCode = session.exitCode { try row.bind(4, Int64(exitCode)) } else { try row.bindNull(4) }
    if let extra = session.extra { try row.bind(5, extra.bytes) } else { try row.bindNull(5) }
  }

  private static func sessions(_ row: borrowing Statement) throws -> [ExecSession] {
    var sessions: [ExecSession] = []
    // INVARIANT I-16: one bad row hides no other.
    while try row.step() {
      if let found = try StoreReads.skippingCorrupt({ try session(row) }) { sessions.append(found) }
    }
    return sessions
  }

  private static func session(_ row: borrowing Statement) throws -> ExecSession {
    let id = try ContainerRows.id(row, 0)
    return try StoreError.naming(id) {
      guard let status = ExecSessionStatus(rawValue: try row.int32(4)) else {
        throw StoreError.corrupt(id.rawValue, "its status is not one this version knows")
      }
      var command: [String] = []
      let words = JSONBytes(unchecked: try row.bytes(2))
      try words.root.forEachElement { (word) throws(JSONError) in command.append(try word.string()) }
      return ExecSession(
        id: id, container: try ContainerRows.id(row, 1), command: command,
        createdAt: Timestamp(nanosecondsSinceEpoch: try row.int64(3)), status: status,
        pid: try row.int32(5), pidStartTime: UInt64(bitPattern: try row.int64(6)),
        exitCode: row.isNull(7) ? nil : try row.int32(7),
        extra: row.isNull(8) ? nil : JSONBytes(unchecked: try row.bytes(8)), revision: try row.int64(9))
    }
  }
}

extension StoreError {
  static func sessionExists(_ id: ContainerID) -> StoreError {
    StoreError(
      .alreadyExists, subject: "exec session \(id.rawValue)",
      message: "the id is in use; generate another, or remove that session", candidates: [id.rawValue])
  }

  static func sessionNotFound(_ id: ContainerID) -> StoreError {
    StoreError(
      .notFound, subject: id.rawValue,
      message: "there is no exec session of this id; list what there is")
  }

  /// INVARIANT I-5.
  package static func hasSessions(_ id: ContainerID, _ sessions: [String]) -> StoreError {
    let sessions = sessions.prefix(10).map { printable($0, limit: 128) }
    return StoreError(
      .inUse, subject: id.rawValue,
      message: "it has exec sessions (\(sessions.joined(separator: ", "))); remove them first",
      candidates: sessions)
  }
}
