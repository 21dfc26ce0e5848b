/// The lines that people read, one per subject of a cell.
enum Table {
  static let header =
    padded("case", 40) + "  subject"
    + ["ratio", "spread", "mean", "p50", "p99", "p99.9", "max", "min/max", "syncs", "bytes", "CPU"]
    .map { padded($0, 11, alignsRight: true) }.joined()

  static func lines(_ figures: CellFigures) -> [String] {
    figures.subjects.enumerated().map { index, subject in
      let ratio = subject.subject == .floor ? nil : figures.ratio(subject.subject, to: .floor)
      let cells = [
        ratio.map { fixed($0.median, 2) } ?? "1",
        ratio.map { "\(fixed($0.lowerQuartile, 2))…\(fixed($0.upperQuartile, 2))" } ?? "",
        microseconds(subject.meanNanoseconds), microseconds(Double(subject.p50)),
        microseconds(Double(subject.p99)), microseconds(Double(subject.p999)),
        microseconds(Double(subject.longest)),
        figures.cell.processes > 1 ? fixed(subject.fairness, 2) : "",
        fixed(subject.syncsPerOperation, 2), fixed(subject.bytesWrittenPerOperation, 0),
        microseconds(subject.processorNanosecondsPerOperation),
      ]
      return padded(index == 0 ? figures.cell.name : "", 40) + "  " + padded(subject.subject.name, 7)
        + cells.map { padded($0, 11, alignsRight: true) }.joined()
    }
  }
}
