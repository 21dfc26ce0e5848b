internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Adding and removing")
struct AddingTests {
  let fixture: StoreFixture
  let store: StateStore
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  @Test("every field of configuration and state comes back, `extra` and the specification byte for byte")
  func everything() throws {
    try store.add("dependency")
    let details = try Self.everyDetail(dependingOn: ContainerID("dependency"))
    let odd = JSONBytes(unchecked: Array("{ \"b\" :1.50,\"a\":\"\\u00e9\\/\", \"b\":[ ]\t}\n".utf8))
    let configuration = try ContainerConfiguration(
      id: ContainerID("abc"), name: "web", createdAt: Timestamp(nanosecondsSinceEpoch: -1),
      createdZoneOffsetSeconds: -12_600, imageID: "sha256:1", imageName: "busybox", details: details,
      extra: odd)
    var state = ContainerState(status: .created)
    (state.pid, state.pidStartTime, state.monitorPID, state.monitorStartTime) = (7, 8, 9, 10)
    (state.startedAt, state.finishedAt) = (
      Timestamp(nanosecondsSinceEpoch: 11), Timestamp(nanosecondsSinceEpoch: 12)
    )
    (state.exitCode, state.wasKilledForMemory, state.wasStoppedByUser, state.restartCount) = (
      255, true, true, 13
    )
    (state.configurationPath, state.runDirectory, state.mountpoint) = ("/c", "/r", "/m é\n")
    (state.networkNamespacePath, state.health, state.errorText) = ("/n", "good", "bad 🙂")
    let added = try store.add(
      configuration, specification: sampleSpecification, state: state, stateExtra: odd)
    let found = try store.container(configuration.id)
    #expect(found == added)
    #expect(found.configuration == configuration)
    #expect(try found.configuration.details() == details)
    #expect(try found.configuration.labels() == details.labels)
    #expect(try found.configuration.dependencies() == details.allDependencies)
    #expect(found.state == state)
    #expect(try store.state(of: configuration.id) == state)
    #expect(found.configuration.extra?.bytes == odd.bytes)
    #expect(found.stateExtra?.bytes == odd.bytes)
    #expect(found.state.isMounted)
    #expect(try store.specification(of: configuration.id).bytes == sampleSpecification.bytes)
    #expect(try readBytes(atPath: fixture.specificationFile(configuration.id)) == sampleSpecification.bytes)
    #expect((found.configurationRevision, found.stateRevision) == (1, 1))
    try expectClean(store)
  }

  private static func everyDetail(dependingOn dependency: ContainerID) -> ContainerDetails {
    var details = ContainerDetails()
    (details.processLabel, details.mountLabel) = ("p:l", "m:l")
    details.mounts = [Mount(type: "tmpfs", source: "/a", destination: "/b", options: ["ro", "x=\u{1F642}"])]
    (details.sharedMemoryDirectory, details.staticDirectory) = ("/dev/shm/x", "/var/x")
    details.createsNetworkNamespace = true
    details.portMappings = [
      PortMapping(hostAddress: "::1", hostPort: 65_535, containerPort: 1, transport: "udp")
    ]
    (details.keepsStandardInputOpen, details.usesImageConfiguration) = (true, true)
    details.labels = ["a": "b", "é\n": "", "c": String(repeating: "x", count: 10_000)]
    (details.stopSignal, details.stopTimeoutSeconds) = (64, .max)
    details.namespaceJoins = [.net: dependency, .mount: dependency]
    details.dependencies = [dependency]
    details.restartPolicy = .onFailure(maximumRetries: .max)
    details.isInfrastructure = true
    return details
  }

