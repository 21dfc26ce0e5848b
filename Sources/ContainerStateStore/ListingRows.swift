internal import JSONText
internal import SQLiteStorage
internal import StateModel

/// What listings show of a container's configuration without reading it; inside the caller's transaction.
enum ListingRows {
  static func insert(
    _ configuration: ContainerConfiguration, generation: Int64, in connection: Connection
  ) throws {
    let (labels, ports) = try configuration.shownParts()
    guard labels != nil || ports != nil else { return }
    let row = try connection.statement(
      "INSERT INTO container_listing (generation, labels, ports) VALUES (?1, ?2, ?3)")
    try row.bind(1, generation)
    try row.bind(2, labels?.bytes)
    try row.bind(3, ports?.bytes)
    try row.run()
  }

  /// Makes what is shown of the row of this generation anew.
  static func replace(
    with configuration: ContainerConfiguration, generation: Int64, in connection: Connection
  ) throws {
    let row = try connection.statement("DELETE FROM container_listing WHERE generation = ?1")
    try row.bind(1, generation)
    try row.run()
    try insert(configuration, generation: generation, in: connection)
  }

  /// Whether what is shown is what the configuration says, byte for byte.
  static func isTrue(
    to configuration: ContainerConfiguration, generation: Int64, in connection: Connection
  ) throws -> Bool {
    let row = try connection.statement("SELECT labels, ports FROM container_listing WHERE generation = ?1")
    try row.bind(1, generation)
    let (labels, ports) = try configuration.shownParts()
    guard try row.step() else { return labels == nil && ports == nil }
    return try isSame(row, 0, labels) && isSame(row, 1, ports)
  }

  private static func isSame(_ row: borrowing Statement, _ column: Int32, _ json: JSONBytes?) throws -> Bool {
    try row.optionalBytes(column) == json?.bytes
  }
}
