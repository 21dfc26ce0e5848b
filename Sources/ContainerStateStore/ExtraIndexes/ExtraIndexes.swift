internal import SQLiteStorage
public import StateModel

extension StateStore {
  /// How many paths can be declared.
  public static let maximumExtraIndexCount = 16

  /// Declares a path in the embedder's JSON, so that records can be found by the value at it.
  ///
  /// What records have there already is taken in. A path that is declared stays so, for every process and
  /// after every restart: an engine declares what it filters by whenever it opens the store.
  ///
  /// - Returns: whether it was not declared before.
  /// - Throws: `invalidArgument` beyond `maximumExtraIndexCount`, `lockTimeout` for the gate, `busy`,
  ///   `outOfSpace`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the write gate; not at all where it is declared.
  /// - Durability: D-1.
  @discardableResult
  public func declareExtraIndex(
    _ index: ExtraIndex, durability: Durability = .durable
  ) throws(StoreError) -> Bool {
    try perform("declare extra index") {
      if try database.readOne({ try ExtraIndexRows.number(of: index, in: $0) }) != nil { return false }
      return try writeWithReserve("declare extra index", durability: durability, draws: false) {
        try ExtraIndexRows.declare(index, in: $0)
      }
    }
  }

  /// Ends a declaration, and frees what it keeps.
  ///
  /// - Returns: whether it was declared.
  /// - Throws: as `declareExtraIndex`.
  @discardableResult
  public func dropExtraIndex(
    _ index: ExtraIndex, durability: Durability = .durable
  ) throws(StoreError) -> Bool {
    try perform("drop extra index") {
      try writeWithReserve("drop extra index", durability: durability) { connection in
        guard let number = try ExtraIndexRows.number(of: index, in: connection) else { return false }
        let row = try connection.statement("DELETE FROM extra_index WHERE number = ?1")
        try row.bind(1, number)
        try row.run()
        return true
      }
    }
  }

  /// The paths that are declared.
  ///
  /// - Blocking: for nobody.
  public func extraIndexes() throws(StoreError) -> [ExtraIndex] {
    try perform("list extra indexes") { try database.readOne { try ExtraIndexRows.all(in: $0) } }
  }
}

extension ExtraFilter {
  /// The index that answers it.
  ///
  /// - Throws: `invalidArgument` where the path or the value can be in none.
  private func index(_ configuration: ExtraOwner, _ state: ExtraOwner) throws(StoreError) -> ExtraIndex {
    if case .string(let text) = value, text.utf8.count > ExtraValue.maximumStringBytes {
      throw .invalidArgument(
        "extra value", "a string that is asked for has at most \(ExtraValue.maximumStringBytes) bytes")
    }
    return try ExtraIndex(part == .configuration ? configuration : state, path: path)
  }

  /// As a condition on rows called `r`.
  func condition(
    _ configuration: ExtraOwner, _ state: ExtraOwner
  ) throws(StoreError) -> FilterCondition {
    let index = try index(configuration, state)
    // The owner's number is the library's own, so it may stand in the text.
    return FilterCondition(
      generations: index.owner.isOfVolume ? "e.volume" : "e.record", from: "extra_value e",
      """
      e.number = (SELECT number FROM extra_index WHERE owner = \(index.owner.rawValue) AND path = ?)
        AND e.value = ?
      """, [.bytes(ExtraIndexRows.encoded(index.path)), FilterValue(value)], declaredBy: index)
  }
}

extension FilterCondition {
  /// Throws where one of these asks for a path that nobody has declared.
  static func checkDeclared(_ conditions: [FilterCondition], in connection: Connection) throws {
    for index in conditions.compactMap(\.extraIndex) {
      guard try ExtraIndexRows.number(of: index, in: connection) == nil else { continue }
      throw StoreError.invalidArgument(
        "extra path \(printable(index.pathText, limit: 128))", "the path is not declared; declare it first")
    }
  }
}
