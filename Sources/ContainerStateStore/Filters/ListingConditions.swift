internal import SQLiteStorage
internal import StateModel

/// What a listing asks of rows called `r`: one term, every value bound.
struct ListingConditions {
  let sql: String
  let values: [FilterValue]
  private let narrow: [FilterCondition]
  private let limit: Int?

  /// One narrow condition searches, and the others are asked of what it finds.
  ///
  /// - Parameters:
  ///   - kind: of the records; nil where the table holds one kind.
  ///   - narrow: those that an index answers, the one that is likely to let the fewest through first.
  ///   - wide: those that no index begins with.
  ///   - limit: how many rows at most; nil for all.
  init(
    kind: Schema.Kind?, narrow: [FilterCondition], wide: [(probe: String, values: [FilterValue])], limit: Int?
  ) {
    // The `+` keeps SQLite from the indexes that begin with the kind, in which it would read every record.
    var terms = kind.map { ["\(narrow.isEmpty ? "" : "+")r.kind = \($0.rawValue)"] } ?? []
    terms += narrow.prefix(1).map(\.search) + narrow.dropFirst().map(\.probe) + wide.map(\.probe)
    sql = terms.isEmpty ? "1" : terms.joined(separator: " AND ")
    values = narrow.flatMap(\.values) + wide.flatMap(\.values)
    self.narrow = narrow
    self.limit = limit
  }

  /// What ends a statement.
  ///
  /// Nothing where there is no limit: SQLite keeps what it sorts below one, however great, in a table that it
  /// makes each time, and sorts without one in memory.
  var limitSQL: String { limit == nil ? "" : " LIMIT ?" }

  /// A statement that ends with `limitSQL`, its values bound.
  ///
  /// - Throws: `invalidArgument` where a path in the embedder's JSON is asked for that is not declared.
  func statement(_ sql: String, in connection: Connection) throws -> Statement {
    try FilterCondition.checkDeclared(narrow, in: connection)
    let row = try connection.statement(dynamic: sql)
    for (index, value) in values.enumerated() { try value.bind(to: row, Int32(index + 1)) }
    // In SQL a negative limit is none.
    if let limit { try row.bind(Int32(values.count + 1), Int64(max(0, limit))) }
    return row
  }

  /// - Throws: `invalidArgument` for more than SQLite takes in one statement.
  static func check(_ count: Int, of what: String) throws(StoreError) {
    let maximum = ContainerFilter.maximumLabelCount
    if count > maximum {
      throw .invalidArgument("\(count) \(what)", "a filter has at most \(maximum) \(what)")
    }
  }
}
