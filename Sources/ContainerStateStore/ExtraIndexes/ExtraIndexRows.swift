internal import JSONText
internal import SQLiteStorage
internal import StateModel

/// The declared paths and the values that records have at them, inside the caller's transaction.
///
/// The library takes the values from the JSON itself: SQLite's JSON functions are not to be had in an index
/// of a database that something else may have written (`trusted_schema` is off).
enum ExtraIndexRows {
  /// The paths that are declared for one kind of JSON, with their numbers.
  static func paths(
    of owner: ExtraOwner, in connection: Connection
  ) throws -> [(number: Int64, path: [String])] {
    let row = try connection.statement("SELECT number, path FROM extra_index WHERE owner = ?1")
    try row.bind(1, Int64(owner.rawValue))
    var found: [(number: Int64, path: [String])] = []
    while try row.step() { found.append((try row.int64(0), try path(row.bytes(1)))) }
    return found
  }

  static func all(in connection: Connection) throws -> [ExtraIndex] {
    let row = try connection.statement("SELECT owner, path FROM extra_index ORDER BY owner, path")
    var found: [ExtraIndex] = []
    while try row.step() {
      guard let owner = ExtraOwner(rawValue: try row.int32(0)) else {
        throw StoreError.corrupt("extra_index", "a path is declared for no kind of JSON that is known")
      }
      found.append(ExtraIndex(unchecked: owner, path: try path(row.bytes(1))))
    }
    return found
  }

  private static func path(_ json: [UInt8]) throws -> [String] {
    try JSONBytes(unchecked: json).root.elements().map { (name) throws(JSONError) in try name.string() }
  }

  static func encoded(_ path: [String]) -> [UInt8] {
    var json = JSONWriter()
    json.beginArray()
    for name in path { json.string(name) }
    json.endArray()
    return json.finish().bytes
  }

  /// The number of a declared path; nil where it is not declared.
  static func number(of index: ExtraIndex, in connection: Connection) throws -> Int64? {
    let row = try connection.statement("SELECT number FROM extra_index WHERE owner = ?1 AND path = ?2")
    try row.bind(1, Int64(index.owner.rawValue))
    try row.bind(2, encoded(index.path))
    return try row.step() ? try row.int64(0) : nil
  }

  /// Declares a path and takes its value from every record there is; returns whether it was not declared.
  ///
  /// - Throws: `invalidArgument` where as many are declared as can be.
  static func declare(_ index: ExtraIndex, in connection: Connection) throws -> Bool {
    if try number(of: index, in: connection) != nil { return false }
    let count = try connection.statement("SELECT count(*) FROM extra_index")
    guard try count.step(), try count.int64(0) < Int64(StateStore.maximumExtraIndexCount) else {
      throw StoreError.invalidArgument(
        index.pathText,
        "\(StateStore.maximumExtraIndexCount) paths are declared, which is the most; drop one first")
    }
    let row = try connection.statement("INSERT INTO extra_index (owner, path) VALUES (?1, ?2)")
    try row.bind(1, Int64(index.owner.rawValue))
    try row.bind(2, encoded(index.path))
    try row.run()
    try fill(number: connection.lastInsertedRowID, index, in: connection)
    return true
  }

  /// Takes a path's value from every record there is.
  static func fill(number: Int64, _ index: ExtraIndex, in connection: Connection) throws {
    for (generation, json) in try allJSON(of: index.owner, in: connection) {
      if let value = value(at: index.path, in: json) {
        try insert(value, number: number, index.owner, generation: generation, in: connection)
      }
    }
  }

  /// Whether a path's values are those that the records have.
  static func isTrue(number: Int64, _ index: ExtraIndex, in connection: Connection) throws -> Bool {
    var expected: [Int64: ExtraValue] = [:]
    for (generation, json) in try allJSON(of: index.owner, in: connection) {
      expected[generation] = value(at: index.path, in: json)
    }
    let row = try connection.statement(
      "SELECT coalesce(record, volume), value, typeof(value) FROM extra_value WHERE number = ?1")
    try row.bind(1, number)
    while try row.step() {
      let stored: ExtraValue? =
        switch try row.string(2) {
        case "text": .string(try row.string(1))
        case "integer": .integer(try row.int64(1))
        case "blob": .bool(try row.bytes(1) == [1])
        default: nil
        }
      // A second row for one record finds nothing left.
      guard let stored, expected.removeValue(forKey: try row.int64(0)) == stored else { return false }
    }
    return expected.isEmpty
  }

