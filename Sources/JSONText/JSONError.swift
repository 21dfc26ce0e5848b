/// What is wrong with a JSON text or with the way it was read, and where.
///
/// It never repeats any of the text, which may hold secrets.
public struct JSONError: Error, Sendable, Hashable {
  /// What was found wrong.
  public enum Reason: Sendable, Hashable {
    /// The text is longer than the limit.
    case tooLarge(maximumBytes: Int)
    /// Objects and arrays are nested deeper than the limit.
    case tooDeep(maximumDepth: Int)
    /// The text begins with a byte order mark.
    case byteOrderMark
    /// The text ends inside a value, or is empty.
    case unexpectedEnd
    /// A byte that the grammar does not allow at this place.
    case unexpectedByte
    /// Something other than white space follows the value.
    case trailingContent
    /// A string holds a control character that is not escaped.
    case controlCharacter
    /// A string is not well-formed UTF-8.
    case invalidUTF8
    /// A backslash is followed by no known escape.
    case invalidEscape
    /// An escape names one half of a surrogate pair without the other.
    case loneSurrogate
    /// A number is not spelled as JSON spells numbers.
    case invalidNumber
    /// An object holds one key twice; the offset is that of a later one.
    case duplicateKey
    /// The value is of another kind than was asked for.
    case wrongKind(expected: JSONView.Kind, found: JSONView.Kind)
    /// The number has a fraction or an exponent where an integer was asked for.
    case notAnInteger
    /// The number does not fit the type that was asked for.
    case numberOutOfRange
    /// A path leads through a member that does not exist.
    case missingMember
  }

  /// What was found wrong.
  public let reason: Reason
  /// Where it was found: bytes from the start of the text, counted from 0.
  public let byteOffset: Int

  init(_ reason: Reason, at byteOffset: Int) {
    self.reason = reason
    self.byteOffset = byteOffset
  }
}

extension JSONError: CustomStringConvertible {
  /// One sentence that says what is wrong, where, and what would be right.
  public var description: String { "JSON at byte \(byteOffset): \(sentence)." }

  private var sentence: String {
    switch reason {
    case .tooLarge(let maximumBytes): "the text is longer than the \(maximumBytes) bytes allowed"
    case .tooDeep(let maximumDepth): "nested deeper than the \(maximumDepth) levels allowed"
    case .byteOrderMark: "begins with a byte order mark; write UTF-8 without one"
    case .unexpectedEnd: "the text ends where a value was not complete"
    case .unexpectedByte: "a byte that cannot stand here"
    case .trailingContent: "more text after the value; one value is expected"
    case .controlCharacter: "a control character inside a string; write it as an escape"
    case .invalidUTF8: "a string that is not valid UTF-8"
    case .invalidEscape: "a backslash without a valid escape"
    case .loneSurrogate: "half of a surrogate pair; write both halves"
    case .invalidNumber: "a number that is not spelled as JSON requires"
    case .duplicateKey: "a key that this object already has; keys must be distinct"
    case .wrongKind(let expected, let found): "\(found) where \(expected) was expected"
    case .notAnInteger: "a fraction or exponent where an integer was expected"
    case .numberOutOfRange: "a number that does not fit the type asked for"
    case .missingMember: "the path names a member that does not exist"
    }
  }
}
