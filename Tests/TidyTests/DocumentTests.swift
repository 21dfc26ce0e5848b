internal import StoreTestSupport
internal import Testing

@Suite("Tidy: documents")
struct DocumentTests {
  let repository: Repository
  init() throws { repository = try Repository.current.get() }

  static let requiredDocuments = [
    "README.md", "CONTRIBUTING.md", "LICENSE", "docs/architecture.md", "docs/locking-protocol.md",
    "docs/on-disk-format.md", "docs/durability.md", "docs/testing.md", "docs/embedding.md",
    "docs/decisions/README.md",
  ]

  @Test("the documents that the sources refer to are there", arguments: requiredDocuments)
  func isThere(path: String) {
    #expect(repository.file(path) != nil)
  }

  @Test("relative links lead somewhere")
  func links() {
    let broken = repository.documents.flatMap { document in
      relativeLinks(in: document).filter { !leadsSomewhere($0, from: document.path) }
        .map { "\(document.path): \($0)" }
    }
    expectNone(broken)
  }

  @Test("every decision record is called NNNN-title.md, has a number of its own, and is linked from the list")
  func decisionRecords() {
    let folder = "docs/decisions/"
    let records = repository.documents.map(\.path)
      .filter { $0.hasPrefix(folder) && $0 != folder + "README.md" }.map { $0.dropFirst(folder.count) }
    #expect(Set(records.map { $0.prefix(4) }).count == records.count, "\(records)")
    expectNone(records.filter { !isWellNamed($0) })
    let list = repository.file(folder + "README.md").map { relativeLinks(in: $0) } ?? []
    expectNone(records.filter { !list.contains(String($0)) })
  }

  private func isWellNamed(_ record: Substring) -> Bool {
    let number = record.prefix(4)
    let title = record.dropFirst(4).dropLast(3)
    let isPlain = title.allSatisfy { $0 == "-" || $0.isASCII && ($0.isLowercase || $0.isNumber) }
    let isNumbered = number.allSatisfy { $0.isASCII && $0.isNumber }
    return isNumbered && isPlain && title.hasPrefix("-") && title.count > 1
  }

  @Test("the README's first command stands by line 20")
  func firstCommand() {
    let line = repository.file("README.md")?.lines.firstIndex { $0.hasPrefix("```") }
    #expect(line.map { $0 < 20 } == true)
  }

  /// Targets of `[text](target)`, without anchors and addresses on the net, outside code fences.
  private func relativeLinks(in document: Repository.TextFile) -> [String] {
    var isCode = false
    var links: [String] = []
    for line in document.lines {
      if line.drop(while: { $0 == " " }).hasPrefix("```") { isCode.toggle() }
      guard !isCode else { continue }
      for part in line.split(separator: "](", omittingEmptySubsequences: false).dropFirst() {
        let target = part.prefix { $0 != ")" && $0 != "#" && $0 != " " }
        if !target.isEmpty, !target.contains("://"), !target.hasPrefix("mailto:") {
          links.append(String(target))
        }
      }
    }
    return links
  }

  private func leadsSomewhere(_ target: String, from path: String) -> Bool {
    let folder = path.lastIndex(of: "/").map { path[..<$0] } ?? "."
    return status(ofPath: "\(repository.root)/\(folder)/\(target)") != nil
  }
}
