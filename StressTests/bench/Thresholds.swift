internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// A limit that a run is judged by; `thresholds.json` holds them.
struct Threshold {
  /// What of a cell is compared.
  enum Metric: String {
    /// The store's median operation to the floor's, where many processes work the mean operation.
    case ratio
    /// The store's median operation, in microseconds.
    case p50Microseconds = "p50_us"
    /// What 99 of 100 of the store's operations stay within, in microseconds.
    case p99Microseconds = "p99_us"
    /// The store's longest operation, in milliseconds.
    case longestMilliseconds = "longest_ms"
    /// The operations of the store's slowest process to those of its fastest.
    case fairness
    /// The store's time per container to that with a tenth of the containers.
    case growth

    /// Whether it is a time, which means nothing on a noisy or another machine.
    var isTime: Bool {
      [.p50Microseconds, .p99Microseconds, .longestMilliseconds, .growth].contains(self)
    }
  }

  let benchCase: BenchCase
  let metric: Metric
  /// The cells it is for; nil for all.
  let containers: Int?
  let processes: Int?
  let limit: Double
  /// Whether it is the least that is allowed, and not the most.
  let isLeast: Bool
  /// The limit of a quick run; nil where a quick run is not judged by it.
  let quickLimit: Double?

  func applies(to cell: Cell) -> Bool {
    cell.benchCase == benchCase && cell.load == .hot && cell.syncDelayMicroseconds == 0
      && (containers ?? cell.containers) == cell.containers
      && (processes ?? cell.processes) == cell.processes
  }

  /// All that a file holds.
  static func read(_ path: String) throws(StressFailure) -> [Threshold] {
    guard let bytes = contents(of: path) else {
      throw StressFailure("\(path) cannot be read; run it from the checkout, or say --thresholds")
    }
    do {
      let list = try JSONBytes(bytes).root.at("thresholds")?.elements() ?? []
      return try list.map { try Threshold($0) }
    } catch let failure as StressFailure { throw failure } catch {
      throw StressFailure("\(path): \(error)")
    }
  }

  private init(_ json: JSONView) throws {
    let name = try json.at("case")?.string() ?? ""
    guard let benchCase = BenchCase(rawValue: name) else {
      throw StressFailure("no case is called '\(name)'")
    }
    let metricName = try json.at("metric")?.string() ?? ""
    guard let metric = Metric(rawValue: metricName) else {
      throw StressFailure("\(name): no metric is called '\(metricName)'")
    }
    let most = try json.at("at_most")?.double()
    guard let limit = try most ?? json.at("at_least")?.double() else {
      throw StressFailure("\(name): at_most or at_least is missing")
    }
    self.benchCase = benchCase
    self.metric = metric
    self.limit = limit
    isLeast = most == nil
    containers = try json.at("containers")?.integer()
    processes = try json.at("processes")?.integer()
    quickLimit = try json.at("quick")?.double()
  }
}

/// What became of a threshold in one cell.
struct Verdict {
  let threshold: Threshold
  let cell: Cell
  let value: Double
  let limit: Double
  /// Why it was not judged; nil where it was.
  let whyNot: String?

  var isBroken: Bool {
    whyNot == nil && (threshold.isLeast ? value < limit : value > limit)
  }

  var line: String {
    let sign = threshold.isLeast ? "≥" : "≤"
    let word = whyNot.map { "not judged (\($0))" } ?? (isBroken ? "BROKEN" : "holds")
    return "\(padded(word, 7)) \(cell.name): \(threshold.metric.rawValue) \(fixed(value, 2)), "
      + "allowed \(sign) \(fixed(limit, 2))"
  }

  /// Every threshold against every cell it is for.
  static func all(
    _ thresholds: [Threshold], _ figures: [CellFigures], isQuick: Bool, noise: Noise
  ) -> [Verdict] {
    figures.flatMap { found in
      thresholds.filter { $0.applies(to: found.cell) }.compactMap { threshold -> Verdict? in
        guard let limit = isQuick ? threshold.quickLimit : threshold.limit else { return nil }
        guard let value = value(of: threshold, in: found, among: figures, isQuick: isQuick) else {
          return nil
        }
        let whyNot = whyNot(threshold, noise)
        return Verdict(threshold: threshold, cell: found.cell, value: value, limit: limit, whyNot: whyNot)
      }
    }
  }

  private static func whyNot(_ threshold: Threshold, _ noise: Noise) -> String? {
    if threshold.benchCase.isDurable, noise.isWithoutDisk { return "no disk" }
    return threshold.metric.isTime && noise.isNoisy ? "noisy machine" : nil
  }

  private static func value(
    of threshold: Threshold, in found: CellFigures, among figures: [CellFigures], isQuick: Bool
  ) -> Double? {
    guard let store = found.figures(of: .store) else { return nil }
    switch threshold.metric {
    case .ratio:
      // A quick run has few blocks: it is broken where three of four say so.
      let ratio = found.ratio(.store, to: .floor)
      return isQuick ? ratio?.lowerQuartile : ratio?.median
    case .p50Microseconds: return Double(store.p50) / 1e3
    case .p99Microseconds: return Double(store.p99) / 1e3
    case .longestMilliseconds: return Double(store.longest) / 1e6
    case .fairness: return store.fairness
    case .growth:
      let smaller = figures.first {
        $0.cell.benchCase == found.cell.benchCase && $0.cell.containers * 10 == found.cell.containers
      }
      guard let before = smaller?.figures(of: .store), before.p50 > 0 else { return nil }
      return Double(store.p50) / Double(before.p50) / 10
    }
  }
}

/// The bytes of a file; nil where it cannot be read.
func contents(of path: String) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  while true {
    let chunk = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
      count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
    }
    if chunk.isEmpty { return bytes }
    bytes += chunk
  }
}
