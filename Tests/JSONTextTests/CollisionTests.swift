import JSONText
import StoreTestSupport
import Testing

@Suite("Keys made to collide are told apart")
struct CollisionTests {
  /// Different keys of sixteen letters and marks with one hash.
  private func collidingKeys(_ count: Int, _ generator: inout SeededGenerator) -> [String] {
    // The second word of a key meets the hash of the first one by exclusive or: any first word has its
    // partner.
    let target = hashOfFirstWord(Array("aaaaaaaa".utf8)) ^ 0x6161_6161_6161_6161
    var keys = ["aaaaaaaaaaaaaaaa"]
    while keys.count < count {
      let first = (0..<8).map { _ in UInt8.random(in: 0x61...0x7A, using: &generator) }
      let word = target ^ hashOfFirstWord(first)
      let second = (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
      guard second.allSatisfy({ (0x5D..<0x7F).contains($0) || (0x23..<0x5C).contains($0) }) else { continue }
      keys.append(String(decoding: first + second, as: UTF8.self))
    }
    return keys
  }

  /// What the hash of a key of sixteen bytes is after its first eight.
  private func hashOfFirstWord(_ bytes: [UInt8]) -> UInt64 {
    var key = bytes
    // The length goes in first, so that this is a key of eight bytes whose first makes up for the difference.
    key[0] ^= 8 ^ 16
    return KeyRegister.hash(key.span.bytes, from: 0, to: 8)
  }

  private func object(_ keys: [String]) -> [UInt8] {
    Array(("{" + keys.map { "\"\($0)\":0" }.joined(separator: ",") + "}").utf8)
  }

  @Test("keys with one hash are accepted when they differ and refused when two are equal")
  func tellsCollidingKeysApart() {
    var generator = SeededGenerator(seed: 1)
    let keys = collidingKeys(40, &generator)
    let hashes = Set(keys.map { KeyRegister.hash(Array($0.utf8).span.bytes, from: 0, to: 16) })
    #expect(Set(keys).count == 40 && hashes.count == 1)
    for count in [2, 16, 17, 40] {
      #expect(refusal(of: object(Array(keys[..<count]))) == nil, "\(count) keys")
      let repeated = refusal(of: object(keys[..<count] + [keys[count / 2]]))
      #expect(repeated?.reason == .duplicateKey, "\(count) keys and one of them again")
    }
  }
}
