internal import Glibc
@_exported public import SeededNumbers

/// Random numbers that come out the same for the same seed.
public typealias SeededGenerator = RandomSource

extension RandomSource {
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
