internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("cstate inspect: every kind of record")
struct InspectTests {
  private let fixture: CommandFixture

  init() throws { fixture = try CommandFixture() }

  private func kinds(_ words: String...) throws -> [String] {
    let outcome = try fixture.cstate(["inspect"] + words)
    #expect(outcome.status == .code(0), "\(words): \(outcome.errorOutput)")
    return try JSONBytes(outcome.output).root.elements().map { try $0.member("kind")?.string() ?? "" }
  }

  /// A container `web`, a pod `pods`, a network of the container, and an exec session of it.
  private func prepare() throws -> (container: String, session: String) {
    let id = try fixture.succeed(
      "create", "--name", "web", "--id", "c1aa", "--label", "k=hunter2",
      try fixture.bundle("exit 0", environment: ["PASSWORD=hunter2"]))
    try fixture.succeed("pod", "add", "p1aa", "--name", "pods", "--label", "k=hunter2")
    try fixture.succeed("volume", "add", "data", "--label", "k=hunter2", "--option", "o=hunter2")
    try fixture.succeed("network", "connect", "front", "web", "--alias", "www")
    // An engine's own program adds sessions; the command only shows them.
    let store = try StateStore(at: StoreLocation(root: fixture.root))
    try store.withLockedContainer(ContainerID(id), wait: .upTo(.seconds(10))) { locked in
      try locked.addExecSession(
        ExecSession(id: ContainerID("s1aa"), container: locked.container.id, command: ["sh"], createdAt: .now)
      )
    }
    try store.close()
    return (id, "s1aa")
  }

  @Test("a container, pod, exec session or network is found by its name, several at once")
  func everyKind() throws {
    let (container, session) = try prepare()
    #expect(try kinds("web") == ["container"])
    #expect(try kinds("pods") == ["pod"])
    #expect(try kinds("p1") == ["pod"])
    #expect(try kinds("front") == ["network"])
    #expect(try kinds(session, "web", "front", "p1aa") == ["exec-session", "container", "network", "pod"])
    #expect(try kinds("data") == ["volume"])
    #expect(try kinds("--type", "volume", "d") == ["volume"])
    let shown = try fixture.json("inspect", session, "front", "web").elements()
    #expect(try shown[0].member("container")?.string() == container)
    let connected = try #require(try shown[1].member("containers")).elements()
    #expect(try connected.map { try $0.member("name")?.string() } == ["web"])
    #expect(try connected[0].member("aliases")?.elements().map { try $0.string() } == ["www"])
    #expect(try shown[2].member("id")?.string() == container)
    #expect(try failure(13, "inspect", "--type", "pod", "nobody").contains("no pod"))
  }

  @Test("what may stand for records of several kinds is an error that names them, and --type decides")
  func ambiguous() throws {
    _ = try prepare()
    try fixture.succeed("pod", "add", "p2bb", "--name", "web")
    let message = try failure(15, "inspect", "web")
    #expect(message.contains("container c1aa, pod p2bb"), "\(message)")
    #expect(try kinds("--type", "pod", "web") == ["pod"])
    #expect(try kinds("--type", "container", "web") == ["container"])
    // A whole id goes before the beginning of another's.
    try fixture.succeed("pod", "add", "c1aab", "--name", "longer")
    #expect(try kinds("c1aa") == ["container"])
    #expect(try failure(15, "inspect", "c1").contains("container c1aa, pod c1aab"))
    #expect(try failure(15, "inspect", "p").contains("pod p1aa, pod p2bb"))
    let usage = try fixture.fail(2, ["inspect", "--type", "house", "web"])
    #expect(usage.contains("a kind is one of container, pod, volume, exec-session, network"), "\(usage)")
    #expect(try failure(13, "inspect", "--type", "exec-session", "web").contains("no exec-session"))
  }

  /// What `inspect` says where nothing is found; it prints an empty array.
  private func failure(_ status: Int32, _ words: String...) throws -> String {
    let outcome = try fixture.cstate(words)
    #expect(outcome.status == .code(status), "\(words): \(outcome.errorOutput)")
    #expect(try JSONBytes(outcome.output).root.elements().isEmpty)
    return outcome.errorOutput
  }

  @Test("no verb prints the value of a label or of a variable unless it is asked to")
  func secrets() throws {
    let (container, _) = try prepare()
    for words in [
      ["inspect", "web", "pods", "front", "s1aa", "data"], ["volume", "inspect", "data"], ["volume", "ls"],
      ["pod", "inspect", "pods"], ["pod", "ls"], ["ps", "-a"],
      ["ps", "-a", "--filter", "label=k=hunter2"], ["events", "--no-follow"], ["network", "ls", "web"],
      ["exec-session", "ls"], ["exit-code", "ls"], ["locks", "-a"], ["verify"], ["info"],
      ["inspect", "nobody"],
    ] {
      for format in [["--format", "json"], []] {
        let outcome = try fixture.cstate(format + words)
        #expect(!(outcome.output + outcome.errorOutput).contains("hunter2"), "\(words)")
      }
    }
    let shown = try fixture.succeed("inspect", "--show-secrets", "web", "pods", "data")
    #expect(
      shown.split(separator: "hunter2").count == 6, "a label, a variable, a pod's label, and a volume's two")
    #expect(try fixture.succeed("rm", "--force", container) == container, "its exec session goes with it")
    #expect(try fixture.succeed("verify") == "No violation.")
  }
}
