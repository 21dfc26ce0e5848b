extension [UInt8] {
  /// Appends `text` as a JSON string: quoted, with quote, backslash and control characters escaped.
  mutating func appendJSONString(_ text: String) {
    let bytes = text.utf8Span.span.bytes
    append(Byte.quote)
    var position = 0
    while true {
      let end = bytes.firstCharacterToEscape(from: position)
      append(bytes, from: position, to: end)
      if end == bytes.byteCount { break }
      appendEscaped(bytes.byte(at: end))
      position = end + 1
    }
    append(Byte.quote)
  }

  /// Appends the bytes between two offsets of `text`.
  mutating func append(_ text: RawSpan, from start: Int, to end: Int) {
    text.extracting(start..<end).withUnsafeBytes { append(contentsOf: $0) }
  }

  private mutating func appendEscaped(_ byte: UInt8) {
    switch byte {
    case Byte.newline: append(contentsOf: "\\n".utf8)
    case Byte.tab: append(contentsOf: "\\t".utf8)
    case Byte.carriageReturn: append(contentsOf: "\\r".utf8)
    case ..<Byte.space: appendUnicodeEscape(UInt32(byte))
    default:
      append(Byte.backslash)
      append(byte)
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
  /// The first offset from `start` on whose byte cannot stand in a string as itself, or the end.
  fileprivate func firstCharacterToEscape(from start: Int) -> Int {
    var position = start
    while position < byteCount {
      if let word = word(at: position) {
        let found = word.marksOfCharactersToEscape
        position += found.markedByte
        if found == 0 { continue }
        return position
      }
      let byte = byte(at: position)
      if byte < Byte.space || byte == Byte.quote || byte == Byte.backslash { return position }
      position += 1
    }
    return position
  }
}
