internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("cstate ps --watch")
struct WatchTests {
  private let fixture: CommandFixture

  init() throws { fixture = try CommandFixture() }

  private func watch(_ words: String...) throws -> ChildProcess {
    try ChildProcess(
      executable: "cstate", fixture.options + ["ps", "-a", "--watch"] + words,
      environment: ["CSTATE_ROOT": nil])
  }

  /// The next table, without its header: tables end with an empty line where no terminal is.
  private func table(_ child: ChildProcess) throws -> [String] {
    var lines: [String] = []
    while true {
      let line = try #require(try child.line(within: .seconds(30)), "it ended")
      if line.isEmpty { return Array(lines.dropFirst()) }
      lines.append(line)
    }
  }

  /// Reads tables until one is as it should be; every change of a container is several.
  private func expectTable(
    _ child: ChildProcess, _ what: String, _ isRight: ([String]) -> Bool
  ) throws {
    for _ in 0..<50 {
      if isRight(try table(child)) { return }
    }
    Issue.record("no table with \(what)")
  }

  @Test(
    "the list is printed at once and after each change, until a signal ends it with status 0",
    arguments: [SIGINT, SIGTERM])
  func tables(signal: Int32) throws {
    try fixture.succeed("create", "--name", "first", try fixture.bundle("exit 0"))
    let child = try watch()
    let start = try table(child)
    #expect(start.count == 1 && start[0].hasSuffix(" first"))
    try fixture.succeed("create", "--name", "second", try fixture.bundle("exit 0"))
    try expectTable(child, "both") { $0.count == 2 && $0[0].hasSuffix(" second") }
    try fixture.succeed("rm", "first")
    try expectTable(child, "the second alone") { $0.count == 1 && $0[0].hasSuffix(" second") }
    child.signal(signal)
    #expect(try child.waitForExit() == .code(0))
    try fixture.succeed("rm", "second")
  }

  @Test("with --format json each list is one line")
  func lines() throws {
    let child = try watch("--format", "json")
    #expect(try child.line(within: .seconds(30)) == "[]")
    try fixture.succeed("create", "--name", "web", try fixture.bundle("exit 0"))
    var names: [String?] = []
    for _ in 0..<50 where names != ["web"] {
      let line = try #require(try child.line(within: .seconds(30)))
      names = try JSONBytes(line).root.elements().map { try $0.member("name")?.string() }
    }
    #expect(names == ["web"])
    child.signal(SIGINT)
    #expect(try child.waitForExit() == .code(0))
  }
}
