package import JSONText

/// The labels and ports that a listing shows of a container, as JSON among that of its neighbours.
package struct ListedText: Sendable, Hashable {
  private let bytes: [UInt8]
  private let start: Int
  private let labelsEnd: Int
  private let end: Int

  /// The texts of one container.
  ///
  /// - Parameters:
  ///   - labels: where they are among the bytes; empty for none.
  ///   - ports: what follows them; empty for none.
  ///   - bytes: hold those of its neighbours too.
  package init(labels: Range<Int>, ports: Range<Int>, of bytes: [UInt8]) {
    precondition(labels.upperBound == ports.lowerBound && ports.upperBound <= bytes.count)
    self.bytes = bytes
    start = labels.lowerBound
    labelsEnd = labels.upperBound
    end = ports.upperBound
  }

  /// Nil for none; a view of damaged text throws or gives other values.
  package var labels: JSONView? { labelsEnd > start ? JSONView(unchecked: bytes, start..<labelsEnd) : nil }
  /// Nil for none; a view of damaged text throws or gives other values.
  package var ports: JSONView? { end > labelsEnd ? JSONView(unchecked: bytes, labelsEnd..<end) : nil }

  /// How many bytes are this one's.
  package var count: Int { end - start }

  package static func == (left: ListedText, right: ListedText) -> Bool {
    left.labelsEnd - left.start == right.labelsEnd - right.start
      && left.bytes[left.start..<left.end] == right.bytes[right.start..<right.end]
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(labelsEnd - start)
    bytes[start..<end].withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}
