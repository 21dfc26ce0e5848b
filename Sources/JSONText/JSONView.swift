/// One value inside JSON text that it shares with others; nothing is decoded until it is asked for.
///
/// A view of text that was damaged after validation throws or gives other values, and never traps.
public struct JSONView: Sendable {
  /// What a JSON value can be.
  public enum Kind: String, Sendable, Hashable {
    case object, array, string, number, bool, null
  }

  let storage: [UInt8]
  let start: Int
  let end: Int

  init(_ storage: [UInt8], from start: Int, to end: Int) {
    self.storage = storage
    self.start = start
    self.end = end
  }

  /// The value that these bytes were when they were validated, without white space around it.
  ///
  /// - Parameters:
  ///   - storage: bytes that hold it, among others.
  ///   - range: where it is among them; not empty.
  package init(unchecked storage: [UInt8], _ range: Range<Int>) {
    precondition(!range.isEmpty && range.lowerBound >= 0 && range.upperBound <= storage.count)
    self.init(storage, from: range.lowerBound, to: range.upperBound)
  }

  /// What the value's first character says that it is.
  public var kind: Kind {
    switch storage.span.bytes.byte(at: start) {
    case Byte.openBrace: .object
    case Byte.openBracket: .array
    case Byte.quote: .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
    case UInt8(ascii: "n"): .null
    default: .number
    }
  }

  /// Whether the value is `null`.
  public var isNull: Bool { isLiteral("null") }

  /// The value's own text, without white space around it.
  public var bytes: [UInt8] { Array(storage[start..<end]) }

  /// A value of its own with the same text, which no longer keeps the whole text alive.
  public func copy() -> JSONBytes { JSONBytes(unchecked: bytes) }

  /// An error of reading this value, with its place counted from where the value begins.
  package func own(_ error: JSONError) -> JSONError {
    JSONError(error.reason, at: max(0, error.byteOffset - start))
  }

  func wrongKind(expected: Kind) -> JSONError {
    JSONError(.wrongKind(expected: expected, found: kind), at: start)
  }

  private func isLiteral(_ literal: StaticString) -> Bool {
    end - start == literal.utf8CodeUnitCount && storage.span.bytes.hasLiteral(literal, at: start)
  }
}

extension JSONView {
  /// The string with its escapes resolved.
  ///
  /// - Throws: `wrongKind` for any other value.
  public func string() throws(JSONError) -> String {
    let text = storage.span.bytes.extracting(first: end)
    guard text.byte(at: start) == Byte.quote else { throw wrongKind(expected: .string) }
    let content = try text.endOfString(from: start + 1)
    guard content.hasEscapes else {
      return String(decoding: storage[start + 1..<content.end], as: UTF8.self)
    }
    return String(
      decoding: try text.unescapedString(from: start + 1, to: content.end), as: UTF8.self)
  }

  /// Whether the value is a string equal to `other`, byte for byte once escapes are resolved.
  ///
  /// - Parameter other: the string to compare with; nothing is allocated where the value has no escapes.
  /// - Returns: false for a value of any other kind.
  /// - Throws: `invalidEscape` and the like where the text is damaged.
  public func isString(_ other: String) throws(JSONError) -> Bool {
    let text = storage.span.bytes.extracting(first: end)
    guard text.byte(at: start) == Byte.quote else { return false }
    let content = try text.endOfString(from: start + 1)
    return try text.hasString(
      other.utf8Span.span.bytes, from: start + 1, to: content.end, hasEscapes: content.hasEscapes)
  }

  /// The truth value.
  ///
  /// - Throws: `wrongKind` for any other value.
  public func bool() throws(JSONError) -> Bool {
    if isLiteral("true") { return true }
    guard isLiteral("false") else { throw wrongKind(expected: .bool) }
    return false
  }
}
