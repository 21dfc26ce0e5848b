internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("cstate: where the store is")
struct PlaceTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// Runs `cstate` as a user who is not root: uid 1000 in a user namespace of its own.
  private func asUser(
    _ words: [String], environment: [String: String?]
  ) throws -> ChildProcess.Outcome {
    try ChildProcess.run(
      executable: "/usr/bin/unshare",
      ["--user", "--map-user=1000", "--map-group=1000", try buildDirectory() + "/cstate"] + words,
      environment: environment)
  }

  private func root(_ outcome: ChildProcess.Outcome) throws -> (root: String?, locks: String?) {
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    let info = try JSONBytes(outcome.output).root
    return (try info.member("root")?.string(), try info.member("lock_directory")?.string())
  }

  private static let info = ["info", "--format", "json", "--runtime", "builtin"]

  @Test("--root goes before $CSTATE_ROOT, that before $XDG_STATE_HOME, that before $HOME")
  func order() throws {
    for name in ["option", "variable", "state", "home", "runtime"] {
      try #require(mkdir(directory.path(name), 0o700) == 0)
    }
    var environment: [String: String?] = [
      "CSTATE_ROOT": directory.path("variable"), "XDG_STATE_HOME": directory.path("state"),
      "XDG_RUNTIME_DIR": directory.path("runtime"), "HOME": directory.path("home"),
    ]
    func found(_ words: [String] = []) throws -> (root: String?, locks: String?) {
      try root(asUser(PlaceTests.info + words, environment: environment))
    }
    #expect(try found(["--root", directory.path("option")]).root == directory.path("option"))
    #expect(try found() == (directory.path("variable"), directory.path("variable/locks")))
    environment["CSTATE_ROOT"] = .some(nil)
    #expect(try found() == (directory.path("state/cstate"), directory.path("runtime/cstate/locks")))
    environment["XDG_STATE_HOME"] = .some(nil)
    environment["XDG_RUNTIME_DIR"] = .some(nil)
    #expect(try found().root == directory.path("home/.local/state/cstate"))
    environment["HOME"] = .some(nil)
    let outcome = try asUser(["ps"], environment: environment)
    #expect(outcome.status == .code(12))
    #expect(outcome.errorOutput.contains("XDG_STATE_HOME"))
  }

  @Test("root's store is in /var/lib/cstate, its lockfiles in /run/cstate/locks")
  func rootsStore() throws {
    let script =
      "mount -t tmpfs none /var/lib && mount -t tmpfs none /run && \"$0\" info --format json --runtime "
      + "builtin "
      + "&& \"$0\" --root /var/lib/cstate ps"
    let outcome = try ChildProcess.run(
      executable: "/usr/bin/unshare",
      ["--user", "--map-root-user", "--mount", "/bin/sh", "-c", script, try buildDirectory() + "/cstate"],
      environment: ["CSTATE_ROOT": nil])
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    #expect(outcome.output.contains("\"root\": \"/var/lib/cstate\""))
    #expect(outcome.output.contains("\"lock_directory\": \"/run/cstate/locks\""))
    #expect(outcome.output.hasSuffix("NAME\n"), "the same store with its root spelled out")
  }

  @Test("on a read-only file system ps answers or says why not, and never that there are no containers")
  func readOnly() throws {
    let fixture = try CommandFixture()
    try fixture.succeed("create", "--name", "web", try fixture.bundle("exit 0"))
    let script =
      "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && exec \"$0\" --root \"$1\" \"$2\" "
      + "\"$3\""
    func readOnly(_ words: String...) throws -> ChildProcess.Outcome {
      try ChildProcess.run(
        executable: "/usr/bin/unshare",
        [
          "--user", "--map-root-user", "--mount", "/bin/sh", "-c", script, try buildDirectory() + "/cstate",
          fixture.root,
        ]
          + words)
    }
    let listed = try readOnly("ps", "-a")
    if listed.status == .code(0) {
      #expect(listed.output.contains("web"))
    } else {
      #expect(listed.status == .code(37), "\(listed.errorOutput)")
      #expect(listed.output.isEmpty)
      #expect(listed.errorOutput.contains(fixture.root))
    }
    let started = try readOnly("start", "web")
    #expect(started.status == .code(37), "\(started.errorOutput)")
    #expect(started.errorOutput.contains("mount"))
    #expect(try fixture.succeed("verify") == "No violation.")
  }
}
