/// A text among others in one piece of memory, which all of them keep.
package struct SharedText: Sendable, Hashable {
  /// UTF-8 that was checked.
  private let bytes: [UInt8]
  private let range: Range<Int>

  /// The text that these bytes are.
  ///
  /// - Parameters:
  ///   - range: where it is among the bytes.
  ///   - bytes: valid UTF-8 there.
  package init(_ range: Range<Int>, of bytes: [UInt8]) {
    self.bytes = bytes
    self.range = range
  }

  /// A text of its own.
  package var string: String { String(decoding: bytes[range], as: UTF8.self) }

  package static func == (left: SharedText, right: SharedText) -> Bool {
    left.bytes[left.range] == right.bytes[right.range]
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(range.count)
    bytes[range].withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}
