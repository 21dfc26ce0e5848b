import JSONText
import Testing

/// What is wrong with `bytes`, or nil where they are valid JSON.
func refusal(of bytes: [UInt8], limits: JSONLimits = .standard) -> JSONError? {
  do throws(JSONError) {
    _ = try JSONBytes(bytes, limits: limits)
    return nil
  } catch {
    return error
  }
}

@Suite("JSON is accepted and refused as RFC 8259 says")
struct ValidationTests {
  @Test(
    "valid texts are accepted and kept byte for byte",
    arguments: [
      "0", "-0", "1", "-12", "10", "1.5", "0.0", "-0.1e10", "1E5", "1e+5", "1e-05", "0e0",
      "123456789012345678901234567890",
      "1e400", "true", "false", "null", #""""#, #""a""#, #""\"\\\/\b\f\n\r\t\u0000\u00e9\uD834\uDd1e""#,
      #""é😀""#,
      "\"\u{7F}\u{FFFF}\u{10FFFF}\u{FEFF}\"", #""12345678\n""#, #""1234567\u0041""#, "[]", "[ ]", "[[]]",
      "[[],{}]",
      "[1,2]", " [ 1 , 2 ] ", "{}", "{ }", #"{"":0}"#, #"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#,
      "\t\n\r {\n\t\"a\" :\r\n[ ] ,\"b\":null}\n", #"[null,true,false,"null",-1]"#,
      "{\n                \"a\": 1,\n\t\t\t\t\t\t\t\t\t\"b\": 2\n}",
    ])
  func accepts(_ text: String) throws {
    #expect(try JSONBytes(text).bytes == Array(text.utf8))
    #expect(try JSONBytes(text).text == text)
  }

  @Test(
    "invalid texts are refused with the reason and its offset",
    arguments: [
      ("", .unexpectedEnd, 0), (" \n", .unexpectedEnd, 2), ("[", .unexpectedEnd, 1),
      ("[1", .unexpectedEnd, 2),
      ("[1,", .unexpectedEnd, 3), ("{", .unexpectedEnd, 1), ("{\"a", .unexpectedEnd, 3),
      ("{\"a\"", .unexpectedEnd, 4),
      ("{\"a\":", .unexpectedEnd, 5), ("{\"a\":1", .unexpectedEnd, 6), ("{\"a\":1,", .unexpectedEnd, 7),
      ("\"abcdefgh", .unexpectedEnd, 9), ("\"a\\", .unexpectedEnd, 3), ("\"\\u00", .unexpectedEnd, 5),
      ("-", .unexpectedEnd, 1), ("1.", .unexpectedEnd, 2), ("1e", .unexpectedEnd, 2),
      ("1e+", .unexpectedEnd, 3),
      ("[1,]", .unexpectedByte, 3), ("[,1]", .unexpectedByte, 1), ("[1 2]", .unexpectedByte, 3),
      ("[1}", .unexpectedByte, 2),
      ("[1,,2]", .unexpectedByte, 3), ("{]", .unexpectedByte, 1), ("{\"a\":1]", .unexpectedByte, 6),
      ("]", .unexpectedByte, 0),
      ("{,}", .unexpectedByte, 1), ("{\"a\":1,}", .unexpectedByte, 7), ("{a:1}", .unexpectedByte, 1),
      ("{'a':1}", .unexpectedByte, 1), ("{1:1}", .unexpectedByte, 1), ("{\"a\" 1}", .unexpectedByte, 5),
      ("{\"a\"}", .unexpectedByte, 4), ("{\"a\":}", .unexpectedByte, 5), ("{\"a\"::1}", .unexpectedByte, 5),
      ("{\"a\":1 \"b\":2}", .unexpectedByte, 7), ("{[]:1}", .unexpectedByte, 1),
      ("{\"a\":1,1}", .unexpectedByte, 7),
      ("tru", .unexpectedByte, 0), ("True", .unexpectedByte, 0), ("nul", .unexpectedByte, 0),
      ("nan", .unexpectedByte, 0),
      ("Infinity", .unexpectedByte, 0), ("'a'", .unexpectedByte, 0), ("+1", .unexpectedByte, 0),
      (".5", .unexpectedByte, 0),
      ("/* c */1", .unexpectedByte, 0), ("[1]//c", .trailingContent, 3), ("1 2", .trailingContent, 2),
      ("{}}", .trailingContent, 2), ("truex", .trailingContent, 4), ("\"a\"x", .trailingContent, 3),
      ("0x1", .trailingContent, 1),
      ("[]\u{0}", .trailingContent, 2), ("[1\u{A0}]", .unexpectedByte, 2), ("[\u{B}1]", .unexpectedByte, 1),
      ("[\t\u{B}\u{B}\u{B}\u{B}\u{B}\u{B}\u{B}\u{B}1]", .unexpectedByte, 2),
      ("\u{0}", .unexpectedByte, 0), ("01", .invalidNumber, 0), ("-01", .invalidNumber, 1),
      ("-a", .invalidNumber, 1),
      ("[1.a]", .invalidNumber, 3), ("[1.]", .invalidNumber, 3), ("[1e]", .invalidNumber, 3),
      ("[1e+]", .invalidNumber, 4),
      ("[--1]", .invalidNumber, 2), ("1.5.5", .trailingContent, 3), ("1e5.5", .trailingContent, 3),
      ("\"a\nb\"", .controlCharacter, 2), ("\"\u{0}\"", .controlCharacter, 1),
      ("\"abcdefghijk\u{1F}\"", .controlCharacter, 12),
      ("\"\\a\"", .invalidEscape, 1), ("\"\\u12G4\"", .invalidEscape, 1), ("\"\\U0041\"", .invalidEscape, 1),
      ("\"\\x41\"", .invalidEscape, 1), ("\"\\u+041\"", .invalidEscape, 1),
      ("\"\\ud800\"", .loneSurrogate, 1),
      ("\"\\udc00\"", .loneSurrogate, 1), ("\"\\ud800\\u0041\"", .loneSurrogate, 1),
      ("\"\\ud800\\ud800\"", .loneSurrogate, 1),
      ("\"\\ud800x\"", .loneSurrogate, 1), ("\u{FEFF}1", .byteOrderMark, 0), ("\u{FEFF}", .byteOrderMark, 0),
    ] as [(String, JSONError.Reason, Int)])
  func refuses(_ text: String, _ reason: JSONError.Reason, _ byteOffset: Int) throws {
    let error = try #require(refusal(of: Array(text.utf8)), "\(text) was accepted")
    #expect(error.reason == reason && error.byteOffset == byteOffset, "\(text): \(error)")
  }

