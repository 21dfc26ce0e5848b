internal import Glibc

/// One run of the bench from its first database to its judgement.
struct Run {
  private let options: BenchOptions
  private let plan: Plan

  init(_ options: BenchOptions) {
    self.options = options
    plan = Plan(options)
  }

  /// - Returns: the exit status.
  func run() throws(BenchFailure) -> Int32 {
    let workplace = try Workplace(in: options.directory ?? temporaryDirectory())
    defer { workplace.remove() }
    let noise = try Noise(directory: workplace.path)
    _ = try measure(in: workplace, noise)
    say(noise.summary)
    return 0
  }

  private func measure(in workplace: Workplace, _ noise: Noise) throws(BenchFailure) -> [CellFigures] {
    if !options.printsJSON { say(Table.header) }
    var figures: [CellFigures] = []
    for (index, cell) in plan.cells.enumerated() {
      let place = try workplace.place(containers: cell.containers)
      let found = try CellRun(cell: cell, place: place, noise: noise).measure()
      figures.append(found)
      if !options.printsJSON { for line in Table.lines(found) { say(line) } }
      if !plan.cells[(index + 1)...].contains(where: { $0.containers == cell.containers }) {
        workplace.discard(containers: cell.containers)
      }
    }
    return figures
  }

  private func temporaryDirectory() -> String {
    getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
  }
}
