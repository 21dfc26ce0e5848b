/// How long each of many calls took.
struct Latencies {
  private var nanoseconds: [UInt64] = []

  init() { nanoseconds.reserveCapacity(1 << 16) }

  mutating func add(_ value: UInt64) { nanoseconds.append(value) }

  /// What is known of them when they are over, all of them together having lasted this long.
  func summary(elapsedNanoseconds: UInt64) -> LatencySummary {
    let sorted = nanoseconds.sorted()
    func quantile(_ part: Double) -> UInt64 {
      sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }
    return LatencySummary(
      count: sorted.count, perSecond: Double(sorted.count) * 1e9 / Double(max(1, elapsedNanoseconds)),
      medianNanoseconds: quantile(0.5), p99Nanoseconds: quantile(0.99),
      greatestNanoseconds: sorted.last ?? 0)
  }
}

/// Many calls in a few numbers.
struct LatencySummary {
  let count: Int
  let perSecond: Double
  let medianNanoseconds: UInt64
  let p99Nanoseconds: UInt64
  let greatestNanoseconds: UInt64

  /// Numbers of several processes that worked at the same time: rates add up, the slowest call is the
  /// slowest of all, and the quantiles are those of the process that fared worst.
  init(together parts: [LatencySummary]) {
    self.init(
      count: parts.map(\.count).reduce(0, +), perSecond: parts.map(\.perSecond).reduce(0, +),
      medianNanoseconds: parts.map(\.medianNanoseconds).max() ?? 0,
      p99Nanoseconds: parts.map(\.p99Nanoseconds).max() ?? 0,
      greatestNanoseconds: parts.map(\.greatestNanoseconds).max() ?? 0)
  }

  init(
    count: Int, perSecond: Double, medianNanoseconds: UInt64, p99Nanoseconds: UInt64,
    greatestNanoseconds: UInt64
  ) {
    self.count = count
    self.perSecond = perSecond
    self.medianNanoseconds = medianNanoseconds
    self.p99Nanoseconds = p99Nanoseconds
    self.greatestNanoseconds = greatestNanoseconds
  }
}
