import JSONText
import StoreTestSupport
import Testing

@Suite("Damaged bytes throw or read as something else, and never trap")
struct DamageTests {
  private static let document = Array(
    #"""
    {"name":"caf\u00e9 é😀","labels":{"a":"1","b\n":"2"},
    "args":["sh",-1.5e3,true,null,[{},[]]],"n":18446744073709551615}
    """#.utf8)

  /// Uses everything that can be used on `value`; what it throws is the right answer to damage.
  private func exercise(_ value: JSONBytes) {
    _ = value.text
    _ = value.formatted(indentation: 2)
    _ = try? value.validate()
    _ = try? value.replacing(["labels", "a"], with: JSONBytes("1"))
    _ = try? value.replacing(["labels", "new"], with: JSONBytes("1"))
    _ = try? value.root.at("labels", "b\n")
    _ = try? value.root.at("args")?.elements()
    walk(value.root, depth: 0)
    var writer = JSONWriter()
    writer.raw(value)
    _ = writer.finish()
  }

  private func walk(_ view: JSONView, depth: Int) {
    _ = (view.kind, view.isNull, view.bytes, view.copy())
    _ = try? view.string()
    _ = try? view.isString("café é😀")
    _ = (try? view.int64(), try? view.uint64(), try? view.double(), try? view.bool(), try? view.member("n"))
    guard depth < 8 else { return }
    for element in (try? view.elements()) ?? [] { walk(element, depth: depth + 1) }
    for member in (try? view.members()) ?? [] { walk(member.value, depth: depth + 1) }
  }

  @Test("bit flips, overwritten bytes and cuts are survived", arguments: SeededGenerator.seeds)
  func survivesFlips(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      var bytes = Self.document
      for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes[index] = Array("{}[]\":,\\0-".utf8).randomElement(using: &generator) ?? 0
        case 2: bytes.removeSubrange(index..<min(bytes.count, index + 3))
        default: bytes.removeLast(bytes.count - max(1, index))
        }
      }
      exercise(JSONBytes(unchecked: bytes))
    }
  }

  @Test("random bytes, and every single byte, are survived", arguments: SeededGenerator.seeds)
  func survivesNoise(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    exercise(JSONBytes(unchecked: []))
    for byte in UInt8.min ... .max { exercise(JSONBytes(unchecked: [byte])) }
    let alphabet = Array("{}[]\":,\\u0dD8-+.eE tfn\u{0}\u{1F}é".utf8) + [0x80, 0xFF, 0xE2]
    for _ in 0..<2_000 {
      let count = Int.random(in: 0..<40, using: &generator)
      exercise(JSONBytes(unchecked: (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }))
    }
  }

  @Test(
    "flips that leave the text valid are the only ones that validation accepts",
    arguments: SeededGenerator.seeds)
  func validationAgreesWithReading(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      var bytes = Self.document
      bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
        in: .min ... .max, using: &generator)
      guard let value = try? JSONBytes(bytes) else { continue }
      // Accepted text can be read to its last value; only numbers may be out of range.
      do throws(JSONError) {
        _ = try RandomValue(reading: value.root)
      } catch {
        #expect(error.reason == .numberOutOfRange, "seed \(seed): \(value.text)")
      }
    }
  }
}
