internal import Glibc
internal import SVGDrawing

/// The drawings of a run: ratios with their budgets, what more containers cost, what more processes bring.
struct Plots {
  let figures: [CellFigures]
  let thresholds: [Threshold]

  private static let colors: [Subject: String] = [
    .store: "#1f6feb", .floor: "#6e7781", .peer: "#cf222e",
  ]

  /// File names and contents.
  var all: [(name: String, svg: String)] {
    var all = [("ratios.svg", ratios().text)]
    for benchCase in BenchCase.allCases {
      let cells = figures.filter {
        $0.cell.benchCase == benchCase && $0.cell.load == .hot && $0.cell.syncDelayMicroseconds == 0
      }
      if benchCase.isForManyProcesses {
        if cells.count > 1 {
          all.append(("\(benchCase.rawValue).svg", Plots.processes(benchCase, cells).text))
        }
      } else if cells.count > 1 {
        all.append(("\(benchCase.rawValue).svg", Plots.containers(benchCase, cells).text))
      }
    }
    return all
  }

  // MARK: Ratios

  private func ratios() -> SVGDrawing {
    let shown = figures.filter { $0.cell.load == .hot && $0.cell.syncDelayMicroseconds == 0 }
    let left = 230.0
    let scale = 160.0
    let height = 70.0 + 18 * Double(shown.count)
    var drawing = SVGDrawing(width: left + 4 * scale + 40, height: height)
    drawing.text(
      "Store to the same work in plain C: median and middle half of blocks", at: .init(10, 20), size: 14)
    for step in 0...8 {
      let x = left + Double(step) / 2 * scale
      drawing.line([.init(x, 32), .init(x, height - 24)], .init(stroke: step == 2 ? "#222222" : "#dddddd"))
      drawing.text(fixed(Double(step) / 2, 1), at: .init(x, height - 8), size: 11, anchor: .middle)
    }
    for (row, cell) in shown.enumerated() {
      guard let ratio = cell.ratio(.store, to: .floor) else { continue }
      let y = 42 + 18 * Double(row)
      func place(_ value: Double) -> Double { left + min(value, 4) * scale }
      drawing.text(cell.cell.name, at: .init(left - 8, y + 4), size: 11, anchor: .end)
      drawing.rectangle(
        .init(left, y - 5), width: place(ratio.median) - left, height: 10,
        .init(fill: Plots.colors[.store] ?? "none", stroke: "none"))
      drawing.line(
        [.init(place(ratio.lowerQuartile), y), .init(place(ratio.upperQuartile), y)],
        .init(stroke: "#111111", width: 2))
      if let limit = thresholds.first(where: { $0.metric == .ratio && $0.applies(to: cell.cell) })?.limit {
        drawing.line(
          [.init(place(limit), y - 7), .init(place(limit), y + 7)], .init(stroke: "#cf222e", width: 2))
      }
      drawing.text(
        fixed(ratio.median, 2), at: .init(place(max(ratio.median, ratio.upperQuartile)) + 6, y + 4), size: 11)
    }
    return drawing
  }

  // MARK: Lines

  private static func containers(_ benchCase: BenchCase, _ cells: [CellFigures]) -> SVGDrawing {
    lines(
      title: "\(benchCase.rawValue): median operation in µs, by containers", cells,
      x: { Double($0.containers) }, y: { Double($0.p50) / 1e3 })
  }

  private static func processes(_ benchCase: BenchCase, _ cells: [CellFigures]) -> SVGDrawing {
    lines(
      title: "\(benchCase.rawValue): operations a second of all processes, by processes", cells,
      x: { Double($0.processes) }, y: { $0.operationsPerSecond })
  }

  private static func lines(
    title: String, _ cells: [CellFigures], x: (Cell) -> Double, y: (SubjectFigures) -> Double
  ) -> SVGDrawing {
    var drawing = SVGDrawing(width: 560, height: 360)
    drawing.text(title, at: .init(10, 20), size: 14)
    let values = cells.flatMap { $0.subjects.map(y) }.filter { $0 > 0 }
    guard let least = values.min(), let most = values.max(), let first = cells.map({ x($0.cell) }).min(),
      let last = cells.map({ x($0.cell) }).max(), first > 0, last > first
    else { return drawing }
    let bottom = log10(least).rounded(.down)
    let top = max(bottom + 1, log10(most).rounded(.up))
    func across(_ value: Double) -> Double { 60 + 470 * (log(value) - log(first)) / (log(last) - log(first)) }
    func up(_ value: Double) -> Double { 320 - 270 * (log10(value) - bottom) / (top - bottom) }
    for power in Int(bottom)...Int(top) {
      let value = pow(10, Double(power))
      drawing.line([.init(60, up(value)), .init(530, up(value))], .init(stroke: "#dddddd"))
      drawing.text(fixed(value, value < 1 ? 2 : 0), at: .init(54, up(value) + 4), size: 11, anchor: .end)
    }
    for cell in cells {
      drawing.text(fixed(x(cell.cell), 0), at: .init(across(x(cell.cell)), 338), size: 11, anchor: .middle)
    }
    for (index, subject) in Subject.allCases.enumerated() {
      let points = cells.compactMap { cell in
        cell.figures(of: subject).map { SVGDrawing.Point(across(x(cell.cell)), up(max(y($0), least))) }
      }
      guard !points.isEmpty, let color = colors[subject] else { continue }
      drawing.line(points, .init(stroke: color, width: 2))
      for point in points { drawing.dot(point, radius: 3, .init(fill: color, stroke: "none")) }
      drawing.text(subject.name, at: .init(70 + 70 * Double(index), 40), size: 12, color: color)
    }
    return drawing
  }
}
