internal import SQLiteStorage
internal import StateModel

/// A filter of volumes as SQL: one statement, every value bound.
struct VolumeListing {
  private let conditions: String
  private let values: [FilterValue]
  private let limit: Int?
  private let narrow: [FilterCondition]

  /// - Throws: `invalidArgument` for more labels than SQLite takes in one statement.
  init(_ filter: VolumeFilter) throws(StoreError) {
    guard filter.labels.count <= ContainerFilter.maximumLabelCount else {
      throw .invalidArgument(
        "\(filter.labels.count) labels", "a filter has at most \(ContainerFilter.maximumLabelCount) labels")
    }
    // As in `ContainerListing`: one condition searches, the others are asked of what it finds.
    narrow = try Self.narrow(of: filter)
    var terms = narrow.isEmpty ? ["1"] : []
    terms += narrow.prefix(1).map(\.search) + narrow.dropFirst().map(\.probe)
    var values = narrow.flatMap(\.values)
    if let text = filter.nameContaining {
      terms.append("instr(r.name, ?) > 0")
      values.append(.text(text))
    }
    if let driver = filter.driver {
      terms.append("r.driver = ?")
      values.append(.text(driver))
    }
    if let isUsed = filter.isUsed {
      terms.append(
        "\(isUsed ? "" : "NOT ")EXISTS (SELECT 1 FROM volume_use u WHERE u.volume = r.generation)")
    }
    conditions = terms.joined(separator: " AND ")
    self.values = values
    limit = filter.limit
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
      found.append(.label(key, value, in: "volume_label"))
    }
    for case .present(let key) in filter.labels { found.append(.label(key, in: "volume_label")) }
    return found
  }

  var sql: String { "SELECT r.name FROM volume r WHERE \(conditions) ORDER BY r.name LIMIT ?" }

  /// The names, in their order.
  func names(in connection: Connection) throws -> [VolumeName] {
    try FilterCondition.checkDeclared(narrow, in: connection)
    let row = try connection.statement(dynamic: sql)
    try values.bind(to: row, limit: limit)
    return try VolumeRows.readableNames(row)
  }
}
