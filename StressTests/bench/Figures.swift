internal import CBenchFloor

/// What a cell came to.
struct CellFigures {
  let cell: Cell
  let subjects: [SubjectFigures]
  private let sums: [ResultSum]

  init(cell: Cell, sums: [ResultSum]) {
    self.cell = cell
    self.sums = sums
    subjects = zip(cell.subjects, sums).map { SubjectFigures($0, cell: cell, sum: $1) }
  }

  func figures(of subject: Subject) -> SubjectFigures? { subjects.first { $0.subject == subject } }

  /// How many times as long one subject takes as another, block by block.
  ///
  /// Of one process the median operation, which whoever else uses the machine hardly moves. Of several the
  /// mean one: where a process starves the others, the median operation is its own.
  func ratio(_ one: Subject, to other: Subject) -> Spread? {
    cell.processes > 1 ? meanRatio(one, to: other) : medianRatio(one, to: other)
  }

  /// The ratio of the median operations.
  func medianRatio(_ one: Subject, to other: Subject) -> Spread? { ratio(one, to: other, \.medians) }

  /// The ratio of the mean operations: what throughput comes to, the rare slow operation included.
  func meanRatio(_ one: Subject, to other: Subject) -> Spread? { ratio(one, to: other, \.means) }

  private func ratio(_ one: Subject, to other: Subject, _ blocks: (ResultSum) -> [Double]) -> Spread? {
    guard cell.subjects.contains(one), cell.subjects.contains(other) else { return nil }
    let pairs = zip(blocks(sums[one.rawValue]), blocks(sums[other.rawValue]))
    return Spread(pairs.compactMap { $1 > 0 ? $0 / $1 : nil })
  }
}

/// What one subject did in one cell, over all processes and blocks.
struct SubjectFigures {
  let subject: Subject
  let operations: UInt64
  let meanNanoseconds: Double
  let p50: UInt64
  let p99: UInt64
  let p999: UInt64
  let longest: UInt64
  /// Operations of the process that did least to those of the one that did most.
  let fairness: Double
  let operationsPerSecond: Double
  let syncsPerOperation: Double
  let bytesWrittenPerOperation: Double
  let processorNanosecondsPerOperation: Double

  init(_ subject: Subject, cell: Cell, sum: ResultSum) {
    self.subject = subject
    let total = sum.total
    let count = Double(max(1, total.pointee.operations))
    operations = total.pointee.operations
    meanNanoseconds = Double(total.pointee.nanoseconds) / count
    p50 = bench_percentile(total, 0.5)
    p99 = bench_percentile(total, 0.99)
    p999 = bench_percentile(total, 0.999)
    longest = total.pointee.longest_nanoseconds
    fairness = Double(sum.operations.min() ?? 0) / Double(max(1, sum.operations.max() ?? 1))
    let measuredSeconds = Double(cell.blockNanoseconds) * Double(cell.cycles) / 1e9
    operationsPerSecond =
      cell.load == .paced
      ? count / measuredSeconds : Double(cell.processes) * 1e9 / max(1, meanNanoseconds)
    syncsPerOperation = Double(total.pointee.syncs) / count
    bytesWrittenPerOperation = Double(total.pointee.bytes_written) / count
    processorNanosecondsPerOperation = Double(total.pointee.processor_nanoseconds) / count
  }
}

/// Median and quartiles of some values.
struct Spread {
  let median: Double
  let lowerQuartile: Double
  let upperQuartile: Double
  let count: Int

  /// Nil for no values at all.
  init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    func quantile(_ share: Double) -> Double {
      let position = share * Double(sorted.count - 1)
      let below = Int(position)
      let above = min(below + 1, sorted.count - 1)
      return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
    }
    median = quantile(0.5)
    lowerQuartile = quantile(0.25)
    upperQuartile = quantile(0.75)
    count = values.count
  }

  /// The middle half's width as a share of the median.
  var relativeWidth: Double { median > 0 ? (upperQuartile - lowerQuartile) / median : 0 }
}
