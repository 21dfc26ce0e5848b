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
  /// Whether rows are read in the order of their creation and turned round afterwards.
  ///
  /// From one row to the next in the order of the table SQLite walks; against it, it searches each anew.
  private let isTurnedRound: Bool

  /// - Throws: `invalidArgument` for more labels or images than SQLite takes in one statement.
  init(_ filter: ContainerFilter) throws(StoreError) {
    try ListingConditions.check(filter.labels.count, of: "labels")
    try ListingConditions.check(filter.images?.count ?? 0, of: "images")
    conditions = ListingConditions(
      kind: .container, narrow: try FilterCondition.narrow(of: filter), wide: Self.wide(of: filter),
      limit: filter.limit)
    isTurnedRound = filter.sort == .created && !filter.isAscending && filter.limit == nil
    order = Self.order(of: filter, isAscending: filter.isAscending || isTurnedRound)
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

  private static func order(of filter: ContainerFilter, isAscending: Bool) -> String {
    let direction = isAscending ? "" : " DESC"
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
    if isTurnedRound {
      ids.turnRound()
      corrupt.turnRound()
    }
    return ContainerIDList(ids: ids, corrupt: corrupt)
  }

  /// What a listing shows of a container.
  static let summaryColumns = """
    r.id, r.name, s.status, r.image_name, r.created_at_ns, s.started_at_ns, s.finished_at_ns, s.exit_code,
    s.pid, s.pid_start_time
    """

  /// What a listing shows, in the order of the filter.
  func summaries(
    in connection: Connection, including parts: ContainerSummary.Parts = []
  ) throws -> ContainerList {
    let row = try statement(selecting: Self.summaryColumns, including: parts, in: connection)
    var containers: [ContainerSummary] = []
    var corrupt: [StoreError] = []
    var texts = ListedTexts()
    var imageName = ""
    while try row.step() {
      do {
        let line = try summary(row, including: parts, &imageName)
        if parts.hasTexts {
          try StoreError.naming(line.id) { try texts.read(parts, row, after: &containers) }
        }
        containers.append(line)
      } catch {
        let damage = StoreError.mapped(error)
        guard damage.code == .corrupt else { throw damage }
        corrupt.append(damage)
      }
    }
    texts.handOut(to: &containers)
    if isTurnedRound {
      containers.turnRound()
      corrupt.turnRound()
    }
    return ContainerList(containers: containers, corrupt: corrupt)
  }

  private func statement(
    selecting columns: String, including parts: ContainerSummary.Parts = [], in connection: Connection
  ) throws -> Statement {
    try conditions.statement(sql(selecting: columns, including: parts), in: connection)
  }

  func sql(selecting columns: String, including parts: ContainerSummary.Parts = []) -> String {
    """
    SELECT \(columns)\(parts.columns) FROM record r
      LEFT JOIN container_state s ON s.generation = r.generation\(parts.joins)
    WHERE \(conditions.sql) ORDER BY \(order)\(conditions.limitSQL)
    """
  }

  private func summary(
    _ row: borrowing Statement, including parts: ContainerSummary.Parts, _ imageName: inout String
  ) throws -> ContainerSummary {
    let id = try ContainerRows.id(row, 0)
    return try StoreError.naming(id) {
      guard let status = ContainerStatus(rawValue: try row.int32(2)) else {
        throw StoreError.corrupt(id.rawValue, "its status is not one this version knows")
      }
      // Most containers of a store are of few images.
      try row.string(3, into: &imageName)
      return ContainerSummary(
        id: id, name: try row.string(1), status: status, imageName: imageName,
        createdAt: Timestamp(nanosecondsSinceEpoch: try row.int64(4)),
        startedAt: try ContainerRows.timestamp(row, 5),
        finishedAt: try ContainerRows.timestamp(row, 6), exitCode: try row.optionalInt32(7),
        pid: try row.int32(8), pidStartTime: UInt64(bitPattern: try row.int64(9)),
        pod: try parts.pod(row))
    }
  }
}

extension Array {
  /// As `reverse()`, but elements are moved, where that one retains and releases what each refers to.
  fileprivate mutating func turnRound() {
    withUnsafeMutableBufferPointer { elements in
      guard let first = elements.baseAddress else { return }
      for left in 0..<elements.count / 2 {
        let low = first + left
        let high = first + (elements.count - 1 - left)
        let moved = low.move()
        low.moveInitialize(from: high, count: 1)
        high.initialize(to: moved)
      }
    }
  }
}