  @Test(
    "strings that are not UTF-8 are refused wherever they stand",
    arguments: [
      [0x80], [0xBF], [0xC0, 0xAF], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0xAF],
      [0xE0, 0x9F, 0xBF],
      [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0xAF],
      [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
      [0xFE], [0xFF],
      [0xE2, 0x82, 0xC2, 0xA9],
    ] as [[UInt8]])
  func refusesInvalidUTF8(_ bytes: [UInt8]) {
    for prefix in 0..<10 {
      let text = Array("[\"".utf8) + Array(repeating: UInt8(ascii: "x"), count: prefix) + bytes
      for suffix in ["", "\"]", "xxxxxxxxx\"]"] {
        #expect(refusal(of: text + Array(suffix.utf8)) != nil, "accepted \(bytes) behind \(prefix)")
      }
      #expect(refusal(of: text + Array("\"]".utf8))?.reason == .invalidUTF8)
    }
  }

  @Test("every prefix of a valid text is refused, and none is read past its end")
  func refusesPrefixes() throws {
    let text = Array(#"{"a":[1.5e3,true,null,"\u00e9\ud83d\ude00é"],"b":{"c":"x"},"d":false}"#.utf8)
    #expect(refusal(of: text) == nil)
    for count in 0..<text.count {
      #expect(refusal(of: Array(text[..<count])) != nil, "accepted the first \(count) bytes")
    }
  }

  @Test("an error says what, where, and repeats nothing of the text")
  func describesErrors() throws {
    let error = try #require(refusal(of: Array(#"{"secret":"a","secret":"b"}"#.utf8)))
    #expect(
      error.description == "JSON at byte 15: a key that this object already has; keys must be distinct.")
    let kind = try #require(throws: JSONError.self) { try JSONBytes("[1]").root.member("a") }
    #expect(kind.description == "JSON at byte 0: array where object was expected.")
  }
}
