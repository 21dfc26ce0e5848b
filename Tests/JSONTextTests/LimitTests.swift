import JSONText
import Testing

@Suite("Size, depth and keys are limited")
struct LimitTests {
  private func nested(_ depth: Int) -> [UInt8] {
    Array(repeating: UInt8(ascii: "["), count: depth) + Array(repeating: UInt8(ascii: "]"), count: depth)
  }

  @Test("a text as large as the limit is accepted, one byte more is refused unread")
  func limitsSize() {
    let limits = JSONLimits(maximumBytes: 4)
    #expect(refusal(of: Array("true".utf8), limits: limits) == nil)
    #expect(refusal(of: Array("?????".utf8), limits: limits)?.reason == .tooLarge(maximumBytes: 4))
    #expect(JSONLimits.standard.maximumBytes == 16 << 20)
  }

  @Test("128 levels are accepted and 129 refused, in arrays and objects")
  func limitsDepth() {
    #expect(refusal(of: nested(128)) == nil)
    #expect(refusal(of: nested(129))?.reason == .tooDeep(maximumDepth: 128))
    #expect(refusal(of: nested(129))?.byteOffset == 128)
    let objects = Array(String(repeating: "{\"a\":", count: 129).utf8)
    #expect(refusal(of: objects)?.reason == .tooDeep(maximumDepth: 128))
    #expect(refusal(of: Array("1".utf8), limits: JSONLimits(maximumDepth: 0)) == nil)
    #expect(
      refusal(of: Array("[]".utf8), limits: JSONLimits(maximumDepth: 0))?.reason == .tooDeep(maximumDepth: 0))
  }

  @Test("a million levels are refused by the limit, and read without recursion where it allows them")
  func survivesDepth() throws {
    let deep = nested(1_000_000)
    #expect(refusal(of: deep)?.reason == .tooDeep(maximumDepth: 128))
    let value = try JSONBytes(deep, limits: JSONLimits(maximumDepth: 1_000_000))
    #expect(try value.root.elements().first?.bytes.count == 1_999_998)
    let opened = JSONBytes(unchecked: Array(deep[..<1_000_000]))
    #expect(throws: JSONError.self) { try opened.root.elements() }
  }

  @Test("the layout of deep text grows with its length, not with its length times its depth")
  func laysOutDeepText() {
    let levels = 20_000
    let text = JSONBytes(unchecked: nested(levels)).formatted(indentation: 2)
    #expect(text.utf8.count < 2 * levels * 131)
  }

  @Test("a string of ten megabytes is read whole")
  func readsLongStrings() throws {
    let long = String(repeating: "0123456789abcde\n", count: 10 << 16)
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("long", long)
    writer.member("after", 1)
    writer.endObject()
    let value = try JSONBytes(writer.finish().bytes)
    #expect(try value.root.member("long")?.string() == long)
    #expect(try value.root.member("after")?.int64() == 1)
    let digits = try JSONBytes(String(repeating: "9", count: 1_000_000))
    #expect(throws: JSONError.self) { try digits.root.int64() }
    #expect(throws: JSONError.self) { try digits.root.double() }
  }

  @Test(
    "a key that one object holds twice is refused, whatever its spelling",
    arguments: [
      (#"{"a":1,"a":1}"#, 8), (#"{"a":1,"\u0061":1}"#, 8), (#"{"\u0061":1,"b":2,"\u0061":1}"#, 19),
      (#"{"\u0061":1,"a":1}"#, 13), (#"[{"x":{"a":{},"a":1}}]"#, 15), (#"{"":1,"":2}"#, 7),
      (#"{"12345678":1,"12345678":2}"#, 15), (#"{"é😀 long enough":1,"é😀 long enough":1}"#, 25),
      (#"{"a":1,"b":{"c":1,"d":2},"a":1}"#, 26),
    ])
  func refusesDuplicates(_ text: String, _ byteOffset: Int) throws {
    let error = try #require(refusal(of: Array(text.utf8)), "\(text) was accepted")
    #expect(error.reason == .duplicateKey && error.byteOffset == byteOffset, "\(text): \(error)")
    #expect(refusal(of: Array(text.utf8), limits: JSONLimits(allowsDuplicateKeys: true)) == nil)
  }

  @Test("one key in different objects is no duplicate")
  func acceptsKeysOfOtherObjects() {
    #expect(refusal(of: Array(#"{"a":{"a":{"a":1},"b":{"a":1}},"b":{"a":1}}"#.utf8)) == nil)
    #expect(refusal(of: Array(#"{"ab":1,"a":1,"b":1,"a\u0000":1,"":1,"A":1}"#.utf8)) == nil)
  }

  @Test("a duplicate among a hundred thousand keys is found, and none is where there is none")
  func findsDuplicatesAmongMany() throws {
    func object(_ keys: some Sequence<Int>) -> [UInt8] {
      Array(("{" + keys.map { "\"key number \($0)\":\($0)" }.joined(separator: ",") + "}").utf8)
    }
    #expect(refusal(of: object(0..<100_000)) == nil)
    #expect(refusal(of: object(Array(0..<100_000) + [4711]))?.reason == .duplicateKey)
    #expect(refusal(of: object(Array(0..<17) + [16]))?.reason == .duplicateKey)
    #expect(refusal(of: object(Array(0..<16))) == nil)
  }

  @Test("reading an object with a key twice finds the first")
  func readsTheFirstOfTwo() throws {
    let value = try JSONBytes(#"{"a":1,"a":2}"#, limits: JSONLimits(allowsDuplicateKeys: true))
    #expect(try value.root.member("a")?.int64() == 1)
  }
}
