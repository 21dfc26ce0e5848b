internal import SVGDrawing

/// A picture of a few operations and of what is wrong between them.
///
/// Time runs from left to right, in order but not to scale; each thread has a lane, each operation a bar from
/// its beginning to its end, and what was between the two known times inside a lock is darker. What the
/// anomaly names is red, and an arrow says what each pair has to do with each other.
public struct HistoryDrawing {
  private let history: History
  private let anomaly: Anomaly
  private var layout: Layout
  private var arrowNames: [(text: String, place: SVGDrawing.Point)] = []
  private var drawing: SVGDrawing

  private static let red = "#b3261e"

  /// Draws a history of at most a few dozen operations; `anomaly` has its places in it.
  public init(_ history: History, _ anomaly: Anomaly) {
    self.history = history
    self.anomaly = anomaly
    let heading = Self.lines(anomaly.explanation, limit: 110)
    layout = Layout(history, top: Double(heading.count) * 18 + 74)
    drawing = SVGDrawing(width: max(layout.width, 760), height: layout.height)
    drawing.text(anomaly.kind.rawValue, at: SVGDrawing.Point(16, 30), size: 20, color: Self.red, bold: true)
    for (index, line) in heading.enumerated() {
      drawing.text(line, at: SVGDrawing.Point(16, 54 + Double(index) * 18), size: 13)
    }
    drawLanes()
    for index in history.operations.indices { drawBar(index) }
    for (index, dependency) in anomaly.dependencies.enumerated() { drawArrow(dependency, index) }
    for index in history.operations.indices { drawLabel(index) }
    for name in arrowNames {
      drawing.text(name.text, at: name.place, size: 12, color: "#111", anchor: .middle, rim: true)
    }
  }

  /// The SVG file.
  public var text: String { drawing.text }

  private mutating func drawLanes() {
    for (lane, name) in layout.names.enumerated() {
      let y = layout.y(lane)
      drawing.text(name, at: SVGDrawing.Point(16, y + 15), size: 13, bold: true)
      drawing.line(
        [SVGDrawing.Point(layout.left, y + 10), SVGDrawing.Point(layout.right, y + 10)],
        SVGDrawing.Style(stroke: "#ddd"))
    }
    let bottom = layout.height - 30
    drawing.arrow(
      from: SVGDrawing.Point(layout.left, bottom), to: SVGDrawing.Point(layout.right, bottom),
      SVGDrawing.Style(stroke: "#777"))
    for tick in layout.ticks {
      drawing.line(
        [SVGDrawing.Point(tick.x, bottom - 4), SVGDrawing.Point(tick.x, bottom + 4)],
        SVGDrawing.Style(stroke: "#777"))
      drawing.text(
        tick.name, at: SVGDrawing.Point(tick.x, bottom + 19), size: 11, color: "#555", anchor: .middle)
    }
  }

  private func isNamed(_ index: Int) -> Bool { anomaly.operations.contains(index) }

  private mutating func drawBar(_ index: Int) {
    let operation = history.operations[index]
    let (left, right, y) = layout.bar(index)
    let hasEnd = operation.ended != .max
    drawing.rectangle(
      SVGDrawing.Point(left, y), width: right - left, height: 20, radius: 4,
      SVGDrawing.Style(
        fill: isNamed(index) ? "#f6c9c4" : "#dbe5f1", stroke: isNamed(index) ? Self.red : "#6b85a6",
        width: isNamed(index) ? 2 : 1, dashes: hasEnd ? "" : "5 4"))
    for access in operation.accesses {
      guard let section = access.section else { continue }
      let inside = max(section.left ?? 0, access.committed ?? 0, section.entered)
      let (from, to) = (layout.x(section.entered), layout.x(inside))
      drawing.rectangle(
        SVGDrawing.Point(from, y + 6), width: max(3, to - from), height: 8,
        SVGDrawing.Style(fill: isNamed(index) ? Self.red : "#6b85a6", stroke: "none", opacity: 0.8))
    }
  }

  private mutating func drawLabel(_ index: Int) {
    let (left, _, y) = layout.bar(index)
    drawing.text(
      Layout.label(index, history.operations[index]), at: SVGDrawing.Point(left, y - 6), size: 12,
      color: isNamed(index) ? Self.red : "#333", bold: isNamed(index), rim: true)
  }

  private mutating func drawArrow(_ dependency: Dependency, _ number: Int) {
    let (from, to) = (layout.bar(dependency.from), layout.bar(dependency.to))
    let isSame = from.y == to.y
    let isForward = from.left <= to.left
    // Arrows leave and reach bars on the sides that face each other, below or above the middle.
    let start = SVGDrawing.Point(isForward ? from.right : from.left + 10, from.y + (from.y < to.y ? 20 : 10))
    let end = SVGDrawing.Point(isForward ? to.left : to.right, to.y + (to.y < from.y ? 20 : 10))
    let middle = drawing.arrow(
      from: start, to: end, bend: isSame ? (isForward ? -18 : 18) : 20,
      SVGDrawing.Style(stroke: "#444", width: 1.6))
    let object = dependency.object.map { " (\(ObjectKind.name(of: $0)))" } ?? ""
    let text = "#\(dependency.from) \(dependency.reason) #\(dependency.to)\(object)"
    arrowNames.append((text, layout.freePlace(for: text, near: middle)))
  }

  /// A text in lines of at most so many characters.
  private static func lines(_ text: String, limit: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + word.count < limit {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
