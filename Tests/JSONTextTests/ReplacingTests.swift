import JSONText
import StoreTestSupport
import Testing

@Suite("One member is replaced and nothing else")
struct ReplacingTests {
  private func replace(
    _ path: [String], in text: String, with value: String, limits: JSONLimits = .standard
  ) throws(JSONError) -> String {
    try JSONBytes(text).replacing(path, with: JSONBytes(value), limits: limits).text
  }

  @Test("the value changes, every other byte stays")
  func replaces() throws {
    let text = " {\"a\" : 1 ,\t\"b\":{ \"c\":[1, 2 ],\"d\":\"\\u0041\" }\n} "
    #expect(
      try replace(["a"], in: text, with: " [7] ")
        == " {\"a\" : [7] ,\t\"b\":{ \"c\":[1, 2 ],\"d\":\"\\u0041\" }\n} ")
    #expect(
      try replace(["b", "c"], in: text, with: "null")
        == " {\"a\" : 1 ,\t\"b\":{ \"c\":null,\"d\":\"\\u0041\" }\n} ")
    #expect(try replace(["b"], in: text, with: "0") == " {\"a\" : 1 ,\t\"b\":0\n} ")
    #expect(try replace([], in: text, with: "0") == " 0 ")
  }

  @Test("a missing last member is added behind the others")
  func adds() throws {
    #expect(try replace(["b"], in: "{ \"a\" : 1 }", with: "2") == "{ \"a\" : 1,\"b\":2 }")
    #expect(try replace(["a"], in: "{ }", with: "2") == "{\"a\":2 }")
    #expect(try replace(["a", "q\""], in: "{\"a\":{}}", with: "[]") == "{\"a\":{\"q\\\"\":[]}}")
  }

  @Test("a path that does not lead through objects is refused")
  func refusesPaths() throws {
    #expect(throws: JSONError.self) { try replace(["a", "b"], in: "{}", with: "1") }
    #expect(throws: JSONError.self) { try replace(["a", "b"], in: #"{"a":[]}"#, with: "1") }
    #expect(throws: JSONError.self) { try replace(["a"], in: "[]", with: "1") }
    let error = #expect(throws: JSONError.self) { try replace(["x", "y"], in: #"{"a":1}"#, with: "1") }
    #expect(error?.reason == .missingMember)
  }

  @Test("a result beyond the limits is refused")
  func limitsResult() throws {
    let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    let error = #expect(throws: JSONError.self) { try replace(["a"], in: "{}", with: deep) }
    #expect(error?.reason == .tooDeep(maximumDepth: 128))
    #expect(throws: JSONError.self) {
      try replace(["a"], in: "{}", with: "12345", limits: JSONLimits(maximumBytes: 10))
    }
  }

  @Test("in random objects all other members keep their bytes", arguments: SeededGenerator.seeds)
  func keepsOthers(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<200 {
      guard case .object(let members) = RandomValue(depth: 3, &generator),
        let chosen = members.randomElement(using: &generator)
      else { continue }
      var writer = JSONWriter()
      RandomValue.object(members).write(&writer)
      let before = writer.finish()
      let after = try before.replacing([chosen.key], with: JSONBytes("\"replaced\""))
      for (old, new) in zip(try before.root.members(), try after.root.members()) {
        #expect(old.key == new.key, "seed \(seed) round \(round)")
        let expected = old.key == chosen.key ? Array("\"replaced\"".utf8) : old.value.bytes
        #expect(new.value.bytes == expected, "seed \(seed) round \(round)")
      }
    }
  }
}
