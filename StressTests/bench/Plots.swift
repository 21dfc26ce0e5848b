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
          all.append(("\(benchCase.rawValue)-times.svg", Plots.times(benchCase, cells).text))
          all.append(("\(benchCase.rawValue)-fairness.svg", Plots.fairness(benchCase, cells).text))
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

  private static func times(_ benchCase: BenchCase, _ cells: [CellFigures]) -> SVGDrawing {
    let shares: [(String, String, (SubjectFigures) -> UInt64)] = [
      ("median", "#1f6feb", \.p50), ("99 %", "#8250df", \.p99), ("99.9 %", "#bf8700", \.p999),
      ("longest", "#cf222e", \.longest),
    ]
    return drawing(
      title: "\(benchCase.rawValue): one operation of the store in µs, by processes",
      shares.map { name, color, time in
        Line(
          name: name, color: color,
          points: cells.compactMap { cell in
            cell.figures(of: .store).map { (Double(cell.cell.processes), Double(time($0)) / 1e3) }
          })
      })
  }

  private static func fairness(_ benchCase: BenchCase, _ cells: [CellFigures]) -> SVGDrawing {
    lines(
      title: "\(benchCase.rawValue): slowest process to fastest, by processes", cells,
      x: { Double($0.processes) }, y: { max($0.fairness, 0.001) })
  }

  /// One line of a drawing.
  private struct Line {
    let name: String
    let color: String
    let points: [(x: Double, y: Double)]
  }

  private static func lines(
    title: String, _ cells: [CellFigures], x: (Cell) -> Double, y: (SubjectFigures) -> Double
  ) -> SVGDrawing {
    drawing(
      title: title,
      Subject.allCases.map { subject in
        Line(
          name: subject.name, color: colors[subject] ?? "none",
          points: cells.compactMap { cell in cell.figures(of: subject).map { (x(cell.cell), y($0)) } })
      })
  }

  /// Both axes are logarithmic.
  private static func drawing(title: String, _ lines: [Line]) -> SVGDrawing {
    var drawing = SVGDrawing(width: 560, height: 360)
    drawing.text(title, at: .init(10, 20), size: 14)
    let points = lines.flatMap(\.points)
    let values = points.map(\.y).filter { $0 > 0 }
    guard let least = values.min(), let most = values.max(), let first = points.map(\.x).min(),
      let last = points.map(\.x).max(), first > 0, last > first
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
    for x in Set(points.map(\.x)) {
      drawing.text(fixed(x, 0), at: .init(across(x), 338), size: 11, anchor: .middle)
    }
    for (index, line) in lines.enumerated() where !line.points.isEmpty {
      let points = line.points.map { SVGDrawing.Point(across($0.x), up(max($0.y, least))) }
      drawing.line(points, .init(stroke: line.color, width: 2))
      for point in points { drawing.dot(point, radius: 3, .init(fill: line.color, stroke: "none")) }
      drawing.text(line.name, at: .init(70 + 70 * Double(index), 40), size: 12, color: line.color)
    }
    return drawing
  }
}
