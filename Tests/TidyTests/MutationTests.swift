internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Tidy: planted bugs")
struct MutationTests {
  let repository: Repository
  init() throws { repository = try Repository.current.get() }

  @Test("each bug can still be planted, the checks that are to find it are there, and the document lists it")
  func check() throws {
    let outcome = try ChildProcess.run(
      executable: repository.root + "/scripts/mutations", ["--check"], within: .seconds(60))
    #expect(outcome.status == .code(0), "\(outcome.output)\(outcome.errorOutput)")
    #expect(repository.files.count { $0.path.hasPrefix("StressTests/mutations/") } >= 20)
  }

  /// A mutation of the sources below, and what is said of it.
  struct Table: CustomTestStringConvertible, Sendable {
    var what = "what: a bug"
    var find = "  let a = 1"
    var check = "test ATests.OneTests/one"
    var document = "| `bug` | a bug | L-1 | `OneTests/one` |"
    let complaint: String
    var testDescription: String { complaint.isEmpty ? "nothing" : complaint }

    var mutation: String {
      """
      \(what)
      rule: L-1
      check: \(check)
      source: Sources/a.swift
      --- find
      \(find)
      --- put
        let a = 2
      --- end

      """
    }
  }

  static let tables = [
    Table(complaint: ""),
    Table(
      check: "stress --seed 7", document: "| `bug` | a bug | L-1 | `cstate-stress --seed 7` |",
      complaint: ""),
    Table(find: "  let a = 3", complaint: "bug: Sources/a.swift has no such text any more"),
    Table(find: "let a = 1", complaint: "bug: Sources/a.swift has no such text any more"),
    Table(find: "  twice", complaint: "bug: Sources/a.swift has this text more than once"),
    Table(check: "test ATests.OneTests/two", complaint: "bug: there is no test ATests.OneTests/two"),
    Table(check: "test ATests.TwoTests/one", complaint: "bug: there is no test ATests.TwoTests/one"),
    Table(check: "test BTests.OneTests/one", complaint: "bug: there is no test BTests.OneTests/one"),
    Table(check: "stress --seconds 5", complaint: "bug: 'stress --seconds 5' has no seed"),
    Table(check: "prayer", complaint: "bug: a check is"),
    Table(what: "whatever", complaint: "bug: 'whatever' is no line of a mutation"),
    Table(what: "", complaint: "bug: 'what', 'rule', 'check'"),
    Table(document: "", complaint: "docs/testing.md (>) has other rows"),
    Table(document: "| `bug` | another bug | L-1 | `OneTests/one` |", complaint: "docs/testing.md (>)"),
  ]

  @Test("a table that has rotted is refused, and says where", arguments: tables)
  func rotten(table: Table) throws {
    let directory = try TemporaryDirectory()
    for path in [
      "scripts", "Sources", "Tests", "Tests/ATests", "StressTests", "StressTests/mutations", "docs",
    ] {
      #expect(mkdir(directory.path(path), 0o700) == 0)
    }
    let script = try readText(atPath: repository.root + "/scripts/mutations")
    try write(script, toPath: directory.path("scripts/mutations"), mode: 0o700)
    try write("{\n  let a = 1\n  twice\n  twice\n}\n", toPath: directory.path("Sources/a.swift"))
    try write(
      "struct OneTests {\n  func one() {}\n}\n", toPath: directory.path("Tests/ATests/OneTests.swift"))
    try write(table.mutation, toPath: directory.path("StressTests/mutations/bug"))
    try write(
      "# T\n\n## Planted bugs\n\n\(table.document)\n\n## Next\n", toPath: directory.path("docs/testing.md"))
    let outcome = try ChildProcess.run(executable: directory.path("scripts/mutations"), ["--check"])
    #expect(
      outcome.status == .code(table.complaint.isEmpty ? 0 : 2), "\(outcome.output)\(outcome.errorOutput)")
    #expect(outcome.errorOutput.contains(table.complaint))
    #expect(outcome.errorOutput.isEmpty == table.complaint.isEmpty)
  }
}
