internal import SQLiteStorage
public import StateModel

/// How exit codes are read from rows and written to them, inside the caller's transaction.
enum ExitCodeRows {
  static func record(
    _ code: Int32, of id: ContainerID, at moment: Timestamp, in connection: Connection
  ) throws {
    let row = try connection.statement(
      "INSERT OR REPLACE INTO exit_code (container_id, code, recorded_at_ns) VALUES (?1, ?2, ?3)")
    try row.bind(1, id.rawValue)
    try row.bind(2, Int64(code))
    try row.bind(3, moment.nanosecondsSinceEpoch)
    try row.run()
  }

  static func code(of id: ContainerID, in connection: Connection) throws -> ExitCode? {
    let row = try connection.statement(
      "SELECT container_id, code, recorded_at_ns FROM exit_code WHERE container_id = ?1")
    try row.bind(1, id.rawValue)
    return try row.step() ? exitCode(row) : nil
  }

  static func all(in connection: Connection) throws -> [ExitCode] {
    let row = try connection.statement(
      "SELECT container_id, code, recorded_at_ns FROM exit_code ORDER BY container_id")
    var codes: [ExitCode] = []
    // INVARIANT I-16: one bad row hides no other.
    while try row.step() {
      if let found = try StoreReads.skippingCorrupt({ try exitCode(row) }) { codes.append(found) }
    }
    return codes
  }

  /// INVARIANT I-9: the code of a container that is there stays, whatever its age.
  ///
  /// - Returns: whose codes were removed.
  static func prune(recordedBefore moment: Timestamp, in connection: Connection) throws -> [ContainerID] {
    let row = try connection.statement(
      """
      SELECT container_id FROM exit_code
      WHERE recorded_at_ns <= ?1 AND container_id NOT IN (SELECT id FROM record WHERE kind = 1)
      """)
    try row.bind(1, moment.nanosecondsSinceEpoch)
    var ids: [ContainerID] = []
    while try row.step() { ids.append(ContainerID(unchecked: try row.string(0))) }
    for id in ids {
      let removal = try connection.statement("DELETE FROM exit_code WHERE container_id = ?1")
      try removal.bind(1, id.rawValue)
      try removal.run()
    }
    return ids
  }

  private static func exitCode(_ row: borrowing Statement) throws -> ExitCode {
    ExitCode(
      container: try ContainerRows.id(row, 0), code: try row.int32(1),
      recordedAt: Timestamp(nanosecondsSinceEpoch: try row.int64(2)))
  }
}

extension StateStore {
  /// Records how a container's process ended, also where the container has been removed.
  ///
  /// `LockedContainer.recordExit` does so by itself, in the transaction that changes the state.
  ///
  /// - Parameters:
  ///   - id: the container's id; it need not exist.
  ///   - code: −1 (unknown) … 255; it replaces one that is there.
  ///   - moment: when it is recorded; its age counts from then.
  ///   - durability: what the return promises.
  /// - Throws: `invalidArgument`, `lockTimeout` (the gate), `busy`, `outOfSpace`, `io`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the write gate.
  /// - Durability: D-1.
  public func recordExitCode(
    of id: ContainerID, code: Int32, at moment: Timestamp = .now, durability: Durability = .durable
  ) throws(StoreError) {
    try ExitCode.check(code)
    try perform("record exit code") {
      _ = try writeWithReserve(
        "record exit code", about: CommitSubject(id), durability: durability
      ) { connection in
        try ExitCodeRows.record(code, of: id, at: moment, in: connection)
        try record(.init(kind: .exitCode, id: id.rawValue, action: .recorded), in: connection)
      }
    }
  }

  /// The exit code that was recorded last for a container of this id, there or gone.
  ///
  /// - Throws: `notFound`, `corrupt`.
  /// - Blocking: for nobody.
  public func exitCode(of id: ContainerID) throws(StoreError) -> ExitCode {
    try perform("read exit code") {
      guard let code = try database.readOne({ try ExitCodeRows.code(of: id, in: $0) }) else {
        throw StoreError(
          .notFound, subject: id.rawValue,
          message: "no exit code is recorded for this id; it has not ended, or the code was pruned")
      }
      return code
    }
  }

  /// Every exit code that is recorded, by id.
  ///
  /// - Blocking: for nobody.
  public func exitCodes() throws(StoreError) -> [ExitCode] {
    try perform("list exit codes") { try database.readOne { try ExitCodeRows.all(in: $0) } }
  }

  /// Removes exit codes that are old and whose containers are gone.
  ///
  /// - Parameters:
  ///   - age: how long ago they were recorded at least, by the wall clock.
  ///   - durability: what the return promises.
  /// - Returns: whose codes were removed.
  /// - Throws: `lockTimeout` (the gate), `busy`, `outOfSpace`, `io`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the write gate.
  @discardableResult
  public func pruneExitCodes(
    olderThan age: Duration = .seconds(300), durability: Durability = .committed
  ) throws(StoreError) -> [ContainerID] {
    let (seconds, attoseconds) = age.components
    let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard age >= .zero, !overflows else {
      throw .invalidArgument("age", "an age is 0 or more, and less than 292 years")
    }
    return try perform("prune exit codes") {
      let moment = Timestamp.now.nanosecondsSinceEpoch - whole - attoseconds / 1_000_000_000
      return try writeWithReserve("prune exit codes", durability: durability) { connection in
        let pruned = try ExitCodeRows.prune(
          recordedBefore: Timestamp(nanosecondsSinceEpoch: moment), in: connection)
        for id in pruned {
          try record(.init(kind: .exitCode, id: id.rawValue, action: .pruned), in: connection)
        }
        return pruned
      }
    }
  }
}
