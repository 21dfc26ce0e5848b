internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("cstate --format json")
struct JSONTests {
  private let fixture: CommandFixture

  init() throws { fixture = try CommandFixture() }

  private func keys(_ value: JSONView) throws -> Set<String> { Set(try value.members().map(\.key)) }

  @Test("ps prints an array of objects with units in their keys, [] where there is nothing")
  func list() throws {
    #expect(try fixture.json("ps", "-a").elements().isEmpty)
    try fixture.succeed("run", "-d", "--name", "web", "--image", "busybox:1", try fixture.endlessBundle())
    let running = try #require(try fixture.json("ps").elements().first)
    #expect(
      try keys(running) == [
        "id", "name", "image", "status", "recorded_status", "created_at_ns", "started_at_ns", "pid", "labels",
        "ports",
      ])
    #expect(try running.member("status")?.string() == "running")
    #expect(try running.member("image")?.string() == "busybox:1")
    try fixture.succeed("stop", "web")
    let ended = try #require(try fixture.json("ps", "-a").elements().first)
    #expect(try keys(ended).isSuperset(of: ["finished_at_ns", "exit_code"]))
    #expect(try ended.member("exit_code")?.int64() == 143)
  }

  @Test("ps shows ports and labels, and hides what labels say unless it is asked to show it")
  func listedParts() throws {
    let store = try StateStore(at: StoreLocation(root: fixture.root))
    var details = ContainerDetails()
    details.labels = ["token": "hunter2"]
    details.portMappings = [
      PortMapping(hostPort: 8080, containerPort: 80),
      PortMapping(hostAddress: "::1", hostPort: 53, containerPort: 5353, transport: "udp"),
    ]
    try store.add(
      ContainerConfiguration(id: ContainerID("abc"), name: "web", createdAt: .now, details: details),
      specification: JSONBytes("{}"))
    try store.close()
    let listed = try #require(try fixture.json("ps", "-a").elements().first)
    #expect(try listed.at("labels", "token")?.string() == "(hidden)")
    let ports = try #require(try listed.member("ports")?.elements())
    #expect(try ports.map { try $0.member("host_port")?.int64() } == [8080, 53])
    #expect(try ports[1].member("host_address")?.string() == "::1")
    let shown = try #require(try fixture.json("ps", "-a", "--show-secrets").elements().first)
    #expect(try shown.at("labels", "token")?.string() == "hunter2")
    #expect(try fixture.succeed("ps", "-a").contains(" 8080->80/tcp, [::1]:53->5353/udp "))
    let damage = "UPDATE container_listing SET labels = x'7b22', ports = x'5b22';"
    let shell = try ChildProcess.run(
      executable: "/usr/bin/sqlite3", ["-cmd", ".timeout 10000", fixture.root + "/state.db", damage])
    #expect(shell.status == .code(0))
    let damaged = try fixture.cstate(["ps", "-a"])
    #expect(damaged.output.contains(" ?       web"), "\(damaged.output)")
    #expect(
      damaged.errorOutput.contains("the ports that listings show are damaged"), "\(damaged.errorOutput)")
    #expect(damaged.status != .code(0))
    let json = try JSONBytes(try fixture.cstate(["ps", "-a", "--format", "json"]).output).root.elements()
    #expect(try json.first.map { try keys($0).isDisjoint(with: ["labels", "ports"]) } == true)
  }

  @Test("create, start, wait and rm say whom they acted on")
  func actions() throws {
    let created = try fixture.json("create", "--name", "web", try fixture.bundle("exit 9"))
    #expect(try keys(created) == ["id", "name"])
    let id = try created.member("id")?.string()
    for verb in ["start", "wait", "rm"] {
      let done = try #require(try fixture.json(verb, "web").elements().first)
      #expect(try done.member("name")?.string() == "web")
      #expect(try done.member("id")?.string() == id)
      #expect(try keys(done) == (verb == "wait" ? ["name", "id", "exit_code"] : ["name", "id"]))
    }
  }

  @Test("secrets in environment, labels and annotations are hidden unless asked for")
  func inspect() throws {
    let bundle = try fixture.bundle("exit 0", environment: ["PATH=/bin", "PASSWORD=hunter2"])
    try fixture.succeed("create", "--name", "web", "--label", "token=hunter2", bundle)
    let shown = try fixture.cstate(["inspect", "web"])
    #expect(!shown.output.contains("hunter2"))
    let container = try #require(try JSONBytes(shown.output).root.elements().first)
    #expect(try container.at("configuration", "labels", "token")?.string() == "(hidden)")
    let environment = try container.at("specification", "process", "env")?.elements().map { try $0.string() }
    #expect(environment == ["PATH=(hidden)", "PASSWORD=(hidden)"])
    #expect(try container.at("state", "status")?.string() == "created")
    #expect(
      try keys(container).isSuperset(of: [
        "id", "name", "created_at_ns", "configuration", "state", "specification",
      ]))
    let secrets = try fixture.succeed("inspect", "--show-secrets", "web")
    #expect(secrets.contains("PASSWORD=hunter2"))
    #expect(
      try JSONBytes(secrets).root.elements()[0].at("configuration", "labels", "token")?.string() == "hunter2")
  }

  @Test("inspect prints what it found beside what it did not")
  func inspectPartly() throws {
    try fixture.succeed("create", "--name", "web", try fixture.bundle("exit 0"))
    let outcome = try fixture.cstate(["inspect", "nobody", "web"])
    #expect(outcome.status == .code(13))
    #expect(try JSONBytes(outcome.output).root.elements().count == 1)
  }

  @Test("recover, verify, locks, info and version have their documented shapes")
  func reports() throws {
    #expect(
      try keys(fixture.json("recover")) == [
        "rebooted", "reset", "settled", "removed_directories", "reaped_lockfiles",
        "reaped_specification_files", "held", "unmounted_volumes", "held_volumes", "failures",
      ])
    #expect(try fixture.json("verify").elements().isEmpty)
    #expect(try keys(fixture.json("locks")) == ["locks", "database_locks"])
    let info = try fixture.json("info")
    #expect(
      try keys(info).isSuperset(of: [
        "version", "root", "lock_directory", "specification_directory", "schema_version", "containers",
        "sqlite_version", "sqlite_has_wal_reset_race", "warnings", "chosen_runtime", "runtimes",
      ]))
    #expect(try info.member("chosen_runtime")?.string() == "builtin")
    let runtimes = try info.member("runtimes")?.elements() ?? []
    #expect(try runtimes.map { try $0.member("name")?.string() } == ["runc", "crun", "builtin"])
    #expect(try keys(fixture.json("version")) == ["version"])
  }

  @Test("recover names what the store could not remove, on standard error and in JSON")
  func unremovable() throws {
    try fixture.succeed("ps")
    let path = fixture.root + "/locks/strange.lock"
    #expect(mkfifo(path, 0o600) == 0)
    let outcome = try fixture.cstate(["--format", "json", "recover"])
    #expect(outcome.status != .code(0))
    #expect(outcome.errorOutput.contains("\(path): not recovered: "), "\(outcome.errorOutput)")
    let failures = try #require(try JSONBytes(outcome.output).root.member("failures")).elements()
    #expect(try failures.map { try $0.member("subject")?.string() } == [path])
  }

  @Test("locks names the holder of a container's lock, and who waits for it")
  func locks() throws {
    try fixture.succeed("create", "--name", "web", try fixture.bundle("exit 0"))
    let all = try #require(try fixture.json("locks", "-a").member("locks")).elements()
    let subjects = try all.compactMap { try $0.member("subject")?.string() }
    let id = try fixture.succeed("ps", "-aq", "--no-trunc")
    #expect(Set(subjects) == ["gate", id])
    #expect(try all.allSatisfy { try $0.member("holder") == nil })
  }
}
