internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("cstate: one exit status for each kind of failure, with subject and remedy")
struct ErrorStatusTests {
  private let fixture: CommandFixture

  init() throws { fixture = try CommandFixture() }

  private func expect(
    _ message: String, contains parts: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for part in parts { #expect(message.contains(part), "\(message)", sourceLocation: sourceLocation) }
  }

  /// Changes the database with a foreign program.
  private func sqlite(_ statements: String) throws {
    let outcome = try ChildProcess.run(
      executable: "/usr/bin/sqlite3",
      [
        "-cmd", ".timeout 10000", fixture.root + "/state.db",
        "PRAGMA ignore_check_constraints=ON; \(statements)",
      ])
    try #require(outcome.status == .code(0), "\(outcome.errorOutput)")
  }

  @Test("moments and durations that no clock has shown are listed and waited for, not a crash")
  func absurdTimes() throws {
    try fixture.succeed("create", "--name", "web", try fixture.bundle("exit 0"))
    try sqlite("UPDATE record SET created_at_ns = -9223372036854775808;")
    try sqlite("UPDATE container_state SET status = 7, finished_at_ns = -9223372036854775808, exit_code = 3;")
    expect(try fixture.succeed("ps", "-a"), contains: "web", "292 years ago")
    #expect(try fixture.succeed("wait", "--timeout", "2147483647h", "web") == "3")
  }

  @Test("10 to 17: names and ids")
  func names() throws {
    let bundle = try fixture.bundle("exit 0")
    for id in ["aaaa1", "aaaa2"] { try fixture.succeed("create", "--id", id, "--name", "name-\(id)", bundle) }
    expect(try fixture.fail(11, ["start", ""]), contains: "cstate: start: ", "none was given")
    expect(try fixture.fail(12, ["start", "a b"]), contains: "'a b'", "letters, digits")
    expect(try fixture.fail(12, ["create", "--name", "..", bundle]), contains: "'..'")
    expect(try fixture.fail(13, ["stop", "nobody"]), contains: "stop: nobody: ", "list what there is")
    expect(
      try fixture.fail(14, ["create", "--name", "name-aaaa1", bundle]), contains: "name-aaaa1",
      "choose another")
    expect(
      try fixture.fail(14, ["create", "--id", "aaaa1", bundle]), contains: "id aaaa1", "generate another")
    expect(try fixture.fail(15, ["wait", "aaaa"]), contains: "aaaa1", "aaaa2", "type more of it")
  }

  @Test("50 to 60: the engine, with what to do")
  func engine() throws {
    let nowhere = fixture.directory.path("nowhere")
    expect(
      try fixture.fail(52, ["create", nowhere]), contains: "create: \(nowhere): ",
      "give that of an OCI bundle")
    expect(try fixture.fail(52, ["create", fixture.directory.path]), contains: "config.json")
    try fixture.succeed("create", "--name", "web", try fixture.bundle("exit 0"))
    expect(
      try fixture.fail(50, ["--runtime", "\(nowhere)/runc", "create", try fixture.bundle("exit 0")]),
      contains: "\(nowhere)/runc")
    try fixture.succeed("run", "--detach", "--name", "endless", try fixture.endlessBundle())
    expect(try fixture.fail(54, ["start", "endless"]), contains: "running already", "stop it first")
    try fixture.succeed("stop", "--time", "5", "endless")
    expect(try fixture.fail(53, ["kill", "endless"]), contains: "no process", "start it first")
    let run = try fixture.cstate(["run", nowhere])
    #expect(run.status == .code(125))
    expect(run.errorOutput, contains: "cstate: run: \(nowhere): ")
  }

  @Test("22: a lock that somebody else holds; the message names him")
  func lockTimeout() throws {
    try fixture.succeed("create", "--name", "web", try fixture.bundle("exit 0"))
    let store = try StateStore(at: StoreLocation(root: fixture.root))
    let id = try store.lookUpContainer("web").id
    try store.withLockedContainer(id, wait: .none, operation: "hold") { _ in
      let message = try fixture.fail(22, ["--wait", "0", "start", "web"])
      expect(message, contains: id.rawValue, "pid \(getpid())", "hold")
      let locks = try #require(try fixture.json("locks").member("locks")).elements()
      let held = try #require(try locks.first { try $0.member("subject")?.string() == id.rawValue })
      #expect(try held.at("holder", "pid")?.int64() == Int64(getpid()))
      #expect(try held.at("holder", "operation")?.string() == "hold")
      #expect(try fixture.succeed("ps", "-aq", "--no-trunc") == id.rawValue, "reading waits for nobody")
    }
    try store.close()
    try fixture.succeed("--wait", "0", "start", "web")
  }

  @Test("29: a damaged row is named, and the others are listed")
  func corrupt() throws {
    for name in ["good", "bad"] {
      try fixture.succeed("create", "--name", name, try fixture.bundle("exit 0"))
    }
    try sqlite(
      "UPDATE container_state SET status = 99 WHERE generation = (SELECT generation FROM record WHERE name "
        + "= 'bad');"
    )
    let listed = try fixture.cstate(["ps", "-a"])
    #expect(listed.status == .code(29))
    #expect(listed.output.contains("good"))
    expect(listed.errorOutput, contains: "cstate: ps: ", "run verify")
    #expect(try fixture.cstate(["verify"]).status == .code(3))
    try fixture.succeed("rm", "good")
  }

  @Test("30: two commands that disagree about where the locks are")
  func identityMismatch() throws {
    try fixture.succeed("ps")
    let message = try fixture.fail(30, ["--lock-directory", fixture.directory.path("elsewhere"), "ps"])
    expect(message, contains: fixture.root, "elsewhere")
  }

  @Test("31: a store of a newer version")
  func schemaTooNew() throws {
    try fixture.succeed("ps")
    try sqlite("PRAGMA user_version = 999;")
    expect(try fixture.fail(31, ["ps"]), contains: "state.db", "999", "newer program")
  }

  @Test("33: a file that is no store")
  func notDatabase() throws {
    try #require(mkdir(fixture.root, 0o700) == 0)
    try write(String(repeating: "no database ", count: 1_000), toPath: fixture.root + "/state.db")
    expect(try fixture.fail(33, ["ps"]), contains: "state.db", "move it away")
  }

  @Test("35: a directory that others may write to")
  func unsafePermissions() throws {
    try fixture.succeed("ps")
    try #require(chmod(fixture.root, 0o777) == 0)
    let outcome = try fixture.cstate(["ps"])
    // Mode drift is repaired or refused; listing as if nothing were wrong is neither.
    let mode = (status(ofPath: fixture.root)?.st_mode ?? 0) & 0o777
    #expect(outcome.status == .code(35) || mode == 0o700, "\(outcome), mode \(String(mode, radix: 8))")
  }

  @Test("a container whose process is gone is shown as unknown, with the remedy, and recover records its end")
  func deadProcess() throws {
    try fixture.succeed("run", "-d", "--name", "web", try fixture.endlessBundle())
    let container = try #require(try fixture.json("inspect", "web").elements().first)
    let monitor = Int32(try #require(try container.at("state", "monitor_pid")).int64())
    let process = Int32(try #require(try container.at("state", "pid")).int64())
    kill(monitor, SIGKILL)
    kill(process, SIGKILL)
    try waitUntil("monitor \(monitor) and process \(process) to be gone") {
      ProcessIdentity.running(pid: monitor) == nil && ProcessIdentity.running(pid: process) == nil
    }
    expect(try fixture.succeed("ps"), contains: "Unknown (run `cstate recover`)")
    let row = try #require(try fixture.json("ps").elements().first)
    #expect(try row.member("status")?.string() == "unknown")
    #expect(try row.member("recorded_status")?.string() == "running")
    expect(try fixture.succeed("recover"), contains: "unknown exit code")
    expect(try fixture.succeed("ps", "-a"), contains: "Exited (unknown)")
    #expect(try fixture.succeed("wait", "web") == "-1")
    #expect(try fixture.succeed("recover") == "Nothing to recover.")
    try fixture.succeed("rm", "web")
  }
}
