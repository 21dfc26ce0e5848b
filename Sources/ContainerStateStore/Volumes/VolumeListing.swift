internal import SQLiteStorage
public import StateModel

/// A listing of volumes as one snapshot had it.
public struct VolumeList: Sendable {
  /// What could be read, by name.
  public let volumes: [VolumeSummary]
  /// One `corrupt` error for each volume that could not be read (INVARIANT I-16).
  public let corrupt: [StoreError]
}

/// A filter of volumes as SQL: one statement, every value bound.
struct VolumeListing {
  private let conditions: ListingConditions

  /// - Throws: `invalidArgument` for more labels than SQLite takes in one statement.
  init(_ filter: VolumeFilter) throws(StoreError) {
    try ListingConditions.check(filter.labels.count, of: "labels")
    conditions = ListingConditions(
      kind: nil, narrow: try Self.narrow(of: filter), wide: Self.wide(of: filter), limit: filter.limit)
  }

  /// The conditions that no index begins with; asked of each row.
  private static func wide(of filter: VolumeFilter) -> [(probe: String, values: [FilterValue])] {
    var found: [(probe: String, values: [FilterValue])] = []
    if let text = filter.nameContaining { found.append(("instr(r.name, ?) > 0", [.text(text)])) }
    if let driver = filter.driver { found.append(("r.driver = ?", [.text(driver)])) }
    if let isUsed = filter.isUsed {
      let term = "EXISTS (SELECT 1 FROM volume_use u WHERE u.volume = r.generation)"
      found.append((isUsed ? term : "NOT " + term, []))
    }
    return found
  }

  /// The conditions that an index answers, the one that is likely to let the fewest through first.
  private static func narrow(of filter: VolumeFilter) throws(StoreError) -> [FilterCondition] {
    var found: [FilterCondition] = []
    if let prefix = filter.namePrefix {
      let term = "r.name >= ? AND r.name < ?"
      found.append(.init(search: term, probe: term, [.text(prefix), .text(prefix + "\u{7F}")]))
    }
    for extra in filter.extra { found.append(try extra.condition(.volumeConfiguration, .volumeState)) }
    for case .equals(let key, let value) in filter.labels {
      found.append(.label(key, value, in: .volume))
    }
    for case .present(let key) in filter.labels { found.append(.label(key, in: .volume)) }
    return found
  }

  var values: [FilterValue] { conditions.values }

  func sql(selecting columns: String) -> String {
    "SELECT \(columns) FROM volume r WHERE \(conditions.sql) ORDER BY r.name\(conditions.limitSQL)"
  }

  static let summaryColumns = """
    r.name, r.driver, r.created_at_ns, r.is_anonymous,
      (SELECT count(*) FROM volume_use u WHERE u.volume = r.generation),
      (SELECT count(*) FROM volume_mount m WHERE m.volume = r.generation)
    """

  /// The names, in their order.
  func names(in connection: Connection) throws -> [VolumeName] {
    let row = try conditions.statement(sql(selecting: "r.name"), in: connection)
    return try VolumeRows.readableNames(row)
  }

  /// What a listing shows, by name.
  func summaries(in connection: Connection) throws -> VolumeList {
    let row = try conditions.statement(sql(selecting: Self.summaryColumns), in: connection)
    var volumes: [VolumeSummary] = []
    var corrupt: [StoreError] = []
    while try row.step() {
      do { volumes.append(try summary(row)) } catch {
        let damage = StoreError.mapped(error)
        guard damage.code == .corrupt else { throw damage }
        corrupt.append(damage)
      }
    }
    return VolumeList(volumes: volumes, corrupt: corrupt)
  }

  private func summary(_ row: borrowing Statement) throws -> VolumeSummary {
    let name = try VolumeRows.name(row, 0)
    return try StoreError.naming(name) {
      VolumeSummary(
        name: name, driver: try row.string(1),
        createdAt: Timestamp(nanosecondsSinceEpoch: try row.int64(2)), isAnonymous: try row.bool(3),
        userCount: try row.int64(4), mountCount: try row.int64(5))
    }
  }
}
