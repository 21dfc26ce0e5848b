/// Rows in aligned columns, safe to show on a terminal whatever the cells hold.
///
/// What comes from outside also goes through `printable`, so that each character is one column wide.
struct Table {
  private let header: [String]
  private var rows: [[String]] = []

  init(_ header: String...) { self.header = header }

  mutating func add(_ cells: String...) {
    precondition(cells.count == header.count, "a row has one cell for each column")
    // A cell that is empty would make columns ambiguous for whoever splits the line at spaces.
    rows.append(cells.map { $0.isEmpty ? "-" : visible($0) })
  }

  func print(to output: inout OutputBuffer) {
    let lines = [header] + rows
    let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    for line in lines {
      var text = ""
      for (column, cell) in line.enumerated() {
        text += cell
        let isLast = column == line.count - 1
        if !isLast { text += String(repeating: " ", count: widths[column] - cell.count + 3) }
      }
      output.line(text)
    }
  }
}

/// `count` of `unit`, in the plural where that is right.
func counted(_ count: some BinaryInteger, _ unit: String) -> String {
  "\(count) \(unit)\(count == 1 ? "" : "s")"
}

/// How long ago a moment was, as listings say it.
///
/// Both are nanoseconds since the epoch, and neither is to be trusted.
func roughly(since moment: Int64, now: Int64) -> String {
  let (elapsed, overflows) = now.subtractingReportingOverflow(moment)
  return roughly(overflows ? .max : elapsed)
}

/// A duration as listings say it, in its greatest whole unit: `3 minutes`.
func roughly(_ nanoseconds: Int64) -> String {
  let seconds = max(0, nanoseconds) / 1_000_000_000
  switch seconds {
  case 0: return "less than a second"
  case ..<120: return counted(seconds, "second")
  case ..<7_200: return counted(seconds / 60, "minute")
  case ..<172_800: return counted(seconds / 3_600, "hour")
  case ..<1_209_600: return counted(seconds / 86_400, "day")
  case ..<5_184_000: return counted(seconds / 604_800, "week")
  case ..<63_072_000: return counted(seconds / 2_592_000, "month")
  default: return counted(seconds / 31_536_000, "year")
  }
}
