internal import Testing

@Suite("Tidy: sizes")
struct SizeTests {
  let repository: Repository
  init() throws { repository = try Repository.current.get() }

  @Test("no shipped file is over 500 lines")
  func fileLength() {
    let long = repository.shippedSources.filter { $0.lines.count > 500 }
    expectNone(long.map { "\($0.path): \($0.lines.count) lines" })
  }

  @Test("no line of code is over 110 columns")
  func lineLength() {
    // Package.swift, tests and scripts too; a URL cannot be broken.
    let code = repository.files.filter { file in
      ["swift", "c", "h"].contains { file.path.hasSuffix(".\($0)") } || file.path.hasPrefix("scripts/")
    }
    let long = code.flatMap { $0.places { $0.count > 110 && !$0.contains("https://") } }
    expectNone(long)
  }

  @Test("no function is over 70 lines, and at most one in twenty is over 40")
  func functionLength() {
    let functions = (repository.shippedSources + repository.testSources).flatMap {
      FunctionLength.all(in: $0)
    }
    expectNone(functions.filter { $0.lineCount > 70 }.map(\.description))

    let shipped = repository.shippedSources.flatMap { FunctionLength.all(in: $0) }
    let long = shipped.filter { $0.lineCount > 40 }
    #expect(long.count * 20 <= shipped.count, "over 40 lines: \(long.map(\.description))")
  }

  @Test("functions are measured from their declaration to their closing brace")
  func measure() {
    let text = """
      struct A {
        init() {
          body()
        }
        func requirement()
        func oneLine() -> Int { 1 }
        func long(
          a: Int
        ) throws -> [
          Int
        ] {
          if a {
          }
        }
      }
      static int c_function(
          int a) {
        return a;
      }
      """
    let file = Repository.TextFile(path: "A.swift", lines: text.split(separator: "\n"))
    #expect(FunctionLength.all(in: file).map(\.lineCount) == [3, 1, 8])
    let cFile = Repository.TextFile(path: "a.c", lines: text.split(separator: "\n").suffix(4).map { $0 })
    #expect(FunctionLength.all(in: cFile).map(\.lineCount) == [4])
  }
}

/// A function and the number of lines from its declaration to its end, in formatted code.
///
/// The formatter puts the closing brace at the indentation of the declaration, so no parser is needed.
struct FunctionLength: CustomStringConvertible {
  let path: String
  let line: Int
  let lineCount: Int
  var description: String { "\(path):\(line): \(lineCount) lines" }

  static func all(in file: Repository.TextFile) -> [FunctionLength] {
    let isC = !file.path.hasSuffix(".swift")
    return file.lines.indices.compactMap { start in
      guard isC ? isFunctionInC(file.lines[start]) : isFunctionInSwift(file.lines[start]) else { return nil }
      guard let end = end(of: start, in: file.lines) else { return nil }
      return FunctionLength(path: file.path, line: start + 1, lineCount: end - start + 1)
    }
  }

  private static func isFunctionInSwift(_ line: Substring) -> Bool {
    let words = line.split(separator: " ").prefix { $0 != "{" && $0 != "=" && !$0.hasPrefix("//") }
    let declaration = words.first {
      !modifiers.contains(String($0.prefix { $0 != "(" })) && !$0.hasPrefix("@")
    }
    guard let declaration else { return false }
    return ["func", "deinit"].contains(declaration)
      || declaration.hasPrefix("init") && isInitializer(declaration)
      || declaration.hasPrefix("subscript")
  }

  private static let modifiers: Set<String> = [
    "public", "package", "internal", "private", "fileprivate", "static", "final", "class", "override",
    "mutating",
    "nonmutating", "consuming", "borrowing", "convenience", "required", "nonisolated", "prefix", "postfix",
  ]

  private static func isInitializer(_ word: Substring) -> Bool {
    guard let next = word.dropFirst(4).first else { return false }
    return "(?<".contains(next)
  }

  private static func isFunctionInC(_ line: Substring) -> Bool {
    guard let first = line.first, first.isLetter || first == "_", line.contains("(") else { return false }
    return !["struct ", "enum ", "typedef ", "union ", "#"].contains { line.hasPrefix($0) }
  }

  /// The line that ends the function; nil where it has no body (a requirement, a prototype).
  private static func end(of start: Int, in lines: [Substring]) -> Int? {
    let indentation = lines[start].prefix { $0 == " " }
    if lines[start].hasSuffix("}"), lines[start].contains("{") { return start }
    var line = start
    while !lines[line].hasSuffix("{") {
      line += 1
      guard line < lines.endIndex, !lines[line].isEmpty, !lines[line - 1].hasSuffix(";") else { return nil }
      let isContinued = lines[line].prefix { $0 == " " }.count > indentation.count
      guard isContinued || ")]}>".contains(lines[line].dropFirst(indentation.count).first ?? "x") else {
        return nil
      }
      if lines[line] == indentation + "}" { return nil }
    }
    return lines[line...].firstIndex { $0 == indentation + "}" }
  }
}
