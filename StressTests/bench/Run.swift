internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// One run of the bench from its first database to its judgement.
struct Run {
  private let options: BenchOptions
  private let plan: Plan
  private let thresholds: [Threshold]

  init(_ options: BenchOptions) throws(StressFailure) {
    self.options = options
    plan = Plan(options)
    // Not after half an hour.
    for cell in plan.cells where cell.benchCase.isProgram {
      for name in ["cstate", "cstate-bench-start"] {
        _ = try benchProgram(name, isStatic: cell.benchCase.isStatic)
      }
    }
    thresholds = try Threshold.read(options.thresholds)
  }

  /// - Returns: the exit status.
  func run() throws(StressFailure) -> Int32 {
    let workplace = try Workplace(in: options.directory)
    defer { workplace.remove() }
    let noise = try Noise(directory: workplace.path)
    let figures = try measure(in: workplace, noise)
    let verdicts = Verdict.all(thresholds, figures, isQuick: options.isQuick, noise: noise)
    let report = Report(
      options: options, figures: figures, verdicts: verdicts, noise: noise, sizes: workplace.sizes)
    if let directory = options.outputDirectory { try write(report, into: directory) }
    if options.printsJSON {
      say(report.json.formatted())
    } else {
      say("")
      say(noise.summary)
      for size in workplace.sizes { say(size.summary) }
      for (benchCase, model) in report.models { say("\(benchCase.rawValue): \(model.summary)") }
      for verdict in verdicts { say(verdict.line) }
    }
    let broken = verdicts.filter(\.isBroken)
    for verdict in broken { say("cstate-bench: \(verdict.line)", to: STDERR_FILENO) }
    return broken.isEmpty ? 0 : 1
  }

  private func measure(in workplace: Workplace, _ noise: Noise) throws(StressFailure) -> [CellFigures] {
    if !options.printsJSON { say(Table.header) }
    var figures: [CellFigures] = []
    for (index, cell) in plan.cells.enumerated() {
      let place = try workplace.place(containers: cell.containers)
      let found = try CellRun(cell: cell, place: place, noise: noise).measure()
      figures.append(found)
      if cell.waitsForNobody {
        for subject in found.subjects {
          noise.add(
            wantedNanoseconds: subject.meanNanoseconds * Double(subject.operations),
            processorNanoseconds: subject.processorNanosecondsPerOperation * Double(subject.operations))
        }
      }
      if !options.printsJSON { for line in Table.lines(found) { say(line) } }
      if !plan.cells[(index + 1)...].contains(where: { $0.containers == cell.containers }) {
        workplace.discard(containers: cell.containers)
      }
    }
    return figures
  }

  private func write(_ report: Report, into directory: String) throws(StressFailure) {
    guard mkdir(directory, 0o755) == 0 || errno == EEXIST else { throw .systemCall("mkdir", directory) }
    try writeFile(Array((report.json.formatted() + "\n").utf8), to: directory + "/bench.json", mode: 0o644)
    for plot in Plots(figures: report.figures, thresholds: thresholds).all {
      try writeFile(Array(plot.svg.utf8), to: "\(directory)/\(plot.name)", mode: 0o644)
    }
  }
}