  /// Takes a path's values from all records anew.
  static func refill(number: Int64, _ index: ExtraIndex, in connection: Connection) throws {
    let row = try connection.statement("DELETE FROM extra_value WHERE number = ?1")
    try row.bind(1, number)
    try row.run()
    try fill(number: number, index, in: connection)
  }

  /// The JSON of every record that has any.
  private static func allJSON(
    of owner: ExtraOwner, in connection: Connection
  ) throws -> [(generation: Int64, json: JSONBytes)] {
    let sql: StaticString =
      switch owner {
      case .containerConfiguration: "SELECT generation, extra FROM container WHERE extra IS NOT NULL"
      case .containerState: "SELECT generation, json FROM container_state_extra"
      case .podConfiguration: "SELECT generation, extra FROM pod WHERE extra IS NOT NULL"
      case .podState: "SELECT generation, extra FROM pod_state WHERE extra IS NOT NULL"
      case .volumeConfiguration: "SELECT generation, extra FROM volume WHERE extra IS NOT NULL"
      case .volumeState: "SELECT generation, state_extra FROM volume WHERE state_extra IS NOT NULL"
      }
    let row = try connection.statement(sql)
    var found: [(generation: Int64, json: JSONBytes)] = []
    while try row.step() {
      // A row that cannot be read is for `verify` to name (INVARIANT I-16).
      let json = try StoreReads.skippingCorrupt { JSONBytes(unchecked: try row.bytes(1)) }
      if let json { found.append((try row.int64(0), json)) }
    }
    return found
  }

  /// Takes the values of the declared paths from a record's new JSON, over those it had.
  static func follow(
    _ json: JSONBytes?, _ owner: ExtraOwner, generation: Int64, in connection: Connection
  ) throws {
    for (number, path) in try paths(of: owner, in: connection) {
      let row = try connection.statement(
        owner.isOfVolume
          ? "DELETE FROM extra_value WHERE volume = ?1 AND number = ?2"
          : "DELETE FROM extra_value WHERE record = ?1 AND number = ?2")
      try row.bind(1, generation)
      try row.bind(2, number)
      try row.run()
      if let json, let value = value(at: path, in: json) {
        try insert(value, number: number, owner, generation: generation, in: connection)
      }
    }
  }

  private static func insert(
    _ value: ExtraValue, number: Int64, _ owner: ExtraOwner, generation: Int64, in connection: Connection
  ) throws {
    let row = try connection.statement(
      owner.isOfVolume
        ? "INSERT INTO extra_value (number, value, volume) VALUES (?1, ?2, ?3)"
        : "INSERT INTO extra_value (number, value, record) VALUES (?1, ?2, ?3)")
    try row.bind(1, number)
    try FilterValue(value).bind(to: row, 2)
    try row.bind(3, generation)
    try row.run()
  }

  /// What can be asked for of the value at a path; nil where there is none, or one of another kind.
  static func value(at path: [String], in json: JSONBytes) -> ExtraValue? {
    var view = json.root
    for name in path {
      guard view.kind == .object, let next = try? view.member(name) else { return nil }
      view = next
    }
    switch view.kind {
    case .string:
      guard let text = try? view.string(), text.utf8.count <= ExtraValue.maximumStringBytes,
        !text.utf8.contains(0)
      else { return nil }
      return .string(text)
    case .number: return (try? view.int64()).map { .integer($0) }
    case .bool: return (try? view.bool()).map { .bool($0) }
    case .object, .array, .null: return nil
    }
  }
}

extension ExtraOwner {
  var isOfVolume: Bool { self == .volumeConfiguration || self == .volumeState }
}

extension FilterValue {
  /// As SQLite keeps it: a bool is a blob of one byte, so that it is not found as an integer.
  init(_ value: ExtraValue) {
    switch value {
    case .string(let text): self = .text(text)
    case .integer(let integer): self = .integer(integer)
    case .bool(let bool): self = .bytes([bool ? 1 : 0])
    }
  }
}
