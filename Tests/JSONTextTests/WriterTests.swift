import JSONText
import Testing

@Suite("The writer writes valid JSON or traps")
struct WriterTests {
  @Test("members of every type are written, nil ones left out")
  func writesMembers() throws {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("string", "a\"\\/\n\u{1}é")
    writer.member("missing", nil as String?)
    writer.member("no number", nil as Int?)
    writer.member("integer", Int64.min)
    writer.member("unsigned", UInt64.max)
    writer.member("bool", true)
    writer.member("strings", ["a", "b"])
    writer.member("labels", ["z": "1", "a": "2"])
    writer.member("raw", try JSONBytes(" [ 1 ] "))
    writer.member("view", try JSONBytes(#"{"a":[true]}"#).root.member("a"))
    writer.key("array")
    writer.beginArray()
    writer.null()
    writer.double(0.5)
    writer.beginObject()
    writer.endObject()
    writer.bool(false)
    writer.endArray()
    writer.endObject()
    let value = writer.finish()
    #expect(
      value.text
        == #"{"string":"a\"\\/\n\u0001é","integer":-9223372036854775808,"#
        + #""unsigned":18446744073709551615,"bool":true,"#
        + #""strings":["a","b"],"labels":{"a":"2","z":"1"},"raw":[ 1 ],"view":[true],"#
        + #""array":[null,0.5,{},false]}"#
    )
    try value.validate()
  }

  @Test(
    "doubles are spelled as JSON numbers",
    arguments: [0, -0.0, 1e16, .leastNonzeroMagnitude, 1.7976931348623157e308, -1e-7])
  func writesDoubles(_ value: Double) throws {
    var writer = JSONWriter()
    writer.double(value)
    #expect(try JSONBytes(writer.finish().bytes).root.double() == value)
  }

  @Test("a call that the grammar does not allow traps")
  func trapsOnMisuse() async {
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter()
      writer.beginObject()
      writer.string("value without key")
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter()
      writer.beginArray()
      writer.key("key in an array")
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter()
      writer.beginObject()
      writer.key("key without value")
      writer.endObject()
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter()
      writer.beginArray()
      writer.endObject()
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter()
      writer.null()
      writer.null()
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter()
      writer.beginArray()
      _ = writer.finish()
    }
    await #expect(processExitsWith: .failure) {
      var writer = JSONWriter()
      writer.double(.infinity)
    }
  }
}
