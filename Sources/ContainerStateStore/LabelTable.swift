internal import SQLiteStorage

/// The labels that records of one kind are found by, inside the caller's transaction.
enum LabelTable: String {
  case container = "label"
  case pod = "pod_label"
  case volume = "volume_label"

  func insert(_ labels: [String: String], generation: Int64, in connection: Connection) throws {
    for (key, value) in labels {
      let row = try connection.statement(insertion)
      try row.bind(1, generation)
      try row.bind(2, key)
      try row.bind(3, value)
      try row.run()
    }
  }

  /// Makes the labels that a row is found by anew.
  func replace(with labels: [String: String], generation: Int64, in connection: Connection) throws {
    let row = try connection.statement(deletion)
    try row.bind(1, generation)
    try row.run()
    try insert(labels, generation: generation, in: connection)
  }

  /// The labels that the row of this generation is found by.
  func labels(of generation: Int64, in connection: Connection) throws -> [String: String] {
    let row = try connection.statement(selection)
    try row.bind(1, generation)
    var labels: [String: String] = [:]
    while try row.step() { labels[try row.string(0)] = try row.string(1) }
    return labels
  }

  private var insertion: StaticString {
    switch self {
    case .container: "INSERT INTO label (generation, key, value) VALUES (?1, ?2, ?3)"
    case .pod: "INSERT INTO pod_label (generation, key, value) VALUES (?1, ?2, ?3)"
    case .volume: "INSERT INTO volume_label (generation, key, value) VALUES (?1, ?2, ?3)"
    }
  }

  private var deletion: StaticString {
    switch self {
    case .container: "DELETE FROM label WHERE generation = ?1"
    case .pod: "DELETE FROM pod_label WHERE generation = ?1"
    case .volume: "DELETE FROM volume_label WHERE generation = ?1"
    }
  }

  private var selection: StaticString {
    switch self {
    case .container: "SELECT key, value FROM label WHERE generation = ?1"
    case .pod: "SELECT key, value FROM pod_label WHERE generation = ?1"
    case .volume: "SELECT key, value FROM volume_label WHERE generation = ?1"
    }
  }
}
