internal import SQLiteStorage
internal import StateModel

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

  var sql: String {
    "SELECT r.name FROM volume r WHERE \(conditions.sql) ORDER BY r.name\(conditions.limitSQL)"
  }

  /// The names, in their order.
  func names(in connection: Connection) throws -> [VolumeName] {
    let row = try conditions.statement(sql, in: connection)
    return try VolumeRows.readableNames(row)
  }
}
