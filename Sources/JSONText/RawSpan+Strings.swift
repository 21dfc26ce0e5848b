/// Strings inside JSON text: checking them, decoding them, comparing them.
extension RawSpan {
  /// Where the string whose first character is at `start` has its closing quote, and whether it has escapes.
  ///
  /// Every character is checked: UTF-8, escapes, surrogates, control characters.
  @inline(__always)
  func endOfString(from start: Int) throws(JSONError) -> (end: Int, hasEscapes: Bool) {
    var position = start
    var hasEscapes = false
    while true {
      if let word = word(at: position) {
        let found = word.marksOfUnusualCharacters
        position += found.markedByte
        if found == 0 { continue }
      }
      let byte = byte(at: position)
      switch byte {
      case Byte.quote: return (position, hasEscapes)
      case Byte.backslash:
        hasEscapes = true
        position = try escapedScalar(at: position).end
      case 0x80...: position = try endOfScalars(from: position)
      case Byte.space...: position += 1
      default:
        throw position >= byteCount ? unexpected(at: position) : JSONError(.controlCharacter, at: position)
      }
    }
  }

  /// The offset behind the run of multi-byte UTF-8 sequences that starts at `start`.
  private func endOfScalars(from start: Int) throws(JSONError) -> Int {
    var position = start
    while byte(at: position) >= 0x80 {
      let second = byte(at: position + 1)
      let length: Int
      // Table 3-7 of the Unicode Standard: no overlong forms, no surrogates, nothing above U+10FFFF.
      switch (byte(at: position), second) {
      case (0xC2...0xDF, 0x80...0xBF): length = 2
      case (0xE0, 0xA0...0xBF), (0xE1...0xEC, 0x80...0xBF), (0xED, 0x80...0x9F), (0xEE...0xEF, 0x80...0xBF):
        length = 3
      case (0xF0, 0x90...0xBF), (0xF1...0xF3, 0x80...0xBF), (0xF4, 0x80...0x8F): length = 4
      default: throw JSONError(.invalidUTF8, at: position)
      }
      for index in 2..<Swift.max(length, 2) where byte(at: position + index) & 0xC0 != 0x80 {
        throw JSONError(.invalidUTF8, at: position)
      }
      position += length
    }
    return position
  }

  /// The character that the escape at `position`, a backslash, stands for, and the offset behind it.
  func escapedScalar(at position: Int) throws(JSONError) -> (scalar: Unicode.Scalar, end: Int) {
    let simple: Unicode.Scalar
    switch byte(at: position + 1) {
    case Byte.quote: simple = "\""
    case Byte.backslash: simple = "\\"
    case Byte.slash: simple = "/"
    case UInt8(ascii: "b"): simple = "\u{8}"
    case UInt8(ascii: "f"): simple = "\u{C}"
    case UInt8(ascii: "n"): simple = "\n"
    case UInt8(ascii: "r"): simple = "\r"
    case UInt8(ascii: "t"): simple = "\t"
    case Byte.u: return try escapedCodePoint(at: position)
    default:
      throw position + 1 >= byteCount
        ? unexpected(at: position + 1) : JSONError(.invalidEscape, at: position)
    }
    return (simple, position + 2)
  }

  private func escapedCodePoint(at position: Int) throws(JSONError) -> (scalar: Unicode.Scalar, end: Int) {
    let first = try hexadecimalUnit(at: position)
    if let scalar = Unicode.Scalar(first) { return (scalar, position + 6) }
    guard first < 0xDC00, byte(at: position + 6) == Byte.backslash, byte(at: position + 7) == Byte.u else {
      throw JSONError(.loneSurrogate, at: position)
    }
    let second = try hexadecimalUnit(at: position + 6)
    guard second & 0xFC00 == 0xDC00,
      let scalar = Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + second & 0x3FF)
    else { throw JSONError(.loneSurrogate, at: position) }
    return (scalar, position + 12)
  }

  private func hexadecimalUnit(at position: Int) throws(JSONError) -> UInt32 {
    var unit: UInt32 = 0
    for offset in position + 2..<position + 6 {
      switch byte(at: offset) {
      case let digit where digit &- Byte.zero < 10: unit = unit << 4 | UInt32(digit - Byte.zero)
      case let digit where (digit | 0x20) &- 0x61 < 6: unit = unit << 4 | UInt32((digit | 0x20) - 0x57)
      default:
        throw offset >= byteCount ? unexpected(at: offset) : JSONError(.invalidEscape, at: position)
      }
    }
    return unit
  }

  /// The bytes of the string between two offsets with its escapes resolved.
  func unescapedString(from start: Int, to end: Int) throws(JSONError) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(end - start)
    var position = start
    while true {
      let backslash = firstBackslash(from: position, to: end)
      result.append(self, from: position, to: backslash)
      if backslash == end { return result }
      let escape = try escapedScalar(at: backslash)
      result.append(contentsOf: escape.scalar.utf8)
      position = Swift.min(escape.end, end)
    }
  }

  /// The first backslash between two offsets, or `end`.
  func firstBackslash(from start: Int, to end: Int) -> Int {
    var position = start
    while position < end {
      if let word = word(at: position) {
        let found = word.marks(of: Byte.backslash)
        position += found.markedByte
        if found == 0 { continue }
      }
      if byte(at: position) == Byte.backslash { break }
      position += 1
    }
    return Swift.min(position, end)
  }

  /// Whether the string between two offsets is `other` once its escapes are resolved.
  @inline(__always)
  func hasString(
    _ other: RawSpan, from start: Int, to end: Int, hasEscapes: Bool
  ) throws(JSONError) -> Bool {
    if !hasEscapes { return end - start == other.byteCount && hasBytes(other, at: start) }
    // An escape is always longer than what it stands for.
    guard end - start > other.byteCount else { return false }
    let unescaped = try unescapedString(from: start, to: end)
    return unescaped.count == other.byteCount && unescaped.span.bytes.hasBytes(other, at: 0)
  }

  /// Whether the `other.byteCount` bytes from `start` on are those of `other`, and all inside the span.
  @inline(__always)
  func hasBytes(_ other: RawSpan, at start: Int) -> Bool {
    guard start <= byteCount - other.byteCount else { return false }
    var index = 0
    while let word = other.word(at: index) {
      guard self.word(at: start + index) == word else { return false }
      index += 8
    }
    while index < other.byteCount {
      guard byte(at: start + index) == other.byte(at: index) else { return false }
      index += 1
    }
    return true
  }
}
