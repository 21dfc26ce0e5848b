/// A drawing that is written as SVG: what is drawn later lies on top.
package struct SVGDrawing {
  package let width: Double
  package let height: Double
  private var elements: [String] = []

  /// Where a text is held.
  package enum Anchor: String {
    case start, middle, end
  }

  /// An empty drawing on white, in pixels.
  package init(width: Double, height: Double) {
    self.width = width
    self.height = height
    rectangle(x: 0, y: 0, width: width, height: height, fill: "#ffffff")
  }

  package mutating func rectangle(x: Double, y: Double, width: Double, height: Double, fill: String) {
    elements.append(
      "<rect x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\" fill=\"\(fill)\"/>")
  }

  package mutating func circle(x: Double, y: Double, radius: Double, fill: String) {
    elements.append("<circle cx=\"\(n(x))\" cy=\"\(n(y))\" r=\"\(n(radius))\" fill=\"\(fill)\"/>")
  }

  /// A line through all the points.
  package mutating func line(
    _ points: [(x: Double, y: Double)], color: String, width: Double = 1, isDashed: Bool = false
  ) {
    let path = points.map { "\(n($0.x)),\(n($0.y))" }.joined(separator: " ")
    let dashes = isDashed ? " stroke-dasharray=\"4 3\"" : ""
    elements.append(
      "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"\(n(width))\"\(dashes)/>"
    )
  }

  package mutating func text(
    _ text: String, x: Double, y: Double, size: Double = 12, anchor: Anchor = .start,
    color: String = "#222222"
  ) {
    elements.append(
      "<text x=\"\(n(x))\" y=\"\(n(y))\" font-size=\"\(n(size))\" text-anchor=\"\(anchor.rawValue)\""
        + " fill=\"\(color)\">\(SVGDrawing.escaped(text))</text>")
  }

  /// The whole file.
  package var svg: String {
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(n(width))\" height=\"\(n(height))\" "
      + "viewBox=\"0 0 \(n(width)) \(n(height))\" font-family=\"sans-serif\">\n"
      + elements.joined(separator: "\n") + "\n</svg>\n"
  }

  /// Text that an XML file may hold.
  package static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      default: if scalar.value >= 0x20 { result.unicodeScalars.append(scalar) } else { result += "?" }
      }
    }
    return result
  }

  /// A coordinate with one digit after the point.
  private func n(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    guard tenths % 10 != 0 else { return "\(tenths / 10)" }
    return "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
  }
}
