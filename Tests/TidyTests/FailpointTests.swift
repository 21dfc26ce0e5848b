internal import Testing

@Suite("Tidy: failpoints")
struct FailpointTests {
  let repository: Repository
  init() throws { repository = try Repository.current.get() }

  /// A failpoint and where it stands.
  private struct Place {
    let name: String
    let file: Repository.TextFile
    let line: Int
    var description: String { "\(file.path):\(line + 1): \(name)" }
  }

  private var places: [Place] {
    repository.files(under: ["Sources"], extensions: ["swift"]).flatMap { file in
      file.lines.indices.compactMap { line in
        named(in: file.lines[line]).map { Place(name: $0, file: file, line: line) }
      }
    }
  }

  @Test("a failpoint's name is used once")
  func unique() {
    let names = places.map(\.name)
    #expect(names.count > 30, "too few: has their spelling changed?")
    expectNone(Dictionary(grouping: names, by: \.self).filter { $0.value.count > 1 }.keys)
  }

  @Test("each failpoint has a comment above that says where it stands, and no comment has none")
  func explained() {
    let unexplained = places.filter { place in
      let above = place.file.lines[..<place.line].suffix(3)
      return !above.contains { $0.contains("// FAILPOINT \(place.name): ") }
    }
    expectNone(unexplained.map(\.description))
    let comments = repository.files(under: ["Sources"], extensions: ["swift"])
      .flatMap { $0.places { $0.contains("// FAILPOINT ") && !$0.contains("/// ") } }
    #expect(comments.count == places.count, "a comment without a failpoint")
  }

  @Test("each failpoint is named by a test that passes it")
  func tested() {
    let tests = repository.testSources.filter { !$0.path.hasPrefix("Tests/TidyTests/") }
    let untested = places.filter { place in
      !tests.contains { $0.lines.contains { $0.contains("\"\(place.name)\"") } }
    }
    expectNone(untested.map(\.description))
  }

  @Test("each failpoint that a stress run can pass is armed by its faults, with an error where it takes one")
  func stressed() throws {
    let path = "StressTests/stress/FaultSite.swift"
    let file = try #require(repository.files.first { $0.path == path })
    let sites = file.lines.filter { $0.contains("FaultSite(\"") }.map { line in
      let name = line.split(separator: "\"", omittingEmptySubsequences: false)[1]
      return "\(name)\(line.contains("fails: true") ? " fails" : "")"
    }
    // No run migrates, is the first to open after a reboot, or makes or restores a backup.
    let unreached = ["migration.", "recovery.begun", "recovery.reset", "copy.", "replace."]
    let expected = places.filter { place in !unreached.contains { place.name.hasPrefix($0) } }.map { place in
      "\(place.name)\(place.file.lines[place.line].contains("failpointErrno(") ? " fails" : "")"
    }
    #expect(sites.count > 20, "too few: has their spelling changed?")
    expectNone(Set(sites).symmetricDifference(expected))
  }

  /// The name in `failpoint("…")` or `failpointErrno("…")`.
  private func named(in line: Substring) -> String? {
    for call in ["failpoint(\"", "failpointErrno(\""] {
      guard let range = line.firstRange(of: call) else { continue }
      return String(line[range.upperBound...].prefix { $0 != "\"" })
    }
    return nil
  }
}
