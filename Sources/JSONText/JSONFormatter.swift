extension JSONBytes {
  /// The text laid out for people: one member or element per line.
  ///
  /// Numbers and strings keep their spelling, except that characters a terminal would obey or that reorder
  /// what is seen become escapes. Text that was damaged comes out as it is, laid out as far as it can be.
  ///
  /// - Parameter indentation: spaces per level, 0 or more; beyond 64 levels it grows no further.
  /// - Returns: the text without a newline at its end.
  public func formatted(indentation: Int = 2) -> String {
    precondition(indentation >= 0, "indentation is not negative")
    var formatter = JSONFormatter(indentation: indentation)
    return formatter.format(bytes.span.bytes)
  }
}

/// Lays out JSON text by its tokens alone, which is why it needs no valid text.
struct JSONFormatter {
  private let indentation: Int
  private var depth = 0
  private var output: [UInt8] = []

  /// Keeps deep text from growing by its depth times its length.
  private static let deepestIndentedLevel = 64

  init(indentation: Int) {
    self.indentation = indentation
  }

  mutating func format(_ text: RawSpan) -> String {
    output.reserveCapacity(text.byteCount * 2)
    var position = text.skippingWhitespace(from: 0)
    while position < text.byteCount {
      position = passToken(text, at: position)
      position = text.skippingWhitespace(from: position)
    }
    return String(decoding: output, as: UTF8.self)
  }

  private mutating func passToken(_ text: RawSpan, at position: Int) -> Int {
    let byte = text.byte(at: position)
    switch byte {
    case Byte.quote: return passString(text, at: position)
    case Byte.openBrace, Byte.openBracket:
      output.append(byte)
      let next = text.skippingWhitespace(from: position + 1)
      // Both closing brackets are two above their opening ones.
      if text.byte(at: next) == byte + 2 {
        output.append(byte + 2)
        return next + 1
      }
      depth += 1
      startLine()
    case Byte.closeBrace, Byte.closeBracket:
      depth = max(0, depth - 1)
      startLine()
      output.append(byte)
    case Byte.comma:
      output.append(byte)
      startLine()
    case Byte.colon:
      output.append(byte)
      output.append(Byte.space)
    case Byte.space..<0x7F: output.append(byte)
    default: output.appendUnicodeEscape(UInt32(byte))
    }
    return position + 1
  }

  private mutating func startLine() {
    output.append(Byte.newline)
    let width = min(depth, Self.deepestIndentedLevel) * indentation
    output.append(contentsOf: repeatElement(Byte.space, count: width))
  }

  private mutating func passString(_ text: RawSpan, at start: Int) -> Int {
    output.append(Byte.quote)
    var position = start + 1
    while position < text.byteCount {
      let byte = text.byte(at: position)
      if let unit = text.unitToHide(at: position) {
        output.appendUnicodeEscape(unit)
        position += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3
        continue
      }
      output.append(byte)
      position += 1
      if byte == Byte.quote { return position }
      guard byte == Byte.backslash, position < text.byteCount else { continue }
      output.append(text.byte(at: position))
      position += 1
    }
    return position
  }
}

extension RawSpan {
  /// The character at `position` when it would steer the terminal or reorder what is seen, else nil.
  @inline(__always)
  fileprivate func unitToHide(at position: Int) -> UInt32? {
    switch byte(at: position) {
    case ..<Byte.space, 0x7F: UInt32(byte(at: position))
    case 0xC2 where 0x80..<0xA0 ~= byte(at: position + 1): UInt32(byte(at: position + 1))
    case 0xE2: directionalUnit(at: position)
    default: nil
    }
  }

  /// U+200E, U+200F, U+202A to U+202E and U+2066 to U+2069 change the direction of what follows.
  private func directionalUnit(at position: Int) -> UInt32? {
    let third = byte(at: position + 2)
    guard third & 0xC0 == 0x80, byte(at: position + 1) & 0xC0 == 0x80 else { return nil }
    let unit = 0x2000 | UInt32(byte(at: position + 1) & 0x3F) << 6 | UInt32(third & 0x3F)
    switch unit {
    case 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: return unit
    default: return nil
    }
  }
}
