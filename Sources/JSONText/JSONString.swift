extension [UInt8] {
  /// Appends `text` as a JSON string: quoted, with quote, backslash and control characters escaped.
  mutating func appendJSONString(_ text: String) {
    let span = text.utf8Span.span
    append(Byte.quote)
    if span.bytes.needsNoEscape {
      append(contentsOf: text.utf8)
    } else {
      for index in span.indices { appendEscaped(span[index]) }
    }
    append(Byte.quote)
  }

  private mutating func appendEscaped(_ byte: UInt8) {
    switch byte {
    case Byte.quote, Byte.backslash:
      append(Byte.backslash)
      append(byte)
    case Byte.newline: append(contentsOf: "\\n".utf8)
    case Byte.tab: append(contentsOf: "\\t".utf8)
    case Byte.carriageReturn: append(contentsOf: "\\r".utf8)
    case ..<Byte.space: appendUnicodeEscape(UInt32(byte))
    default: append(byte)
    }
  }

  /// Appends `\u` and four hexadecimal digits.
  mutating func appendUnicodeEscape(_ unit: UInt32) {
    append(contentsOf: "\\u".utf8)
    for shift in [12, 8, 4, 0] as [UInt32] {
      let digit = UInt8(truncatingIfNeeded: unit >> shift & 0xF)
      append(digit < 10 ? Byte.zero + digit : UInt8(ascii: "a") + digit - 10)
    }
  }
}

extension RawSpan {
  /// Whether the bytes can stand between quotes as they are.
  fileprivate var needsNoEscape: Bool {
    var position = 0
    while position < byteCount {
      if let word = word(at: position) {
        guard word.marksOfCharactersToEscape == 0 else { return false }
        position += 8
        continue
      }
      let byte = byte(at: position)
      guard byte >= Byte.space, byte != Byte.quote, byte != Byte.backslash else { return false }
      position += 1
    }
    return true
  }
}
