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

  @Test("on a terminal each list takes the place of the one before, and an interrupt leaves it as it was")
  func terminal() throws {
    try fixture.succeed("create", "--name", "first", try fixture.bundle("exit 0"))
    let (before, after) = (fixture.directory.path("before"), fixture.directory.path("after"))
    let words = [try buildDirectory() + "/cstate"] + fixture.options + ["ps", "-a", "--watch"]
    let command = words.map { "'\($0)'" }.joined(separator: " ")
    let child = try ChildProcess(
      executable: "/usr/bin/script",
      [
        "-qec", "trap : INT; stty -g >'\(before)'; \(command); echo status $?; stty -g >'\(after)'",
        "/dev/null",
      ],
      environment: ["CSTATE_ROOT": nil, "SHELL": "/bin/sh"])
    try expectScreen(of: ["first"], child)
    try fixture.succeed("create", "--name", "second", try fixture.bundle("exit 0"))
    try expectScreen(of: ["second", "first"], child)
    try fixture.succeed("rm", "first")
    try expectScreen(of: ["second"], child)
    // What the key for an interrupt sends.
    try child.send("\u{3}")
    var last = ""
    while !last.hasSuffix("status 0\r") {
      last = try #require(try child.line(within: .seconds(30)), "it ended")
      // Of what was changed before it may not all have been printed.
      let text = last.hasPrefix(Self.clear) ? String(last.dropFirst(Self.clear.count)) : last
      #expect(!text.contains("\u{1B}"), "\(last)")
    }
    #expect(try child.waitForExit(within: .seconds(30)) == .code(0))
    #expect(try readText(atPath: before) == readText(atPath: after))
    #expect(try readText(atPath: before).contains(":"))
    try fixture.succeed("rm", "second")
  }

  @Test("verify draws how far it is on a terminal, and leaves nothing of it there")
  func progressBar() throws {
    try fixture.succeed("create", "--name", "first", try fixture.bundle("exit 0"))
    let words = [try buildDirectory() + "/cstate"] + fixture.options + ["verify"]
    let command = words.map { "'\($0)'" }.joined(separator: " ")
    let outcome = try ChildProcess.run(
      executable: "/usr/bin/script", ["-qec", command, "/dev/null"], environment: ["CSTATE_ROOT": nil])
    #expect(outcome.status == .code(0))
    let line = "\r\u{1B}[K"
    let bar = String(repeating: "-", count: 30)
    #expect(outcome.output.contains("\(line)checking containers [\(bar)] 0 of 1\(line)"))
    #expect(outcome.output.hasSuffix(line + "No violation.\r\n"))
    try fixture.succeed("rm", "first")
  }

  private static let clear = "\u{1B}[2J\u{1B}[H"

  /// Reads until a cleared screen has these containers on it and no others.
  private func expectScreen(of names: [String], _ child: ChildProcess) throws {
    var found: [String]?
    while found != names {
      let line = try #require(try child.line(within: .seconds(30)), "it ended")
      #expect(line.hasSuffix("\r"))
      if line.hasPrefix(Self.clear + "CONTAINER ID ") {
        found = []
      } else {
        #expect(!line.contains("\u{1B}"), "\(line)")
        found?.append(line.dropLast().split(separator: " ").last.map(String.init) ?? "")
      }
    }
  }
}
