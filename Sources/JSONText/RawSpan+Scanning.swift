/// Reading JSON text forward, from offset to offset; nothing reads outside the span.
extension RawSpan {
  /// The byte at `position`, or 0 behind the end, which is a byte that JSON text cannot hold.
  @inline(__always)
  func byte(at position: Int) -> UInt8 {
    // SAFETY: the comparison of bit patterns also refuses negative offsets.
    guard UInt(bitPattern: position) < UInt(bitPattern: byteCount) else { return 0 }
    return unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
  }

  /// The eight bytes from `position` on, the first in the lowest bits, or nil where fewer are left.
  @inline(__always)
  func word(at position: Int) -> UInt64? {
    // SAFETY: `position` is never negative here and at least eight bytes are left.
    guard position >= 0, position <= byteCount - 8 else { return nil }
    return UInt64(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self))
  }

  /// The fewer than eight bytes that are left from `position` on, the first in the lowest bits.
  func shortWord(at position: Int) -> UInt64 {
    var word: UInt64 = 0
    for offset in 0..<8 { word |= UInt64(byte(at: position + offset)) << UInt64(offset * 8) }
    return word
  }

  /// Whether the byte at `position` is one of JSON's four kinds of white space.
  @inline(__always)
  func isWhitespace(at position: Int) -> Bool {
    switch byte(at: position) {
    case Byte.space, Byte.newline, Byte.tab, Byte.carriageReturn: true
    default: false
    }
  }

  /// The first offset from `position` on that is not white space.
  @inline(__always)
  func skippingWhitespace(from position: Int) -> Int {
    byte(at: position) > Byte.space ? position : skippingRunOfWhitespace(from: position)
  }

  private func skippingRunOfWhitespace(from start: Int) -> Int {
    var position = start
    while isWhitespace(at: position) {
      position += 1
      // Indentation comes in runs of one character.
      while let word = word(at: position), word == .repeating(Byte.space) || word == .repeating(Byte.tab) {
        position += 8
      }
    }
    return position
  }

  /// Whether the bytes from `position` on are those of `literal`.
  @inline(__always)
  func hasLiteral(_ literal: StaticString, at position: Int) -> Bool {
    for index in 0..<literal.utf8CodeUnitCount
    where byte(at: position + index) != literal.utf8Start[index] {
      return false
    }
    return true
  }

  /// The error that the byte at `position` cannot stand there, or that there is none.
  func unexpected(at position: Int) -> JSONError {
    JSONError(position >= byteCount ? .unexpectedEnd : .unexpectedByte, at: Swift.min(position, byteCount))
  }
}

/// Checked scanning: every byte passed over is known to be right.
extension RawSpan {
  /// The offset behind the number that starts at `start`.
  func endOfNumber(from start: Int) throws(JSONError) -> Int {
    var position = start
    if byte(at: position) == Byte.minus { position += 1 }
    let integer = position
    position = try endOfDigits(from: position)
    guard byte(at: integer) != Byte.zero || position == integer + 1 else {
      throw JSONError(.invalidNumber, at: integer)
    }
    if byte(at: position) == Byte.point { position = try endOfDigits(from: position + 1) }
    if byte(at: position) | 0x20 == Byte.e {
      position += 1
      if byte(at: position) == Byte.plus || byte(at: position) == Byte.minus { position += 1 }
      position = try endOfDigits(from: position)
    }
    return position
  }

  @inline(__always)
  private func endOfDigits(from start: Int) throws(JSONError) -> Int {
    var position = start
    while byte(at: position) &- Byte.zero < 10 { position += 1 }
    guard position > start else {
      throw position >= byteCount ? unexpected(at: position) : JSONError(.invalidNumber, at: position)
    }
    return position
  }
}

/// Skipping over what is known to be valid: faster, blind to damage inside, and as safe.
extension RawSpan {
  /// The offset behind the value that starts at `start`.
  func skippingValue(from start: Int) throws(JSONError) -> Int {
    switch byte(at: start) {
    case Byte.quote: return try skippingString(from: start + 1).end + 1
    case Byte.openBrace, Byte.openBracket: return try skippingContainer(from: start)
    default: break
    }
    var position = start
    while !endsScalar(byte(at: position)) { position += 1 }
    guard position > start else { throw unexpected(at: start) }
    return position
  }

  /// Where the string whose first character is at `start` has its closing quote, and whether it has escapes.
  @inline(__always)
  func skippingString(from start: Int) throws(JSONError) -> (end: Int, hasEscapes: Bool) {
    var position = start
    var hasEscapes = false
    while true {
      if let word = word(at: position) {
        let found = word.marks(of: Byte.quote) | word.marks(of: Byte.backslash)
        position += found.markedByte
        if found == 0 { continue }
      }
      switch byte(at: position) {
      case Byte.quote: return (position, hasEscapes)
      case Byte.backslash:
        hasEscapes = true
        position += 2
      default:
        guard position < byteCount else { throw unexpected(at: position) }
        position += 1
      }
    }
  }

  private func skippingContainer(from start: Int) throws(JSONError) -> Int {
    var position = start
    var depth = 0
    while true {
      if let word = word(at: position) {
        // Square and curly brackets differ in this one bit only.
        let folded = word | .repeating(0x20)
        let found =
          word.marks(of: Byte.quote) | folded.marks(of: Byte.openBrace) | folded.marks(of: Byte.closeBrace)
        position += found.markedByte
        if found == 0 { continue }
      }
      switch byte(at: position) {
      case Byte.quote: position = try skippingString(from: position + 1).end
      case Byte.openBrace, Byte.openBracket: depth += 1
      case Byte.closeBrace, Byte.closeBracket:
        depth -= 1
        if depth == 0 { return position + 1 }
      default: guard position < byteCount else { throw unexpected(at: position) }
      }
      position += 1
    }
  }

  private func endsScalar(_ byte: UInt8) -> Bool {
    switch byte {
    case Byte.comma, Byte.closeBrace, Byte.closeBracket, Byte.colon, Byte.quote: true
    default: byte <= Byte.space
    }
  }
}
