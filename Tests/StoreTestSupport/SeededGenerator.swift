internal import Glibc

/// Random numbers that come out the same for the same seed.
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  /// The generator of one seed.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// Three seeds that never change and one that always does; `CSTATE_TEST_SEED=n swift test` repeats one
  /// alone, `CSTATE_TEST_SEED=n,m` several.
  public static let seeds: [UInt64] = {
    if let text = getenv("CSTATE_TEST_SEED") {
      let words = String(cString: text).split(separator: ",", omittingEmptySubsequences: false)
      let given = words.compactMap { UInt64($0) }
      precondition(given.count == words.count, "CSTATE_TEST_SEED is a number, or several with commas")
      return given
    }
    let fresh = UInt64.random(in: 0 ... .max)
    print("fresh seed; repeat with CSTATE_TEST_SEED=\(fresh)")
    return [1, 2, 3, fresh]
  }()
}
