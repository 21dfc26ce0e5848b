internal import SQLiteStorage
internal import StateModel

/// The table of rows that a repair took out of theirs.
///
/// Works by what the database says of its own tables, so that no table of a later version is forgotten. Names
/// of tables and columns come from the schema, which was compared with what this version knows.
struct Quarantine {
  /// A column that refers to the generation of another table.
  struct Reference {
    let column: String
    let parent: String
  }

  private let connection: Connection

  init(_ connection: Connection) { self.connection = connection }

  /// The tables whose rows refer to others, those first that nothing refers to.
  func tables() throws -> [String] {
    let row = try connection.statement(
      dynamic: "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'")
    var names: [String] = []
    while try row.step() { names.append(try row.string(0)) }
    let referring = try names.filter { try !references(of: $0).isEmpty }
    let parents = Set(try referring.flatMap { try references(of: $0).map(\.parent) })
    return referring.filter { !parents.contains($0) } + referring.filter(parents.contains)
  }

  func references(of table: String) throws -> [Reference] {
    let row = try connection.statement(dynamic: "PRAGMA foreign_key_list(\(table))")
    var found: [Reference] = []
    while try row.step() { found.append(Reference(column: try row.string(3), parent: try row.string(2))) }
    return found
  }

  /// Moves the rows for which the condition holds; returns how many.
  func take(from table: String, where condition: String, rule: String) throws -> Int {
    let columns = try columns(of: table)
    let literals = columns.map { "quote(\($0))" }.joined(separator: " || ', ' || ")
    let move = try connection.statement(
      dynamic: """
        INSERT INTO quarantine (source, columns, literals, rule, taken_at_ns)
        SELECT ?1, ?2, \(literals), ?3, ?4 FROM \(table) WHERE \(condition)
        """)
    try move.bind(1, table)
    try move.bind(2, columns.joined(separator: ", "))
    try move.bind(3, rule)
    try move.bind(4, Timestamp.now.nanosecondsSinceEpoch)
    try move.run()
    let count = connection.changes
    if count > 0 { try connection.execute("DELETE FROM \(table) WHERE \(condition)") }
    return count
  }

  /// Moves a record with every row that belongs to it or refers to it, children before parents.
  func takeRecord(_ generation: Int64, rule: String) throws {
    let parts: Set = ["record", "container", "pod"]
    for table in try tables() where !parts.contains(table) {
      for reference in try references(of: table) where parts.contains(reference.parent) {
        _ = try take(from: table, where: "\(reference.column) = \(generation)", rule: rule)
      }
    }
    for table in ["container", "pod", "record"] {
      _ = try take(from: table, where: "generation = \(generation)", rule: rule)
    }
  }

  private func columns(of table: String) throws -> [String] {
    let row = try connection.statement(dynamic: "PRAGMA table_info(\(table))")
    var names: [String] = []
    while try row.step() { names.append(try row.string(1)) }
    return names
  }
}
