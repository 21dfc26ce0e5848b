internal import StateModel
internal import Testing

@Suite("Ids, names and text for terminals")
struct IdentifierTests {
  static let good = [
    "a", "Z", "0", "a.b", "a-b", "a_b", "a..", "9--__..", String(repeating: "f", count: 64),
    String(repeating: "x", count: 128),
  ]

  @Test("1 to 128 of letters, digits, '_', '.' and '-', the first alphanumeric, are an id", arguments: good)
  func goodID(text: String) throws {
    let id = try ContainerID(text)
    #expect((id.rawValue, id.description, id.short) == (text, text, String(text.prefix(12))))
    #expect(Identifier.isValid(text, maximumLength: Identifier.maximumNameLength))
  }

  static let bad = [
    "_a", ".a", "-a", ".", "..", "../x", "a/b", "a b", "a\n", "a\0", "\0", "%", "a%", "\\", "é", "e\u{301}",
    "🙂",
    "a\u{202E}", "\u{1B}[0m", "１", "a:b", String(repeating: "x", count: 129),
    String(repeating: "x", count: 10_000),
  ]

  @Test("everything else is `invalidArgument`, said in plain ASCII", arguments: bad)
  func badID(text: String) {
    let error = #expect(throws: StoreError.self) { try ContainerID(text) }
    #expect(error?.code == .invalidArgument)
    #expect(
      error?.description.unicodeScalars.allSatisfy { $0.isASCII && $0.value >= 0x20 || $0 == "…" } == true)
  }

  @Test("an empty id is `emptyID`")
  func empty() {
    #expect(#expect(throws: StoreError.self) { try ContainerID("") }?.code == .emptyID)
  }

  @Test("of all characters, and at every place, those of the grammar are allowed and no others")
  func everyCharacter() {
    for value in UInt8.min...UInt8.max {
      let scalar = Unicode.Scalar(value)
      let isLetter = scalar.isASCII && scalar.properties.isAlphabetic
      let isFirst = isLetter || ("0"..."9").contains(scalar)
      for place in [0, 1, 15, 16, 40] {
        var text = String.UnicodeScalarView(repeatElement("a", count: 41))
        text.replaceSubrange(
          text.index(text.startIndex, offsetBy: place)...text.index(text.startIndex, offsetBy: place),
          with: [scalar])
        let isAllowed = isFirst || place > 0 && ["_", ".", "-"].contains(scalar)
        #expect(Identifier.isValid(String(text), maximumLength: 64) == isAllowed, "\(value) at \(place)")
      }
    }
  }

  @Test("a name has the same letters and up to 255 of them")
  func names() throws {
    for name in Self.good + [String(repeating: "n", count: 255)] { try Identifier.checkName(name) }
    for name in Self.bad + ["", String(repeating: "n", count: 256)] where name.utf8.count != 129 {
      let error = #expect(throws: StoreError.self) { try Identifier.checkName(name) }
      #expect(error?.code == .invalidArgument)
    }
  }

  @Test("ids are ordered bytewise: digits, capitals, small letters")
  func order() throws {
    let texts = ["-", ".", "0", "9", "A", "Z", "_", "a", "z"].map { "a" + $0 }
    let ids = try texts.map { try ContainerID($0) }
    #expect(ids.shuffled().sorted() == ids)
    #expect(try ContainerID("a") < ContainerID("a-"))
  }

  @Test("printable escapes what could move a cursor or hide characters, and cuts to its limit")
  func printableText() {
    let table: [(String, String)] = [
      ("plain text", "plain text"), ("", ""), ("a\nb", "a\\u{a}b"), ("\u{1B}[2J", "\\u{1b}[2J"),
      ("\u{7F}\0", "\\u{7f}\\u{0}"), ("é", "\\u{e9}"), ("🙂", "\\u{1f642}"), ("\u{202E}x", "\\u{202e}x"),
    ]
    for (text, shown) in table { #expect(printable(text) == shown) }
    #expect(printable("abcdef", limit: 3) == "abc…")
    #expect(printable("abc", limit: 3) == "abc")
    #expect(printable(String(repeating: "\n", count: 100_000)).utf8.count < 64 * 5 + 10)
  }
}
