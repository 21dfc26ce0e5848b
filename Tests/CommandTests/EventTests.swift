internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("cstate events")
struct EventTests {
  private let fixture: CommandFixture

  init() throws { fixture = try CommandFixture() }

  private func objects(_ words: String...) throws -> [JSONView] {
    let outcome = try fixture.cstate(["--format", "json", "events", "--no-follow"] + words)
    #expect(outcome.status == .code(0), "\(words): \(outcome.errorOutput)")
    return try outcome.output.split(separator: "\n").map { try JSONBytes(String($0)).root }
  }

  @Test("what there is, as lines and as one JSON object a line; since, until and filters")
  func listed() throws {
    for name in ["web", "db"] { try fixture.succeed("create", "--name", name, try fixture.bundle("exit 0")) }
    let all = try objects()
    #expect(all.count >= 4)
    #expect(try all[0].member("action")?.string() == "added")
    #expect(
      try Set(all[0].members().map(\.key))
        == ["sequence", "kind", "id", "action", "to", "revision", "writer_pid", "at_ns"])
    let sequences = try all.map { try $0.member("sequence")?.int64() }
    #expect(sequences == (1...Int64(all.count)).map { $0 })
    #expect(try objects("--since", "2").count == all.count - 2)
    #expect(try objects("--until", "2").count == 2)
    #expect(try objects("--since", "-5m").count == all.count)
    #expect(try objects("--until", "-5m").isEmpty)
    #expect(try objects("--filter", "action=added", "--filter", "kind=container").count == 2)
    #expect(try objects("--filter", "kind=pod").isEmpty)
    let lines = try fixture.succeed("events", "--no-follow").split(separator: "\n")
    #expect(lines.count == all.count)
    #expect(lines[0].hasPrefix("1 ") && lines[0].contains(" container added "), "\(lines[0])")
  }

  @Test("it follows what other commands do, until it is ended")
  func followed() throws {
    try fixture.succeed("create", "--name", "first", try fixture.bundle("exit 0"))
    let events = try ChildProcess(
      executable: "cstate", fixture.options + ["events", "--since", "0", "--filter", "action=added"],
      environment: ["CSTATE_ROOT": nil])
    try events.expect("1 ", within: .seconds(30))
    try fixture.succeed("create", "--name", "second", try fixture.bundle("exit 0"))
    let line = try #require(try events.line(within: .seconds(30)))
    #expect(line.contains(" container added "), "\(line)")
    events.signal(SIGTERM)
    #expect(try events.waitForExit() == .signal(SIGTERM))
  }

  @Test("a place, filter or pair of options that cannot be is refused")
  func misuse() throws {
    for words in [
      ["--since", "soon"], ["--since", "-5"], ["--until", "-x"], ["--filter", "kind"],
      ["--filter", "kind=x"],
      ["--filter", "colour=red"], ["--filter", "action=x"], ["--follow", "--no-follow"],
    ] {
      try fixture.fail(2, ["events"] + words)
    }
    try fixture.fail(12, ["events", "--no-follow", "--since", "7"])
  }
}
