internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("Exec sessions, exit codes, networks")
struct PartTests {
  let fixture: StoreFixture
  let store: StateStore
  let id: ContainerID
  private let patience = LockWait.upTo(.seconds(10))

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    id = try store.add("abc")
  }

  private func locked(_ body: (borrowing LockedContainer) throws -> Void) throws {
    try store.withLockedContainer(id, wait: patience, body)
  }

  private func session(_ text: String, extra: JSONBytes? = nil) throws -> ExecSession {
    ExecSession(
      id: try ContainerID(text), container: id, command: ["sh", "-c", "echo ü"],
      createdAt: Timestamp(nanosecondsSinceEpoch: 7), extra: extra)
  }

  @Test("an exec session comes back as it was added, and changes under its container's lock")
  func sessions() throws {
    let added = try session("s1", extra: JSONBytes("{ }"))
    try locked { try $0.addExecSession(added) }
    #expect(try store.execSession(added.id) == added)
    try locked { locked in
      try locked.updateExecSession(added.id, expecting: 1) {
        $0.status = .running
        $0.pid = 77
      }
      expectError(.conflict) { try locked.updateExecSession(added.id, expecting: 1) { _ in } }
      expectError(.invalidArgument) { try locked.updateExecSession(added.id) { $0.status = .stopped } }
      try locked.updateExecSession(added.id) {
        $0.status = .stopped
        $0.pid = 0
        $0.exitCode = 3
      }
    }
    let found = try store.execSession(added.id)
    #expect(found.status == .stopped && found.exitCode == 3 && found.revision == 3)
    #expect(try store.execSessions(of: id) == [found])
    #expect(try store.execSessions() == [found])
    try expectClean(store)
  }

  @Test("every misuse of an exec session has its code")
  func sessionMisuse() throws {
    let other = try store.add("def")
    let added = try session("s1")
    try locked { locked in
      try locked.addExecSession(added)
      expectError(.alreadyExists) { try locked.addExecSession(added) }
      expectError(.notFound) { try locked.removeExecSession(ContainerID("s2")) }
      expectError(.notFound) { try locked.updateExecSession(ContainerID("s2")) { _ in } }
      expectError(.invalidArgument) { try locked.updateExecSession(added.id) { $0.exitCode = 256 } }
      let empty = ExecSession(id: try ContainerID("s3"), container: id, command: [], createdAt: .now)
      expectError(.invalidArgument) { try locked.addExecSession(empty) }
    }
    try store.withLockedContainer(other, wait: patience) { locked in
      expectError(.invalidArgument) { try locked.addExecSession(session("s4")) }
      expectError(.notFound) { try locked.removeExecSession(added.id) }
    }
    expectError(.notFound) { try store.execSession(ContainerID("s4")) }
    expectError(.notFound) { try store.execSessions(of: ContainerID("none")) }
  }

  @Test("I-5, I-8: a container with exec sessions is not removed, and a reboot ends them")
  func sessionsOfContainers() throws {
    try locked { locked in
      try locked.addExecSession(session("s1"))
      try locked.addExecSession(session("s2"))
      #expect(expectError(.inUse) { try locked.remove() }?.candidates == ["s1", "s2"])
    }
    try store.close()
    var next = fixture
    next.options.bootID = "another boot"
    let rebooted = try next.open()
    #expect(try rebooted.execSessions().isEmpty)
    try expectClean(rebooted)
    try rebooted.remove(id)
  }

  @Test("I-9: an exit code outlives its container, and is pruned by age only when that is gone")
  func exitCodes() throws {
    try locked { locked in
      try locked.update { $0.status = .created }
      try locked.update { $0.status = .running }
      try locked.recordExit(code: 137, finishedAt: .now)
    }
    #expect(try store.exitCode(of: id).code == 137)
    let gone = try ContainerID("gone")
    try store.recordExitCode(of: gone, code: -1, at: Timestamp(nanosecondsSinceEpoch: 1))
    #expect(try store.exitCodes().map(\.container.rawValue) == ["abc", "gone"])
    #expect(try store.pruneExitCodes() == [gone])
    #expect(try store.pruneExitCodes(olderThan: .zero).isEmpty, "its container is there")
    try store.remove(id)
    #expect(try store.exitCode(of: id).code == 137)
    #expect(try store.pruneExitCodes().isEmpty, "it is not five minutes old")
    #expect(try store.pruneExitCodes(olderThan: .zero) == [id])
    expectError(.notFound) { try store.exitCode(of: id) }
    for code in [-2, 256] as [Int32] {
      expectError(.invalidArgument) { try store.recordExitCode(of: gone, code: code) }
    }
    expectError(.invalidArgument) { try store.pruneExitCodes(olderThan: .seconds(-1)) }
    try expectClean(store)
  }

  @Test("networks: connect, modify and disconnect are one transaction each, with a code for each misuse")
  func networks() throws {
    var options = NetworkOptions()
    options.aliases = ["web"]
    options.staticAddresses = ["10.0.0.7", "fd00::7"]
    options.hardwareAddress = "02:00:00:00:00:01"
    options.interfaceName = "eth1"
    options.extra = try JSONBytes("{ \"mine\":1}")
    let front = try NetworkConnection(network: "front", options: options)
    try locked { locked in
      try locked.connect(front)
      expectError(.alreadyConnected) { try locked.connect(front) }
      try locked.connect(NetworkConnection(network: "back", status: JSONBytes("{}")))
      expectError(.notConnected) { try locked.modify("none", NetworkOptions()) }
      expectError(.notConnected) { try locked.disconnect("none") }
      expectError(.notConnected) { try locked.setNetworkStatus(nil, of: "none") }
      try locked.setNetworkStatus(JSONBytes("{\"up\" : true}"), of: "front")
    }
    let found = try store.networks(of: id)
    #expect(found.map(\.network) == ["back", "front"])
    #expect(found[1].options == options)
    #expect(found[1].status.map { String(decoding: $0.bytes, as: UTF8.self) } == "{\"up\" : true}")
    try locked { locked in
      options.aliases = []
      try locked.modify("front", options)
      try locked.disconnect("back")
    }
    #expect(try store.networks(of: id).map(\.options) == [options])
    #expect(try store.networks(of: id)[0].status != nil, "modifying keeps what the driver said")
    expectError(.invalidArgument) { try NetworkConnection(network: "") }
    expectError(.notFound) { try store.networks(of: ContainerID("none")) }
    try store.remove(id)
    try expectClean(store)
  }

  static let plants: [(rule: String, subject: String, sql: String)] = [
    ("I-3", "pod", "DELETE FROM pod_label;"),
    (
      "I-6", "m1",
      "INSERT INTO dependency SELECT m.generation, f.generation FROM record m, record f "
        + "WHERE m.id = 'm1' AND f.id = 'free';"
    ),
    ("I-7", "m1", "DELETE FROM pod_member WHERE is_infrastructure = 0;"),
    ("I-8", "s1", "UPDATE exec_session SET pid = 5;"),
    ("I-9", "free", "UPDATE exit_code SET code = 256;"),
    ("I-10", "pod", "DELETE FROM pod_state;"),
    ("I-12", "s1", "UPDATE exec_session SET revision = 0;"),
    ("I-16", "pod", "UPDATE pod SET details = x'7b';"),
    ("I-16", "s1", "UPDATE exec_session SET command = x'7b';"),
    ("I-16", "m1", "UPDATE network_connection SET options = x'7b';"),
  ]

  @Test(
    "verify finds every planted violation of pods and of what belongs to containers",
    arguments: plants.indices)
  func planted(index: Int) throws {
    let plant = Self.plants[index]
    try store.addPod("pod", labels: ["a": "b"])
    try store.add("m0", inPod: "pod", isInfrastructure: true)
    let member = try store.add("m1", inPod: "pod")
    try store.add("free")
    try store.withLockedContainer(member, wait: patience) { locked in
      try locked.connect(NetworkConnection(network: "front"))
      try locked.addExecSession(
        ExecSession(id: ContainerID("s1"), container: member, command: ["sh"], createdAt: .now))
    }
    try store.recordExitCode(of: ContainerID("free"), code: 0)
    try expectClean(store)
    try fixture.shell(plant.sql)
    let found = try store.verify()
    #expect(found.contains { $0.rule == plant.rule && $0.subject == plant.subject }, "\(found)")
  }

  @Test("a container may be added with its networks: in the same transaction, or not at all")
  func addedWithNetworks() throws {
    var options = NetworkOptions()
    options.aliases = ["db"]
    let networks = [
      try NetworkConnection(network: "front"),
      try NetworkConnection(network: "back", options: options, status: JSONBytes("{}")),
    ]
    func add(_ id: String, _ networks: [NetworkConnection]) throws -> ContainerID {
      let new = try ContainerConfiguration.plain(id)
      return try store.add(new, specification: sampleSpecification, networks: networks).id
    }
    let start = try store.lastChange()
    let added = try add("new", networks)
    #expect(try store.networks(of: added) == [networks[1], networks[0]])
    #expect(
      try ChangeReader(store).next(after: start).changes.map { "\($0.kind.name) \($0.action) \($0.id)" }
        == ["container added new", "network connected new", "network connected new"])
    let files = fixture.leftovers()
    expectError(.alreadyConnected) { try add("twice", networks + networks) }
    #expect(try !store.hasContainer(ContainerID("twice")))
    #expect(fixture.leftovers() == files)
    try expectClean(store)
  }
}
