internal import SQLiteStorage
public import StateModel

/// A listing as one snapshot had it.
public struct ContainerList: Sendable {
  /// What could be read, newest first.
  public let containers: [ContainerSummary]
  /// One `corrupt` error for each row that could not be read (INVARIANT I-16).
  public let corrupt: [StoreError]
}

/// A filter as SQL: one statement, every value bound.
struct ContainerListing {
  private let conditions: String
  private let values: [Value]
  private let limit: Int

  private enum Value {
    case text(String)
    case integer(Int64)
  }

  /// - Throws: `invalidArgument` for more labels than SQLite takes in one statement.
  init(_ filter: ContainerFilter) throws(StoreError) {
    guard filter.labels.count <= ContainerFilter.maximumLabelCount else {
      throw .invalidArgument(
        "\(filter.labels.count) labels", "a filter has at most \(ContainerFilter.maximumLabelCount) labels")
    }
    // A plus hides a column from the planner, which would prefer all containers to a range of ids.
    var conditions = filter.idPrefix == nil ? "r.kind = 1" : "+r.kind = 1"
    var values: [Value] = []
    /// Adds a condition in which each `?` stands for one value, in order.
    func require(_ condition: String, _ operands: Value...) {
      conditions += " AND " + condition
      values += operands
    }
    if let statuses = filter.statuses {
      // The raw values are the library's own integers, so they may stand in the text.
      let list = statuses.map { String($0.rawValue) }.sorted().joined(separator: ",")
      require("s.status IN (\(list))")
    }
    for label in filter.labels {
      switch label {
      case .present(let key):
        require("EXISTS (SELECT 1 FROM label l WHERE l.generation = r.generation AND l.key = ?)", .text(key))
      case .equals(let key, let value):
        require(
          "r.generation IN (SELECT l.generation FROM label l WHERE l.key = ? AND l.value = ?)", .text(key),
          .text(value))
      }
    }
    if let text = filter.nameContaining { require("instr(r.name, ?) > 0", .text(text)) }
    if let prefix = filter.idPrefix {
      // Every id is ASCII, so DEL comes after whatever may follow the prefix: an index range, never a scan.
      require("r.id >= ? AND r.id < ?", .text(prefix), .text(prefix + "\u{7F}"))
    }
    if let moment = filter.createdBefore {
      require("r.created_at_ns < ?", .integer(moment.nanosecondsSinceEpoch))
    }
    if let moment = filter.createdSince {
      require("r.created_at_ns >= ?", .integer(moment.nanosecondsSinceEpoch))
    }
    self.conditions = conditions
    self.values = values
    // In SQL a negative limit is none.
    limit = filter.limit.map { max(0, $0) } ?? -1
  }

  /// The ids, newest first.
  func ids(in connection: Connection) throws -> [ContainerID] {
    let row = try statement(selecting: "r.id, r.generation", in: connection)
    return try ContainerRows.readableIDs(row).map(\.id)
  }

  /// What a listing shows, newest first.
  func summaries(in connection: Connection) throws -> ContainerList {
    let row = try statement(
      selecting: """
        r.id, r.name, s.status, r.image_name, r.created_at_ns, s.started_at_ns, s.finished_at_ns, s.exit_code,
        s.pid, s.pid_start_time
        """, in: connection)
    var containers: [ContainerSummary] = []
    var corrupt: [StoreError] = []
    while try row.step() {
      do { containers.append(try summary(row)) } catch {
        let damage = StoreError.mapped(error)
        guard damage.code == .corrupt else { throw damage }
        corrupt.append(damage)
      }
    }
    return ContainerList(containers: containers, corrupt: corrupt)
  }

  private func statement(selecting columns: String, in connection: Connection) throws -> Statement {
    let row = try connection.statement(
      dynamic: """
        SELECT \(columns) FROM record r LEFT JOIN container_state s ON s.generation = r.generation
        WHERE \(conditions) ORDER BY r.created_at_ns DESC, r.generation DESC LIMIT ?
        """)
    var index: Int32 = 1
    for value in values {
      switch value {
      case .text(let text): try row.bind(index, text)
      case .integer(let integer): try row.bind(index, integer)
      }
      index += 1
    }
    try row.bind(index, Int64(limit))
    return row
  }

  private func summary(_ row: borrowing Statement) throws -> ContainerSummary {
    let id = try ContainerRows.id(row, 0)
    return try StoreError.naming(id) { try summary(row, id) }
  }

  private func summary(_ row: borrowing Statement, _ id: ContainerID) throws -> ContainerSummary {
    guard let status = ContainerStatus(rawValue: try row.int32(2)) else {
      throw StoreError.corrupt(id.rawValue, "its status is not one this version knows")
    }
    return ContainerSummary(
      id: id, name: try row.string(1), status: status, imageName: try row.string(3),
      createdAt: Timestamp(nanosecondsSinceEpoch: try row.int64(4)),
      startedAt: try ContainerRows.timestamp(row, 5),
      finishedAt: try ContainerRows.timestamp(row, 6), exitCode: row.isNull(7) ? nil : try row.int32(7),
      pid: try row.int32(8), pidStartTime: UInt64(bitPattern: try row.int64(9)))
  }
}
