internal import SQLiteStorage
internal import StateModel

/// What is read of each container only where it is asked for; its columns follow those of every summary.
extension ContainerSummary.Parts {
  private static let labelsColumn: Int32 = 10
  private static let portsColumn: Int32 = 11
  private static let podColumn: Int32 = 12

  var hasTexts: Bool { !isDisjoint(with: [.labels, .ports]) }

  var columns: String {
    if isEmpty { return "" }
    let pod = """
      (SELECT p.id FROM pod_member m JOIN record p ON p.generation = m.pod WHERE m.container = r.generation)
      """
    return [
      "", contains(.labels) ? "l.labels" : "NULL", contains(.ports) ? "l.ports" : "NULL",
      contains(.pod) ? pod : "NULL",
    ].joined(separator: ", ")
  }

  var joins: String {
    hasTexts ? " LEFT JOIN container_listing l ON l.generation = r.generation" : ""
  }

  func pod(_ row: borrowing Statement) throws -> ContainerID? {
    guard contains(.pod), !row.isNull(Self.podColumn) else { return nil }
    return try ContainerRows.id(row, Self.podColumn)
  }

  fileprivate func countBytes(ofTextsOf row: borrowing Statement) -> Int {
    (contains(.labels) ? row.byteCount(Self.labelsColumn) : 0)
      + (contains(.ports) ? row.byteCount(Self.portsColumn) : 0)
  }

  /// Appends the texts of a row, and returns where the labels end.
  fileprivate func appendTexts(of row: borrowing Statement, to bytes: inout [UInt8]) throws -> Int {
    if contains(.labels) { try row.appendOptionalBytes(Self.labelsColumn, to: &bytes) }
    let end = bytes.count
    if contains(.ports) { try row.appendOptionalBytes(Self.portsColumn, to: &bytes) }
    return end
  }
}

/// The labels and ports of a listing on their way into its lines.
///
/// Neighbours share one piece of memory: each with its own, a sixth of the time would go into allocations. A
/// piece is small, so that a line that is kept alone keeps little more; a long text has one of its own.
struct ListedTexts {
  private static let bytesOfPiece = 32 << 10

  private var bytes: [UInt8] = []
  private var isLong = false
  /// Where the texts of the lines that wait for this piece are in it.
  private var waiting: [(start: Int, labelsEnd: Int, end: Int)] = []

  /// Takes the texts of the row whose line is appended next; before that, gives the last lines theirs where
  /// the piece would become too long.
  mutating func read(
    _ parts: ContainerSummary.Parts, _ row: borrowing Statement, after lines: inout [ContainerSummary]
  ) throws {
    if !waiting.isEmpty, bytes.count + parts.countBytes(ofTextsOf: row) > Self.bytesOfPiece {
      handOut(to: &lines)
      isLong = true
    }
    if bytes.isEmpty, isLong { bytes.reserveCapacity(Self.bytesOfPiece) }
    let start = bytes.count
    let labelsEnd = try parts.appendTexts(of: row, to: &bytes)
    waiting.append((start, labelsEnd, bytes.count))
  }

  /// Gives the last lines their texts.
  mutating func handOut(to lines: inout [ContainerSummary]) {
    let first = lines.count - waiting.count
    for (index, place) in waiting.enumerated() where place.end > place.start {
      lines[first + index].text = ListedText(
        labels: place.start..<place.labelsEnd, ports: place.labelsEnd..<place.end, of: bytes)
    }
    waiting.removeAll(keepingCapacity: true)
    bytes = []
  }
}
