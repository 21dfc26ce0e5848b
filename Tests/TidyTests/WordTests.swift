internal import Testing

@Suite("Tidy: words")
struct WordTests {
  let repository: Repository
  init() throws { repository = try Repository.current.get() }

  /// This file has to name what it forbids.
  private var sources: [Repository.TextFile] {
    (repository.shippedSources + repository.testSources).filter {
      $0.path != "Tests/TidyTests/WordTests.swift"
    }
  }

  @Test(
    "no force, no trap in the name of an error, no unfinished business",
    arguments: ["try!", "as!", "fatalError(", "TODO", "FIXME"])
  func forbiddenWord(word: String) {
    expectNone(sources.flatMap { $0.places { $0.contains(word) } })
  }

  @Test("no path of the place where it was built, and of nobody's home")
  func buildPaths() {
    let files = repository.files.filter { $0.path != "Tests/TidyTests/WordTests.swift" }
    for path in [repository.root + "/", "/root/", "/home/"] {
      expectNone(files.flatMap { $0.places { containsPath($0, path) } })
    }
  }

  /// `path` at the beginning of a word, so that `/usr/share/` or `network/` are no findings.
  private func containsPath(_ line: Substring, _ path: String) -> Bool {
    guard let range = line.firstRange(of: path) else { return false }
    guard range.lowerBound > line.startIndex else { return true }
    let before = line[line.index(before: range.lowerBound)]
    return !(before.isLetter || before.isNumber || "_-.".contains(before)) || line.contains("../" + path)
  }

  @Test("no test sleeps, and none is switched off")
  func honestTests() {
    let words = ["sleep(", "Task.sleep", ".disabled(", "XCTSkip", "withKnownIssue", ".enabled(if"]
    let tests = repository.testSources.filter { $0.path != "Tests/TidyTests/WordTests.swift" }
    expectNone(tests.flatMap { $0.places { line in words.contains { line.contains($0) } } })
  }

  @Test("no type is called Manager, Helper, Util, Info or Data")
  func typeNames() {
    let kinds = ["struct", "class", "enum", "protocol", "actor", "typealias"]
    let suffixes = ["Manager", "Helper", "Helpers", "Util", "Utils", "Info", "Data"]
    let places = sources.flatMap { file in
      file.places { line in
        let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "/") }
        guard let kind = words.firstIndex(where: { kinds.contains(String($0)) }) else { return false }
        guard !words[..<kind].contains(where: { $0.hasPrefix("//") }), kind + 1 < words.endIndex else {
          return false
        }
        return suffixes.contains { words[kind + 1].hasSuffix($0) }
      }
    }
    expectNone(places)
  }

  @Test("at most two unchecked conformances, each with its reason just above")
  func uncheckedSendable() {
    let marked = repository.files(under: ["Sources"], extensions: ["swift"]).flatMap { file in
      file.lines.indices.filter { file.lines[$0].contains("@unchecked Sendable") }.map { (file, $0) }
    }
    #expect(marked.count <= 2, "\(marked.map { "\($0.0.path):\($0.1 + 1)" })")
    for (file, line) in marked {
      let above = file.lines[..<line].reversed().prefix { $0.drop { $0 == " " }.hasPrefix("//") }
      #expect(above.contains { $0.contains("// SAFETY:") }, "\(file.path):\(line + 1)")
    }
  }

  @Test("no code is commented out")
  func commentedOutCode() {
    let beginnings = [
      "let ", "var ", "func ", "if ", "for ", "return ", "try ", "guard ", "while ", "switch ",
    ]
    let places = sources.flatMap { file in
      file.places { line in
        let text = line.drop { $0 == " " }
        guard text.hasPrefix("// ") else { return false }
        let comment = text.dropFirst(3)
        return beginnings.contains { comment.hasPrefix($0) }
          && (comment.hasSuffix("{") || comment.hasSuffix(")"))
      }
    }
    expectNone(places)
  }
}
