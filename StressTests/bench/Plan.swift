/// Everything a run measures, in order.
struct Plan {
  let cells: [Cell]

  init(_ options: BenchOptions) {
    // The static build takes minutes to make, so a quick run does without.
    let wanted = BenchCase.allCases.filter {
      options.cases?.contains($0) ?? !(options.isQuick && $0.isStatic)
    }
    let containers = options.containers ?? (options.isQuick ? [1_000] : [100, 1_000, 10_000, 100_000])
    var cells: [Cell] = []
    // One size after the other, since each has a database of its own.
    for count in containers {
      for benchCase in wanted where !benchCase.isForManyProcesses && !benchCase.needsEmptyStore {
        cells.append(Plan.cell(benchCase, count, options))
      }
    }
    let many = options.containers?.last ?? 1_000
    for benchCase in wanted where benchCase.isForManyProcesses {
      cells += Plan.manyProcesses(benchCase, containers: many, options)
    }
    for benchCase in wanted where benchCase.needsEmptyStore {
      cells.append(Plan.cell(benchCase, 0, options))
    }
    self.cells = cells
  }

  private static func cell(_ benchCase: BenchCase, _ containers: Int, _ options: BenchOptions) -> Cell {
    // A block has to hold a good number of operations: a process start takes milliseconds, a sync too.
    let isSlow = benchCase.isDurable || benchCase.waitsForOthers
    let milliseconds: UInt64 = options.isQuick ? (isSlow ? 60 : 20) : (isSlow ? 250 : 60)
    return Cell(
      benchCase: benchCase, containers: containers, processes: 1, load: .hot, syncDelayMicroseconds: 0,
      blockNanoseconds: milliseconds * 1_000_000, cycles: (options.isQuick ? 8 : 15) * options.scale)
  }

  private static func manyProcesses(
    _ benchCase: BenchCase, containers: Int, _ options: BenchOptions
  ) -> [Cell] {
    let processes = options.processes ?? (options.isQuick ? [1, 8] : benchCase.usualProcesses)
    let delays =
      benchCase.isDurable ? options.syncDelaysMilliseconds ?? (options.isQuick ? [0] : [0, 1, 5]) : [0]
    var cells: [Cell] = []
    for count in processes where count <= containers {
      // Beyond 32 it is one curve: how throughput and waits go on.
      let isCurveAlone = count > 32
      for load in [Load.hot, .paced]
      where load == .hot || (benchCase.isDurable && !options.isQuick && !isCurveAlone) {
        for delay in isCurveAlone ? [0] : delays {
          cells.append(
            Cell(
              benchCase: benchCase, containers: containers, processes: count, load: load,
              syncDelayMicroseconds: UInt32(delay) * 1000,
              blockNanoseconds: options.isQuick ? 150_000_000 : 400_000_000,
              cycles: (options.isQuick ? 4 : 7) * options.scale))
        }
      }
    }
    return cells
  }
}
