/// The bytes that mean something in JSON text.
enum Byte {
  static let tab = UInt8(ascii: "\t")
  static let newline = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let quote = UInt8(ascii: "\"")
  static let backslash = UInt8(ascii: "\\")
  static let slash = UInt8(ascii: "/")
  static let comma = UInt8(ascii: ",")
  static let colon = UInt8(ascii: ":")
  static let openBrace = UInt8(ascii: "{")
  static let closeBrace = UInt8(ascii: "}")
  static let openBracket = UInt8(ascii: "[")
  static let closeBracket = UInt8(ascii: "]")
  static let minus = UInt8(ascii: "-")
  static let plus = UInt8(ascii: "+")
  static let point = UInt8(ascii: ".")
  static let zero = UInt8(ascii: "0")
  static let e = UInt8(ascii: "e")
  static let u = UInt8(ascii: "u")
}

/// Eight bytes looked at in one step.
extension UInt64 {
  /// A word whose eight bytes are all `byte`.
  @inline(__always)
  static func repeating(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }

  /// The top bit of each byte that equals `byte`; bytes above the lowest such one may be marked wrongly.
  @inline(__always)
  func marks(of byte: UInt8) -> UInt64 {
    let difference = self ^ .repeating(byte)
    return (difference &- .repeating(0x01)) & ~difference & .repeating(0x80)
  }

  /// The top bit of each byte that cannot stand in a string as itself, with the same reservation.
  @inline(__always)
  var marksOfCharactersToEscape: UInt64 {
    let controls = (self &- .repeating(Byte.space)) & ~self & .repeating(0x80)
    return controls | marks(of: Byte.quote) | marks(of: Byte.backslash)
  }

  /// The top bit of each byte to escape or that is not ASCII, with the same reservation.
  @inline(__always)
  var marksOfUnusualCharacters: UInt64 { marksOfCharactersToEscape | (self & .repeating(0x80)) }

  /// The index of the lowest marked byte, or 8 where none is.
  @inline(__always)
  var markedByte: Int { trailingZeroBitCount >> 3 }
}
