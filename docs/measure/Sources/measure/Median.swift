import Foundation

func nanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Runs something 21 times `count` times, prints and returns the median of one run in microseconds.
@discardableResult
func median(_ name: String, count: Int, _ body: () throws -> Void) rethrows -> Double {
  var rounds: [Double] = []
  for _ in 0..<21 {
    let start = nanoseconds()
    for _ in 0..<count { try body() }
    rounds.append(Double(nanoseconds() - start) / Double(count) / 1000)
  }
  rounds.sort()
  print(name, rounded(rounds[10]), "µs")
  return rounds[10]
}

func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

/// A directory that is gone when the body has ended.
func withTemporaryDirectory(_ body: (String) throws -> Void) throws {
  var template = Array("/tmp/measure-XXXXXX".utf8CString)
  guard let path = mkdtemp(&template).map({ String(cString: $0) }) else { return perror("mkdtemp") }
  defer { try? FileManager.default.removeItem(atPath: path) }
  try body(path)
}
