internal import JSONText
internal import SQLiteStorage
internal import StateModel

/// What listings show of a container's configuration without reading it; inside the caller's transaction.
enum ListingRows {
  static func insert(
    _ configuration: ContainerConfiguration, generation: Int64, in connection: Connection
  ) throws {
    try insert(configuration.shownParts(), generation: generation, in: connection)
  }

  private static func insert(
    _ shown: ContainerDetails.ShownParts, generation: Int64, in connection: Connection
  ) throws {
    let (labels, ports) = shown
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
    if labels == nil, ports == nil { return false }
    return isSame(row, 0, labels) && isSame(row, 1, ports)
  }

  /// False for a value of the wrong kind too.
  private static func isSame(_ row: borrowing Statement, _ column: Int32, _ json: JSONBytes?) -> Bool {
    do { return try row.optionalBytes(column) == json?.bytes } catch { return false }
  }

  /// Writes what is shown of all containers, from their configurations as another snapshot has them.
  ///
  /// INVARIANT I-16: those that cannot be read are passed over; `verify` names them.
  static func fill(_ migrated: Connection, from before: Database) throws {
    try before.read { connection in
      let rows = try connection.statement(dynamic: "SELECT generation FROM record WHERE kind = 1")
      while try rows.step() {
        let generation = try rows.int64(0)
        let shown = try StoreReads.skippingCorrupt {
          try shownParts(ofDetailsOf: generation, in: connection)
        }
        if let shown { try insert(shown, generation: generation, in: migrated) }
      }
    }
  }

  private static func shownParts(
    ofDetailsOf generation: Int64, in connection: Connection
  ) throws -> ContainerDetails.ShownParts? {
    let row = try connection.statement("SELECT details FROM container WHERE generation = ?1")
    try row.bind(1, generation)
    guard try row.step() else { return nil }
    return try? ContainerDetails.shownParts(in: JSONBytes(unchecked: row.bytes(0)).root)
  }
}
