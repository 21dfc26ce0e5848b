/// A picture as SVG text, made of the few shapes that plots and diagrams need.
///
/// Coordinates are pixels from the upper left corner. Text is escaped. Later shapes lie over earlier ones.
public struct SVGDrawing {
  /// How a shape looks.
  public struct Style: Sendable {
    /// The colour of the inside as CSS has it; `none` for no inside.
    public var fill: String
    /// The colour of the line; `none` for no line.
    public var stroke: String
    /// The thickness of the line.
    public var width: Double
    /// Lengths of dashes and gaps, such as `5 4`; empty for an unbroken line.
    public var dashes: String
    /// From 0, invisible, to 1.
    public var opacity: Double

    /// A style, by default a thin black line without an inside.
    public init(
      fill: String = "none", stroke: String = "#222", width: Double = 1, dashes: String = "",
      opacity: Double = 1
    ) {
      self.fill = fill
      self.stroke = stroke
      self.width = width
      self.dashes = dashes
      self.opacity = opacity
    }
  }

  /// Where a text stands in relation to its point.
  public enum Anchor: String, Sendable {
    /// The text begins, is in the middle, or ends there.
    case start, middle, end
  }

  /// A point of the picture.
  public struct Point: Sendable, Hashable {
    /// From the left edge.
    public var x: Double
    /// From the upper edge.
    public var y: Double

    /// A point of the picture.
    public init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }
  }

  private let width: Double
  private let height: Double
  private var body = ""

  /// An empty picture on white.
  public init(width: Double, height: Double) {
    self.width = width
    self.height = height
    rectangle(Point(0, 0), width: width, height: height, Style(fill: "#fff", stroke: "none"))
  }

  /// The width of a text about as it will be drawn.
  public static func width(of text: String, size: Double) -> Double { Double(text.count) * size * 0.58 }

  /// The whole file.
  public var text: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" width="\(number(width))" height="\(number(height))" \
    viewBox="0 0 \(number(width)) \(number(height))" font-family="DejaVu Sans, Verdana, sans-serif">
    <defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" \
    orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="context-stroke"/></marker></defs>
    \(body)</svg>

    """
  }

  /// A rectangle with its upper left corner at `corner`.
  public mutating func rectangle(
    _ corner: Point, width: Double, height: Double, radius: Double = 0, _ style: Style
  ) {
    add(
      "<rect x=\"\(number(corner.x))\" y=\"\(number(corner.y))\" width=\"\(number(width))\""
        + " height=\"\(number(height))\" rx=\"\(number(radius))\"\(attributes(style))/>")
  }

  /// A line through points.
  public mutating func line(_ points: [Point], _ style: Style = Style()) {
    let list = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    add("<polyline points=\"\(list)\"\(attributes(style))/>")
  }

  /// An arrow that leaves its straight way by `bend` at its middle.
  ///
  /// - Returns: the middle of the arrow.
  @discardableResult
  public mutating func arrow(
    from: Point, to: Point, bend: Double = 0, _ style: Style = Style()
  ) -> Point {
    let length = max(1, ((to.x - from.x) * (to.x - from.x) + (to.y - from.y) * (to.y - from.y)).squareRoot())
    let middle = Point((from.x + to.x) / 2, (from.y + to.y) / 2)
    let control = Point(
      middle.x + (to.y - from.y) / length * bend * 2, middle.y - (to.x - from.x) / length * bend * 2)
    add(
      "<path d=\"M\(number(from.x)) \(number(from.y))Q\(number(control.x)) \(number(control.y))"
        + " \(number(to.x)) \(number(to.y))\" marker-end=\"url(#tip)\"\(attributes(style))/>")
    return Point((middle.x + control.x) / 2, (middle.y + control.y) / 2)
  }

  /// A filled circle.
  public mutating func dot(_ center: Point, radius: Double, _ style: Style) {
    add(
      "<circle cx=\"\(number(center.x))\" cy=\"\(number(center.y))\" r=\"\(number(radius))\""
        + "\(attributes(style))/>")
  }

  /// One line of text on the base line through `point`; with a white rim where it lies over other shapes.
  public mutating func text(
    _ text: String, at point: Point, size: Double = 12, color: String = "#222", bold: Bool = false,
    anchor: Anchor = .start, rim: Bool = false
  ) {
    let weight = bold ? " font-weight=\"bold\"" : ""
    let edge = rim ? " stroke=\"#fff\" stroke-width=\"4\" paint-order=\"stroke\"" : ""
    add(
      "<text x=\"\(number(point.x))\" y=\"\(number(point.y))\" font-size=\"\(number(size))\""
        + " fill=\"\(color)\" text-anchor=\"\(anchor.rawValue)\"\(weight)\(edge)>\(escaped(text))</text>")
  }

  private mutating func add(_ shape: String) {
    body += shape
    body += "\n"
  }

  private func attributes(_ style: Style) -> String {
    var text = " fill=\"\(style.fill)\" stroke=\"\(style.stroke)\" stroke-width=\"\(number(style.width))\""
    if !style.dashes.isEmpty { text += " stroke-dasharray=\"\(style.dashes)\"" }
    if style.opacity < 1 { text += " opacity=\"\(number(style.opacity))\"" }
    return text
  }

  /// With two digits after the point at most.
  private func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    guard !hundredths.isMultiple(of: 100) else { return String(hundredths / 100) }
    let fraction = hundredths.magnitude % 100
    let sign = hundredths < 0 ? "-" : ""
    return "\(sign)\(hundredths.magnitude / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }

  private func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      // XML has no way to say most control characters.
      case _ where scalar.value < 32: result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
