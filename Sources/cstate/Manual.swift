/// The manual page, made from what `--help` prints.
///
/// Source: man(7), man-pages(7).
enum Manual {
  /// `cstate.1`.
  static var page: String {
    var lines = [
      ".TH CSTATE 1 \"\" \"cstate \(Version.number)\" \"User Commands\"", ".SH NAME",
      "cstate \\- keep the state of containers that many processes share, and run them", ".SH OVERVIEW",
    ]
    lines += literal(Help.text(of: nil))
    for verb in Verb.all where !verb.isHidden {
      lines.append(".SH \"cstate \(verb.name)\"")
      lines += literal(Help.text(of: verb))
    }
    return lines.joined(separator: "\n")
  }

  /// Text whose lines stay as they are.
  private static func literal(_ text: String) -> [String] {
    [".nf"] + text.split(separator: "\n", omittingEmptySubsequences: false).map(escaped) + [".fi"]
  }

  private static func escaped(_ line: Substring) -> String {
    var result = ""
    for character in line {
      switch character {
      case "\\": result += "\\e"
      case "-": result += "\\-"
      case "'": result += "\\(aq"
      default: result.append(character)
      }
    }
    // A dot at the beginning would be a request.
    return result.hasPrefix(".") ? "\\&" + result : result
  }
}
