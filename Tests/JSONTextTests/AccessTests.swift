import JSONText
import Testing

@Suite("Fields are read where they stand")
struct AccessTests {
  private let document = #"""
     {"ociVersion": "1.2.0", "process": {"args": ["sh", "-c", "echo \"hi\""],
       "terminal": true, "user": {"uid": 0}},
      "empty": {}, "none": null, "n\u0061me": "caf\u00e9", "limit": -9223372036854775808,
       "list": [ ] , "last": 1.5e3}
    """#

  private func reason(_ body: () throws(JSONError) -> Void) -> JSONError.Reason? {
    do throws(JSONError) {
      try body()
      return nil
    } catch {
      return error.reason
    }
  }

  @Test("members are found by name, also behind other values and under an escaped spelling")
  func findsMembers() throws {
    let root = try JSONBytes(document).root
    #expect(try root.member("ociVersion")?.string() == "1.2.0")
    #expect(try root.member("name")?.string() == "café")
    #expect(try root.member("last")?.double() == 1500)
    #expect(try root.member("limit")?.int64() == .min)
    #expect(try root.member("none")?.isNull == true)
    #expect(try root.member("n") == nil && root.member("") == nil && root.member("lastx") == nil)
    #expect(try root.member("n\\u0061me") == nil)
  }

  @Test("a path leads through objects; what is missing or null on the way is nil")
  func followsPaths() throws {
    let root = try JSONBytes(document).root
    #expect(try root.at("process", "user", "uid")?.uint64() == 0)
    #expect(
      try root.at("process", "args")?.elements().map { try $0.string() } == ["sh", "-c", "echo \"hi\""])
    #expect(try root.at()?.bytes == root.bytes)
    #expect(
      try root.at("missing", "x") == nil && root.at("none", "x", "y") == nil && root.at("empty", "x") == nil)
    #expect(
      reason { () throws(JSONError) in _ = try root.at("ociVersion", "x") }
        == .wrongKind(expected: .object, found: .string))
    #expect(
      reason { () throws(JSONError) in _ = try root.at("list", "x") }
        == .wrongKind(expected: .object, found: .array))
  }

  @Test("members and elements come in order, with their own text")
  func walks() throws {
    let root = try JSONBytes(document).root
    #expect(
      try root.members().map(\.key) == [
        "ociVersion", "process", "empty", "none", "name", "limit", "list", "last",
      ])
    #expect(try root.member("list")?.elements().isEmpty == true)
    #expect(try root.member("list")?.copy().text == "[ ]")
    #expect(try root.member("process")?.member("user")?.copy().text == #"{"uid": 0}"#)
    #expect(root.bytes.first == UInt8(ascii: "{") && root.bytes.last == UInt8(ascii: "}"))
    var found: [String] = []
    try root.forEachMember { (key, value) throws(JSONError) in
      if try key.isString("name") { found.append(try value.string()) }
    }
    #expect(found == ["café"])
  }

  @Test("every value says its kind, and refuses to be read as another")
  func checksKinds() throws {
    let values = try JSONBytes(#"[{}, [], "", 0, false, null]"#).root.elements()
    let kinds: [JSONView.Kind] = [.object, .array, .string, .number, .bool, .null]
    #expect(values.map(\.kind) == kinds)
    for (value, kind) in zip(values, kinds) {
      let reads: [(JSONView.Kind, () throws(JSONError) -> Void)] = [
        (.object, { () throws(JSONError) in _ = try value.members() }),
        (.object, { () throws(JSONError) in _ = try value.member("a") }),
        (.array, { () throws(JSONError) in _ = try value.elements() }),
        (.string, { () throws(JSONError) in _ = try value.string() }),
        (.number, { () throws(JSONError) in _ = try value.int64() }),
        (.number, { () throws(JSONError) in _ = try value.uint64() }),
        (.number, { () throws(JSONError) in _ = try value.double() }),
        (.bool, { () throws(JSONError) in _ = try value.bool() }),
      ]
      for (expected, read) in reads {
        #expect(reason(read) == (expected == kind ? nil : .wrongKind(expected: expected, found: kind)))
      }
      #expect(value.isNull == (kind == .null))
    }
  }

  @Test(
    "integers are read exactly or refused",
    arguments: [
      ("0", 0, 0), ("-0", 0, 0), ("9223372036854775807", .max, UInt64(Int64.max)), ("-1", -1, nil),
      ("9223372036854775808", nil, 1 << 63), ("18446744073709551615", nil, .max),
      ("18446744073709551616", nil, nil),
      ("-9223372036854775808", .min, nil), ("-9223372036854775809", nil, nil),
      ("99999999999999999999999", nil, nil),
      ("1.0", nil, nil), ("1e2", nil, nil),
    ] as [(String, Int64?, UInt64?)])
  func readsIntegers(_ text: String, _ signed: Int64?, _ unsigned: UInt64?) throws {
    let root = try JSONBytes(text).root
    let refusal: JSONError.Reason =
      text.contains(where: { ".e".contains($0) }) ? .notAnInteger : .numberOutOfRange
    var read: (signed: Int64?, unsigned: UInt64?)
    let signedReason = reason { () throws(JSONError) in read.signed = try root.int64() }
    let unsignedReason = reason { () throws(JSONError) in read.unsigned = try root.uint64() }
    #expect(read == (signed, unsigned))
    #expect(signedReason == (signed == nil ? refusal : nil))
    #expect(unsignedReason == (unsigned == nil ? refusal : nil))
  }

  @Test("doubles are the nearest, and never infinite")
  func readsDoubles() throws {
    for (text, value) in [
      ("0.1", 0.1), ("-2.5E-3", -0.0025), ("1e308", 1e308), ("5e-324", .leastNonzeroMagnitude),
      ("12345678901234567890", 12_345_678_901_234_567_168),
      ("1e-400", 0), ("17", 17),
    ] {
      #expect(try JSONBytes(text).root.double() == value)
    }
    for text in ["1e400", "-1e400", "1e999999999999"] {
      let root = try JSONBytes(text).root
      #expect(reason { () throws(JSONError) in _ = try root.double() } == .numberOutOfRange)
    }
  }

  @Test("equal text is an equal value, another spelling is another")
  func comparesText() throws {
    #expect(
      try JSONBytes("[1]") == JSONBytes("[1]") && JSONBytes("[1]").hashValue == JSONBytes("[1]").hashValue)
    #expect(try JSONBytes("[1]") != JSONBytes("[1] "))
  }
}
