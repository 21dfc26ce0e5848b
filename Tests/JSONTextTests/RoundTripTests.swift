import JSONText
import StoreTestSupport
import Testing

@Suite("What is written reads back")
struct RoundTripTests {
  @Test(
    "random values come back equal, are valid, and survive layout and copying",
    arguments: SeededGenerator.seeds)
  func roundTrips(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<50 {
      let value = RandomValue(depth: 4, &generator)
      var writer = JSONWriter()
      value.write(&writer)
      let text = try JSONBytes(writer.finish().bytes)
      #expect(try RandomValue(reading: text.root) == value, "seed \(seed) round \(round): \(text.text)")
      let laidOut = try JSONBytes(text.formatted(indentation: 3))
      #expect(try RandomValue(reading: laidOut.root) == value, "seed \(seed) round \(round), laid out")
      var copier = JSONWriter()
      copier.beginArray()
      copier.raw(text)
      copier.raw(laidOut.root)
      copier.endArray()
      let copy = copier.finish()
      #expect(copy.text == "[\(text.text),\(laidOut.text)]", "seed \(seed) round \(round), copied")
    }
  }

  @Test("every member of a random object is found by its key", arguments: SeededGenerator.seeds)
  func findsEveryMember(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<200 {
      guard case .object(let members) = RandomValue(depth: 2, &generator) else { continue }
      var writer = JSONWriter()
      RandomValue.object(members).write(&writer)
      let root = try JSONBytes(writer.finish().bytes).root
      for member in members {
        let found = try #require(try root.member(member.key), "seed \(seed) round \(round)")
        #expect(try RandomValue(reading: found) == member.value, "seed \(seed) round \(round)")
      }
    }
  }
}
