internal import Testing

/// Fails with one line per finding.
func expectNone<Findings: Collection>(
  _ findings: Findings, sourceLocation: SourceLocation = #_sourceLocation
) where Findings.Element: StringProtocol & Comparable {
  let list = findings.sorted().joined(separator: "\n")
  #expect(list == "", sourceLocation: sourceLocation)
}
