import Glibc

/// Random numbers that come out the same for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// Three seeds that never change and one that always does; `JSON_SEED=n swift test` repeats one alone.
  static let seeds: [UInt64] = {
    if let text = getenv("JSON_SEED"), let seed = UInt64(String(cString: text)) { return [seed] }
    let fresh = UInt64.random(in: 0 ... .max)
    print("JSONTextTests: fresh seed; repeat with JSON_SEED=\(fresh)")
    return [1, 2, 3, fresh]
  }()
}
