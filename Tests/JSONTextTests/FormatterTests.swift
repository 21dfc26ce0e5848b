import JSONText
import Testing

@Suite("Text is laid out for people")
struct FormatterTests {
  @Test("one member or element per line, empty containers on one, spelling kept")
  func laysOut() throws {
    let value = try JSONBytes(#" {"a":[1,{"b":[ ]}, { } ],"c":"x: {, \" [\u0041é","d":1.50e1} "#)
    #expect(
      value.formatted(indentation: 2) == #"""
        {
          "a": [
            1,
            {
              "b": []
            },
            {}
          ],
          "c": "x: {, \" [\u0041é",
          "d": 1.50e1
        }
        """#)
    #expect(try JSONBytes(" 1 ").formatted(indentation: 4) == "1")
  }

  @Test("characters that steer a terminal or reorder text come out as escapes")
  func escapesTerminalControls() throws {
    let value = try JSONBytes("[\"\u{7F}\u{9B}31m\u{202E}\u{2066}\u{200F}\u{A0}\u{2014}\"]")
    #expect(
      value.formatted(indentation: 0) == "[\n\"\\u007f\\u009b31m\\u202e\\u2066\\u200f\u{A0}\u{2014}\"\n]")
    #expect(try JSONBytes(value.formatted()).root.elements()[0].string() == value.root.elements()[0].string())
    let damaged = JSONBytes(unchecked: Array("[\"\u{1B}[31m\"\u{1B}]".utf8))
    #expect(!damaged.formatted().utf8.contains(0x1B))
  }
}
