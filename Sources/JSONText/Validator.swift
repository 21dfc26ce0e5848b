/// Reads one JSON text from end to end and throws at the first thing that is not right.
///
/// It keeps its own stack, so that depth costs memory that the limit bounds and never the call stack.
struct Validator {
  private let limits: JSONLimits
  /// One entry per open object or array: where the object's keys begin in `keys`, or `array`.
  private var frames: [Int] = []
  private var keys = KeyRegister()

  private static let array = -1

  init(limits: JSONLimits) {
    self.limits = limits
    frames.reserveCapacity(16)
  }

  mutating func validate(_ text: RawSpan) throws(JSONError) {
    if text.byte(at: 0) == 0xEF, text.byte(at: 1) == 0xBB, text.byte(at: 2) == 0xBF {
      throw JSONError(.byteOrderMark, at: 0)
    }
    var position = text.skippingWhitespace(from: 0)
    repeat {
      position = try passValue(text, from: position)
      position = text.skippingWhitespace(from: position)
    } while try passSeparators(text, &position)
    guard position == text.byteCount else { throw JSONError(.trailingContent, at: position) }
  }

  /// Passes one scalar, one empty container, or the openings of containers down to the first scalar in them.
  @inline(__always)
  private mutating func passValue(_ text: RawSpan, from start: Int) throws(JSONError) -> Int {
    var position = start
    while true {
      switch text.byte(at: position) {
      case Byte.quote: return try text.endOfString(from: position + 1).end + 1
      case Byte.openBrace:
        try open(keys.count, at: position)
        position = text.skippingWhitespace(from: position + 1)
        if text.byte(at: position) == Byte.closeBrace { return position }
        position = try passKey(text, from: position)
      case Byte.openBracket:
        try open(Self.array, at: position)
        position = text.skippingWhitespace(from: position + 1)
        if text.byte(at: position) == Byte.closeBracket { return position }
      default: return try passScalar(text, from: position)
      }
    }
  }

  /// Passes closings and at most one comma behind a value; true when another value must follow.
  @inline(__always)
  private mutating func passSeparators(_ text: RawSpan, _ position: inout Int) throws(JSONError) -> Bool {
    while let frame = frames.last {
      switch text.byte(at: position) {
      case Byte.comma:
        position = text.skippingWhitespace(from: position + 1)
        if frame != Self.array { position = try passKey(text, from: position) }
        return true
      case Byte.closeBrace where frame != Self.array:
        if !limits.allowsDuplicateKeys { try keys.removeDistinct(from: frame, text) }
      case Byte.closeBracket where frame == Self.array: break
      default: throw text.unexpected(at: position)
      }
      frames.removeLast()
      position = text.skippingWhitespace(from: position + 1)
    }
    return false
  }

  /// Passes a key, its colon and the white space around them.
  @inline(__always)
  private mutating func passKey(_ text: RawSpan, from start: Int) throws(JSONError) -> Int {
    guard text.byte(at: start) == Byte.quote else { throw text.unexpected(at: start) }
    let key = try text.endOfString(from: start + 1)
    if !limits.allowsDuplicateKeys {
      try keys.append(text, from: start + 1, to: key.end, hasEscapes: key.hasEscapes)
    }
    let colon = text.skippingWhitespace(from: key.end + 1)
    guard text.byte(at: colon) == Byte.colon else { throw text.unexpected(at: colon) }
    return text.skippingWhitespace(from: colon + 1)
  }

  @inline(__always)
  private func passScalar(_ text: RawSpan, from start: Int) throws(JSONError) -> Int {
    switch text.byte(at: start) {
    case Byte.minus, Byte.zero...UInt8(ascii: "9"): return try text.endOfNumber(from: start)
    case UInt8(ascii: "t") where text.hasLiteral("true", at: start): return start + 4
    case UInt8(ascii: "f") where text.hasLiteral("false", at: start): return start + 5
    case UInt8(ascii: "n") where text.hasLiteral("null", at: start): return start + 4
    default: throw text.unexpected(at: start)
    }
  }

  @inline(__always)
  private mutating func open(_ frame: Int, at position: Int) throws(JSONError) {
    guard frames.count < limits.maximumDepth else {
      throw JSONError(.tooDeep(maximumDepth: limits.maximumDepth), at: position)
    }
    frames.append(frame)
  }
}