  @Test(
    "I-14: a failed add leaves no row, no lockfile, no copy and no temporary file, and D-2: nothing committed"
  )
  func allOrNothing() throws {
    try store.add("taken", name: "name")
    let before = (fixture.leftovers(), try fixture.shell("SELECT count(*) FROM record;"))
    let large = JSONBytes(unchecked: [UInt8](repeating: 0x20, count: (64 << 20) + 1))
    #expect(
      expectError(.alreadyExists, "id") { try store.add("taken", name: "other") }?.candidates == ["taken"])
    #expect(
      expectError(.alreadyExists, "name") { try store.add("other", name: "name") }?.candidates == ["taken"])
    let missing = expectError(.notFound, "dependency") {
      try store.add("other", dependingOn: ["gone", "taken"])
    }
    #expect(missing?.subject == "gone")
    expectError(.invalidArgument, "itself") { try store.add("other", dependingOn: ["other"]) }
    expectError(.invalidArgument, "too large") {
      try store.add(ContainerConfiguration.plain("other"), specification: large)
    }
    var bad = ContainerState()
    bad.exitCode = 256
    expectError(.invalidArgument, "state") { try store.add("other", state: bad) }
    #expect(fixture.leftovers() == before.0)
    #expect(try fixture.shell("SELECT count(*) FROM record;") == before.1)
    #expect(try store.hasContainer(try ContainerID("other")) == false)
    try expectClean(store)
  }

  @Test("I-14: an add that cannot write its copy leaves nothing")
  func unwritableCopies() throws {
    #expect(rmdir(fixture.root + "/specs") == 0)
    try write("in the way", toPath: fixture.root + "/specs")
    expectError(.storeReplaced) { try store.add("abc") }
    #expect(try store.hasContainer(try ContainerID("abc")) == false)
    #expect(entries(ofDirectory: fixture.root + "/locks") == [])
    #expect(unlink(fixture.root + "/specs") == 0)
    try store.add("abc")
    try expectClean(store)
  }

  @Test("I-1: an id is unique · I-2: a name is unique, and an id may be another's name")
  func uniqueness() throws {
    try store.add("abc", name: "def")
    try store.add("def", name: "abc")
    expectError(.alreadyExists) { try store.add("abc", name: "new") }
    expectError(.alreadyExists) { try store.add("new", name: "abc") }
    #expect(try store.lookUpContainer("abc").id.rawValue == "def")
    try store.add("ABC", name: "DEF")
    try expectClean(store)
  }

  @Test(
    "I-5: what others depend on is not removed, and its users are named · I-6: never on itself or on nothing")
  func dependants() throws {
    let base = try store.add("base")
    for number in 10..<22 { try store.add("user\(number)", dependingOn: ["base"]) }
    let error = expectError(.inUse) { try store.remove(base) }
    #expect(error?.candidates == (10..<20).map { "user\($0)" })
    let asked = try store.withLockedContainer(base, wait: .none) { try $0.dependants() }
    #expect(asked.map(\.rawValue) == error?.candidates)
    #expect(try store.hasContainer(base))
    #expect(fixture.leftovers().contains("base.lock"))
    for number in 10..<22 { try store.remove(ContainerID("user\(number)")) }
    #expect(try store.withLockedContainer(base, wait: .none) { try $0.dependants() } == [])
    try store.remove(base)
    #expect(fixture.leftovers() == [])
    try expectClean(store)
  }

  @Test("I-6: a container joined by its namespaces is a dependency like any other")
  func joins() throws {
    let base = try store.add("base")
    for kind in NamespaceKind.allCases {
      var details = ContainerDetails()
      details.namespaceJoins[kind] = base
      let id = try ContainerID("joins-\(kind)")
      try store.add(
        ContainerConfiguration(id: id, name: id.rawValue, createdAt: .now, details: details),
        specification: sampleSpecification)
      #expect(expectError(.inUse, "\(kind)") { try store.remove(base) }?.candidates == [id.rawValue])
      try store.remove(id)
    }
    try store.remove(base)
  }

  @Test("I-10: removing takes row, state, labels, intent, specification, copy and lockfile")
  func removal() throws {
    let id = try store.add("abc", labels: ["a": "b"])
    try store.withLockedContainer(id, wait: .none) { locked in
      try locked.setStateExtra(JSONBytes("{}"))
      try locked.setIntent(.begin(.remove))
      try locked.remove()
      expectError(.removed) { try locked.remove() }
      expectError(.removed) { try locked.update { $0.restartCount = 1 } }
      expectError(.removed) { try locked.specification() }
      expectError(.removed) { try locked.specificationCopy() }
      expectError(.removed) { try locked.setIntent(.end) }
    }
    let tables = [
      "record", "container", "container_state", "container_state_extra", "specification", "label",
      "dependency",
      "intent",
    ]
    for table in tables { #expect(try fixture.shell("SELECT count(*) FROM \(table);") == "0\n", "\(table)") }
    #expect(fixture.leftovers() == [])
    expectError(.notFound) { try store.container(id) }
    expectError(.notFound) { try store.remove(id) }
    #expect(fixture.leftovers() == [])
    try expectClean(store)
  }

  @Test("I-15: add, remove, add again with one id and name is a new row")
  func generations() throws {
    var generations: [Int64] = []
    for _ in 0..<5 {
      let id = try store.add("abc")
      generations.append(try store.container(id).generation)
      try store.remove(id)
    }
    #expect(generations == Array(Set(generations)).sorted())
  }

  @Test("the limits of a value are exact")
  func limits() throws {
    let largest = JSONBytes(unchecked: [0x22] + [UInt8](repeating: 0x61, count: (1 << 20) - 2) + [0x22])
    let tooLarge = JSONBytes(unchecked: [0x22] + [UInt8](repeating: 0x61, count: (1 << 20) - 1) + [0x22])
    let configuration = try ContainerConfiguration.plain(String(repeating: "i", count: 128), extra: largest)
    try store.add(configuration, specification: sampleSpecification, stateExtra: largest)
    #expect(try store.container(configuration.id).stateExtra == largest)
    expectError(.invalidArgument) { try ContainerConfiguration.plain("b", extra: tooLarge) }
    try store.withLockedContainer(configuration.id, wait: .none) { locked in
      expectError(.invalidArgument) { try locked.setStateExtra(tooLarge) }
      #expect(locked.container.stateRevision == 1)
      try locked.setStateExtra(nil)
      #expect(locked.container.stateExtra == nil)
    }
    #expect(try store.container(configuration.id).stateExtra == nil)
  }
}
