internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("Declared paths in the embedder's JSON")
struct ExtraIndexTests {
  let fixture: StoreFixture
  let store: StateStore
  private let owner: ExtraIndex
  private let level: ExtraIndex

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    owner = try ExtraIndex(.containerConfiguration, path: ["owner", "name"])
    level = try ExtraIndex(.containerState, path: ["level"])
  }

  private func add(_ id: String, _ extra: String, stateExtra: String? = nil) throws {
    try store.add(
      ContainerConfiguration.plain(id, extra: JSONBytes(extra)), specification: sampleSpecification,
      stateExtra: stateExtra.map { try JSONBytes($0) }, durability: .committed)
  }

  private func found(_ filters: ExtraFilter...) throws -> [String] {
    var filter = ContainerFilter()
    filter.extra = filters
    filter.sort = .name
    filter.isAscending = true
    let summaries = try store.containerSummaries(where: filter).containers.map(\.id.rawValue)
    #expect(try store.containers(where: filter).map(\.id.rawValue) == summaries)
    return summaries
  }

  private func named(_ value: ExtraValue) -> ExtraFilter { .init(path: ["owner", "name"], equals: value) }

  @Test("what was there before the declaration and what comes after it is found, each kind of value apart")
  func values() throws {
    try add("a", #"{"owner": {"name": "x\ty"}, "other": 1}"#)
    #expect(try store.declareExtraIndex(owner))
    #expect(try !store.declareExtraIndex(owner))
    #expect(try store.extraIndexes() == [owner])
    try add("b", #"{"owner": {"name": "x\u0009y"}}"#)
    try add("c", #"{"owner": {"name": 1}}"#)
    try add("d", #"{"owner": {"name": true}}"#)
    try add("e", #"{"owner": {"name": "1"}}"#)
    try add("f", #"{"owner": ["name"]}"#)
    try add("g", #"[1.5, {"owner": {"name": 1}}]"#)
    try add("h", #"{"owner": {"name": 1.5}}"#)
    #expect(try found(named(.string("x\ty"))) == ["a", "b"])
    #expect(try found(named(.integer(1))) == ["c"])
    #expect(try found(named(.bool(true))) == ["d"])
    #expect(try found(named(.bool(false))) == [])
    #expect(try found(named(.string("1"))) == ["e"])
    try expectClean(store)
    #expect(
      try String(decoding: store.container(ContainerID("b")).configuration.extra!.bytes, as: UTF8.self)
        == #"{"owner": {"name": "x\u0009y"}}"#)
  }

  @Test("changes, rewrites and removals are followed, in every process and after a restart")
  func following() throws {
    try store.declareExtraIndex(owner)
    try store.declareExtraIndex(level)
    try add("a", #"{"owner": {"name": "x"}}"#, stateExtra: #"{"level": 1}"#)
    try add("b", #"{"owner": {"name": "x"}}"#)
    let one = ExtraFilter(.state, path: ["level"], equals: .integer(1))
    #expect(try found(one) == ["a"])
    #expect(try found(named(.string("x")), one) == ["a"])
    let (a, b) = (try ContainerID("a"), try ContainerID("b"))
    try store.withLockedContainer(a, wait: .none) { try $0.setStateExtra(JSONBytes(#"{"level": 2}"#)) }
    #expect(try found(one) == [])
    try store.withLockedContainer(b, wait: .none) { try $0.setStateExtra(JSONBytes(#"{"level": 1}"#)) }
    #expect(try found(one) == ["b"])
    try store.withLockedContainer(b, wait: .none) { try $0.setStateExtra(nil) }
    #expect(try found(one) == [])
    let present = try store.container(a).configuration
    let next = try ContainerConfiguration(
      id: a, name: present.name, createdAt: present.createdAt,
      extra: JSONBytes(#"{"owner": {"name": "y"}}"#))
    try store.withLockedContainer(a, wait: .none) { try $0.rewrite(next) }
    #expect(try found(named(.string("y"))) == ["a"])
    try expectClean(store)
    try store.close()
    let again = try fixture.open()
    #expect(try again.extraIndexes() == [owner, level])
    try again.remove(a)
    try again.remove(b)
    #expect(try fixture.shell("SELECT count(*) FROM extra_value;") == "0\n")
    try expectClean(again)
  }

  @Test("pods and volumes are found by theirs")
  func otherKinds() throws {
    let paths = try [ExtraOwner.podConfiguration, .podState, .volumeConfiguration, .volumeState].map {
      try ExtraIndex($0, path: ["k"])
    }
    for path in paths { try store.declareExtraIndex(path) }
    let (one, two) = (try JSONBytes(#"{"k": 1}"#), try JSONBytes(#"{"k": 2}"#))
    let pod = try PodConfiguration(id: ContainerID("p"), name: "p", createdAt: .now, extra: one)
    try store.addPod(pod, stateExtra: two)
    let volume = try VolumeConfiguration(name: VolumeName("v"), createdAt: .now, extra: one)
    try store.addVolume(volume, stateExtra: two)
    func pods(_ part: ExtraFilter.Part, _ value: Int64) throws -> Int {
      var filter = PodFilter()
      filter.extra = [.init(part, path: ["k"], equals: .integer(value))]
      return try store.pods(where: filter).count
    }
    func volumes(_ part: ExtraFilter.Part, _ value: Int64) throws -> Int {
      var filter = VolumeFilter()
      filter.extra = [.init(part, path: ["k"], equals: .integer(value))]
      return try store.volumes(where: filter).count
    }
    #expect(try pods(.configuration, 1) == 1 && pods(.state, 2) == 1 && pods(.state, 1) == 0)
    #expect(try volumes(.configuration, 1) == 1 && volumes(.state, 2) == 1 && volumes(.state, 1) == 0)
    try store.withLockedPod(pod.id, wait: .none) { try $0.setStateExtra(one) }
    try store.withLockedVolume(volume.name, wait: .none) { try $0.setStateExtra(nil) }
    #expect(try pods(.state, 1) == 1 && volumes(.state, 2) == 0)
    try expectClean(store)
    try store.removePod(pod.id, wait: .none)
    try store.removeVolume(volume.name, wait: .none)
    #expect(try fixture.shell("SELECT count(*) FROM extra_value;") == "0\n")
  }

  @Test("what is not declared is refused, not found slowly; a declaration ends, and there is a most of them")
  func declarations() throws {
    #expect(
      expectError(.invalidArgument) { try found(named(.string("x"))) }?.message.contains("declare") == true)
    try store.declareExtraIndex(owner)
    #expect(try found(named(.string("x"))) == [])
    let long = named(.string(String(repeating: "x", count: ExtraValue.maximumStringBytes + 1)))
    expectError(.invalidArgument) { try found(long) }
    #expect(try store.dropExtraIndex(owner))
    #expect(try !store.dropExtraIndex(owner))
    expectError(.invalidArgument) { try found(named(.string("x"))) }
    expectError(.invalidArgument) { try ExtraIndex(.podState, path: []) }
    expectError(.invalidArgument) { try ExtraIndex(.podState, path: ["a", ""]) }
    for number in 0..<StateStore.maximumExtraIndexCount {
      try store.declareExtraIndex(ExtraIndex(.podState, path: ["p\(number)"]), durability: .committed)
    }
    expectError(.invalidArgument) { try store.declareExtraIndex(owner) }
    try expectClean(store)
  }

  @Test("I-3: values that differ from the JSON are named, and taken anew by a repair")
  func repair() throws {
    try store.declareExtraIndex(owner)
    try add("a", #"{"owner": {"name": "x"}}"#)
    for damage in [
      "UPDATE extra_value SET value = 'y';", "DELETE FROM extra_value;",
      "INSERT INTO extra_value SELECT number, value, record, volume FROM extra_value;",
    ] {
      try fixture.shell(damage)
      #expect(try store.verify().map { "\($0.rule) \($0.subject)" } == ["I-3 owner.name"])
      #expect(try store.repair().remaining.isEmpty)
      #expect(try found(named(.string("x"))) == ["a"])
      try expectClean(store)
    }
  }
}
