internal import Testing

@Suite("Tidy: numbered promises")
struct PromiseTests {
  let repository: Repository
  init() throws { repository = try Repository.current.get() }

  /// Where the promises of each letter are defined.
  static let definitions: [String: [String]] = [
    "L": ["docs/locking-protocol.md"],
    "D": ["docs/durability.md"],
    "I": ["docs/architecture.md", "docs/on-disk-format.md"],
  ]

  @Test("every promise has a test that bears its number", arguments: definitions.keys.sorted())
  func everyPromiseIsTested(letter: String) throws {
    let defined = defined(letter)
    try #require(!defined.isEmpty)
    expectNone(defined.subtracting(tested()))
  }

  @Test("no test bears the number of a promise that nobody made", arguments: definitions.keys.sorted())
  func everyNumberIsDefined(letter: String) throws {
    let defined = defined(letter)
    try #require(!defined.isEmpty)
    expectNone(tested().filter { $0.hasPrefix(letter) }.subtracting(defined))
  }

  @Test(
    "no comment in the sources refers to a promise that nobody made", arguments: definitions.keys.sorted())
  func everyTagIsDefined(letter: String) throws {
    let defined = defined(letter)
    try #require(!defined.isEmpty)
    let tags = ["// INVARIANT ", "// PROTOCOL ", "// DURABILITY "]
    let undefined = repository.shippedSources.flatMap { file in
      file.places { line in
        guard tags.contains(where: { line.contains($0) }) else { return false }
        return !numbers(in: line).filter { $0.hasPrefix(letter) }.isSubset(of: defined)
      }
    }
    expectNone(undefined)
  }

  @Test("a promise is defined where its number begins a heading, a list item or a table row")
  func definitionForms() {
    let lines = [
      "### L-1 Text", "- **L-2** text", "| L-3 | text |", "**L-4**: text", "| `L-5` | x |", "see L-6",
    ]
    #expect(lines.compactMap { definedNumber(Substring($0)) } == ["L-1", "L-2", "L-3", "L-4", "L-5"])
    #expect(numbers(in: "L-1, L-12 and XL-3 and D-4x, I-5") == ["L-1", "L-12", "I-5"])
  }

  /// The promises of one letter that the documents define.
  private func defined(_ letter: String) -> Set<String> {
    let documents = (Self.definitions[letter] ?? []).compactMap { repository.file($0) }
    return Set(
      documents.flatMap { $0.lines.compactMap { definedNumber($0) } }.filter { $0.hasPrefix(letter) })
  }

  /// All numbers in display names of tests.
  private func tested() -> Set<String> {
    repository.testSources.filter { !$0.path.hasPrefix("Tests/TidyTests/") }
      .reduce(into: []) { all, file in
        for name in displayNames(in: file) { all.formUnion(numbers(in: name)) }
      }
  }

  /// The string literal that is the first argument of each `@Test(`, which may stand on the next line.
  private func displayNames(in file: Repository.TextFile) -> [Substring] {
    file.lines.indices.compactMap { index in
      guard let attribute = file.lines[index].firstRange(of: "@Test(") else { return nil }
      let rest = file.lines[index][attribute.upperBound...]
      let literal =
        rest.isEmpty && index + 1 < file.lines.count ? file.lines[index + 1].drop { $0 == " " } : rest
      return literal.first == "\"" ? literal : nil
    }
  }
}

/// The promise that a line of a document defines, by beginning with its number.
func definedNumber(_ line: Substring) -> String? {
  let text = line.drop { " #|*-`".contains($0) }
  guard text.startIndex > line.startIndex else { return nil }
  let number = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
  return numbers(in: number).first.flatMap { $0 == number ? $0 : nil }
}

/// Every L-n, D-n and I-n that stands as a word of its own.
func numbers(in text: Substring) -> Set<String> {
  Set(
    text.split { !($0.isLetter || $0.isNumber || $0 == "-") }.filter { word in
      guard let letter = word.first, "LDI".contains(letter), word.dropFirst().first == "-" else {
        return false
      }
      return word.count > 2 && word.dropFirst(2).allSatisfy { $0.isASCII && $0.isNumber }
    }.map(String.init))
}
