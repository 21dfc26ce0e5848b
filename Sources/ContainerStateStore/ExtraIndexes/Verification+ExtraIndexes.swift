internal import SQLiteStorage
internal import StateModel

/// The checks of declared paths.
extension Verification {
  /// INVARIANT I-3: what records are found by is what their JSON says.
  mutating func checkExtraIndexes() throws {
    for index in try ExtraIndexRows.all(in: connection) {
      guard let number = try ExtraIndexRows.number(of: index, in: connection) else { continue }
      if try !ExtraIndexRows.isTrue(number: number, index, in: connection) {
        report("I-3", index.pathText, "what records are found by at this path differs from their extra JSON")
      }
    }
  }
}
