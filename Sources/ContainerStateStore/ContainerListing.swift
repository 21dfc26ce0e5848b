internal import SQLiteStorage
public import StateModel

/// A listing as one snapshot had it.
public struct ContainerList: Sendable {
  /// What could be read, in the order of the filter.
  public let containers: [ContainerSummary]
  /// One `corrupt` error for each row that could not be read (INVARIANT I-16).
  public let corrupt: [StoreError]
}

/// The ids of a listing as one snapshot had it.
public struct ContainerIDList: Sendable {
  /// What could be read, in the order of the filter.
  public let ids: [ContainerID]
  /// One `corrupt` error for each id that could not be read (INVARIANT I-16).
  public let corrupt: [StoreError]
}

/// A filter as SQL: one statement, every value bound.
struct ContainerListing {
  private let conditions: ListingConditions
  private let order: String

  /// - Throws: `invalidArgument` for more labels or images than SQLite takes in one statement.
  init(_ filter: ContainerFilter) throws(StoreError) {
    try ListingConditions.check(filter.labels.count, of: "labels")
    try ListingConditions.check(filter.images?.count ?? 0, of: "images")
    conditions = ListingConditions(
      kind: .container, narrow: try FilterCondition.narrow(of: filter), wide: Self.wide(of: filter),
      limit: filter.limit)
    order = Self.order(of: filter)
  }

  var values: [FilterValue] { conditions.values }

  /// The conditions that no index begins with; asked of each row.
  private static func wide(of filter: ContainerFilter) -> [(probe: String, values: [FilterValue])] {
    var found: [(probe: String, values: [FilterValue])] = []
    if let statuses = filter.statuses {
      // The raw values are the library's own integers, so they may stand in the text.
      let list = statuses.map { String($0.rawValue) }.sorted().joined(separator: ",")
      found.append(("s.status IN (\(list))", []))
    }
    if let text = filter.nameContaining { found.append(("instr(r.name, ?) > 0", [.text(text)])) }
    if let pattern = filter.namePattern {
      found.append(("r.name GLOB ?", [.text(NamePattern(pattern).glob)]))
    }
    if let moment = filter.createdBefore {
      found.append(("r.created_at_ns < ?", [.integer(moment.nanosecondsSinceEpoch)]))
    }
    if let moment = filter.createdSince {
      found.append(("r.created_at_ns >= ?", [.integer(moment.nanosecondsSinceEpoch)]))
    }
    return found
  }

  private static func order(of filter: ContainerFilter) -> String {
    let direction = filter.isAscending ? "" : " DESC"
    let column =
      switch filter.sort {
      case .created: "r.created_at_ns"
      case .name: "r.name"
      case .status: "s.status"
      case .exited: "s.finished_at_ns"
      }
    // Names are unique, and the index of names ends with them.
    return column + direction + (filter.sort == .name ? "" : ", r.generation" + direction)
  }

  /// The ids, in the order of the filter.
  func ids(in connection: Connection) throws -> [ContainerID] { try idList(in: connection).ids }

  /// The same with what could not be read.
  func idList(in connection: Connection) throws -> ContainerIDList {
    let row = try statement(selecting: "r.id", in: connection)
    var ids: [ContainerID] = []
    var corrupt: [StoreError] = []
    while try row.step() {
      do { ids.append(try ContainerRows.id(row, 0)) } catch {
        let damage = StoreError.mapped(error)
        guard damage.code == .corrupt else { throw damage }
        corrupt.append(damage)
      }
    }
    return ContainerIDList(ids: ids, corrupt: corrupt)
  }

  /// What a listing shows of a container, and which pod it is in.
  static let summaryColumns = """
    r.id, r.name, s.status, r.image_name, r.created_at_ns, s.started_at_ns, s.finished_at_ns, s.exit_code,
    s.pid, s.pid_start_time
    """
  static let podColumn = """
    , (SELECT p.id FROM pod_member m JOIN record p ON p.generation = m.pod WHERE m.container = r.generation)
    """

  /// What a listing shows, in the order of the filter.
  func summaries(in connection: Connection, includingPods: Bool = false) throws -> ContainerList {
    let row = try statement(
      selecting: includingPods ? Self.summaryColumns + Self.podColumn : Self.summaryColumns, in: connection)
    var containers: [ContainerSummary] = []
    var corrupt: [StoreError] = []
    while try row.step() {
      do {
        var summary = try summary(row)
        if includingPods, !row.isNull(10) { summary.pod = try ContainerRows.id(row, 10) }
        containers.append(summary)
      } catch {
        let damage = StoreError.mapped(error)
        guard damage.code == .corrupt else { throw damage }
        corrupt.append(damage)
      }
    }
    return ContainerList(containers: containers, corrupt: corrupt)
  }

  private func statement(selecting columns: String, in connection: Connection) throws -> Statement {
    try conditions.statement(sql(selecting: columns), in: connection)
  }

  func sql(selecting columns: String) -> String {
    """
    SELECT \(columns) FROM record r LEFT JOIN container_state s ON s.generation = r.generation
    WHERE \(conditions.sql) ORDER BY \(order)\(conditions.limitSQL)
    """
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
      finishedAt: try ContainerRows.timestamp(row, 6), exitCode: try row.optionalInt32(7),
      pid: try row.int32(8), pidStartTime: UInt64(bitPattern: try row.int64(9)))
  }
}
