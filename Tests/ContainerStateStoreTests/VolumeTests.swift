internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

extension StateStore {
  /// Adds a volume with the least in it.
  @discardableResult
  func addVolume(
    _ name: String, isAnonymous: Bool = false, storage: String? = nil, labels: [String: String] = [:]
  ) throws -> VolumeName {
    var details = VolumeDetails()
    details.labels = labels
    let configuration = try VolumeConfiguration(
      name: VolumeName(name), createdAt: .now, storageID: try storage.map { try ContainerID($0) },
      isAnonymous: isAnonymous, details: details)
    return try addVolume(configuration, durability: .committed).name
  }

  /// Adds a container that uses volumes.
  @discardableResult
  func add(
    _ id: String, using volumes: [String], dependingOn dependencies: [String] = []
  ) throws -> ContainerID {
    var details = ContainerDetails()
    details.volumes = try volumes.map { NamedVolume(name: try VolumeName($0), destination: "/" + $0) }
    details.dependencies = Set(try dependencies.map { try ContainerID($0) })
    let configuration = try ContainerConfiguration(
      id: ContainerID(id), name: "name-" + id, createdAt: .now, details: details)
    return try add(configuration, specification: sampleSpecification, durability: .committed).id
  }
}

@Suite("Volumes")
struct VolumeTests {
  let fixture: StoreFixture
  let store: StateStore
  private let patience = LockWait.upTo(.seconds(10))

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  @Test("a volume is what was added, and is found by its name and the unique beginning of it")
  func lookUp() throws {
    var details = VolumeDetails()
    details.labels = ["keep": "yes"]
    details.options = ["device": "tmpfs"]
    details.scope = "global"
    (details.userID, details.groupID) = (1000, 1001)
    let extra = JSONBytes(unchecked: Array(#"{ "mine" : 1 }"#.utf8))
    let configuration = try VolumeConfiguration(
      name: VolumeName("data"), createdAt: Timestamp(nanosecondsSinceEpoch: 5), driver: "nfs",
      storageID: ContainerID("layer1"), details: details, extra: extra)
    let added = try store.addVolume(configuration)
    #expect(try store.volume(added.name) == added)
    #expect(added.configuration == configuration && added.mountCount == 0 && added.stateRevision == 1)
    try store.addVolume("database")
    #expect(try store.lookUpVolume("data").name == added.name)
    #expect(try store.lookUpVolume("datab").name.rawValue == "database")
    #expect(expectError(.ambiguous) { try store.lookUpVolume("dat") }?.candidates == ["data", "database"])
    expectError(.notFound) { try store.lookUpVolume("DATA") }
    expectError(.notFound) { try store.lookUpVolume("ata") }
    expectError(.emptyID) { try store.lookUpVolume("") }
    expectError(.invalidArgument) { try store.lookUpVolume("da%") }
    expectError(.alreadyExists) { try store.addVolume("data") }
    #expect(try store.hasVolume(added.name) && !store.hasVolume(VolumeName("dat")))
    #expect(try store.isVolumeStorage(ContainerID("layer1")) && !store.isVolumeStorage(ContainerID("data")))
    try expectClean(store)
  }

  @Test("the listing is by name, and its filters choose")
  func listing() throws {
    try store.addVolume("b", labels: ["tier": "front", "x": ""])
    try store.addVolume("a", labels: ["tier": "back"])
    try store.addVolume("ab")
    try store.add("one", using: ["ab"])
    func names(_ set: (inout VolumeFilter) -> Void) throws -> [String] {
      var filter = VolumeFilter()
      set(&filter)
      return try store.volumes(where: filter).map(\.name.rawValue)
    }
    #expect(try names { _ in } == ["a", "ab", "b"])
    #expect(try names { $0.limit = 1 } == ["a"])
    #expect(try names { $0.labels = [.present("tier")] } == ["a", "b"])
    #expect(try names { $0.labels = [.equals("tier", "front"), .present("x")] } == ["b"])
    #expect(try names { $0.namePrefix = "a" } == ["a", "ab"])
    #expect(try names { $0.nameContaining = "b" } == ["ab", "b"])
    #expect(try names { $0.driver = "nfs" } == [])
    #expect(try names { $0.isUsed = true } == ["ab"])
    #expect(try names { $0.isUsed = false } == ["a", "b"])
    var filter = ContainerFilter()
    filter.volume = "ab"
    #expect(try store.containers(where: filter).map(\.id.rawValue) == ["one"])
  }

  @Test("I-10: a container uses volumes that exist, and they stay as long as it does")
  func users() throws {
    let data = try store.addVolume("data")
    #expect(expectError(.notFound) { try store.add("one", using: ["data", "none"]) }?.subject == "none")
    #expect(try !store.hasContainer(ContainerID("one")))
    let one = try store.add("one", using: ["data"])
    #expect(try store.users(ofVolume: data) == [one])
    #expect(expectError(.inUse) { try store.removeVolume(data, wait: patience) }?.candidates == ["one"])
    _ = try store.withLockedVolume(data, wait: patience) { locked in
      expectError(.inUse) { try locked.remove() }
    }
    try store.remove(one)
    #expect(try store.removeVolume(data, wait: patience) == [])
    expectError(.notFound) { try store.volume(data) }
    expectError(.notFound) { try store.removeVolume(data, wait: patience) }
    #expect(fixture.leftovers() == [])
    try expectClean(store)
  }

  @Test("a forced removal takes the users along in one transaction, or nothing")
  func forcedRemoval() throws {
    let data = try store.addVolume("data")
    try store.addVolume("own", isAnonymous: true)
    try store.add("one", using: ["data", "own"])
    try store.add("two", using: ["data"], dependingOn: ["one"])
    let outside = try store.add("three", dependingOn: ["two"])
    #expect(
      expectError(.inUse) { try store.removeVolume(data, includingUsers: true, wait: patience) }?.subject
        == "two")
    #expect(try store.volumes().map(\.name.rawValue) == ["data", "own"])
    try store.remove(outside)
    let removed = try store.removeVolume(data, includingUsers: true, wait: patience)
    #expect(removed.map(\.rawValue) == ["two", "one"])
    #expect(try store.volumes().isEmpty && store.containers().isEmpty)
    #expect(fixture.leftovers() == [])
    try expectClean(store)
  }

  @Test("an anonymous volume goes with the last container that uses it, and its lockfile too")
  func anonymous() throws {
    let shared = try store.addVolume("shared", isAnonymous: true)
    try store.addVolume("kept")
    let one = try store.add("one", using: ["shared", "kept"])
    let two = try store.add("two", using: ["shared"])
    let three = try store.add("three")
    try store.remove(one)
    #expect(try store.users(ofVolume: shared) == [two])
    // Somebody who does not name it has it mounted: then it is not his to lose.
    #expect(try store.withLockedVolume(shared, wait: patience) { try $0.mount(for: three) } == 1)
    try store.remove(two)
    #expect(try store.hasVolume(shared))
    #expect(expectError(.inUse) { try store.removeVolume(shared, wait: patience) }?.candidates == ["three"])
    let four = try store.add("four", using: ["shared"])
    #expect(try store.withLockedVolume(shared, wait: patience) { try $0.unmount(for: three) } == 0)
    #expect(try store.remove([four], wait: patience) == [four])
    #expect(try store.volumes().map(\.name.rawValue) == ["kept"])
    #expect(Set(fixture.leftovers()) == ["kept.volume", "three.lock", "three.json"])
    try expectClean(store)
  }

  @Test("an anonymous volume that somebody has locked holds up the removal, which names him")
  func anonymousLocked() throws {
    var options = fixture.options
    options.operationTimeout = .milliseconds(50)
    let impatient = try StateStore(at: fixture.location, options: options)
    let own = try store.addVolume("own", isAnonymous: true)
    let one = try store.add("one", using: ["own"])
    let child = try fixture.child()
    try child.succeed("open")
    try child.send("hold-volume own")
    try child.expect("holding")
    let error = expectError(.lockTimeout) {
      try impatient.withLockedContainer(one, wait: patience) { try $0.remove() }
    }
    #expect(error?.subject == "own" && error?.holder?.pid == child.pid)
    #expect(try store.hasContainer(one) && store.hasVolume(own))
    try child.send("go")
    try child.expect("ok")
    try store.remove(one)
    #expect(try !store.hasVolume(own))
  }

  @Test("I-18: mounts are counted by container, go with it, and do not outlive the boot")
  func mounts() throws {
    let data = try store.addVolume("data")
    let (one, two) = (try store.add("one"), try store.add("two"))
    try store.withLockedVolume(data, wait: patience) { locked in
      let counts = [
        try locked.mount(for: one), try locked.mount(for: one), try locked.mount(for: two),
        try locked.unmount(for: two), try locked.unmount(for: two),
      ]
      #expect(counts == [1, 1, 2, 1, 1])
      expectError(.notFound) { try locked.mount(for: ContainerID("none")) }
      try locked.update { $0.mountpoint = "/mnt/data" }
      let found = locked.volume
      #expect(found.mountCount == 1 && found.stateRevision == 2)
    }
    #expect(try store.mounters(ofVolume: data) == [one])
    try store.remove(one)
    #expect(try store.volume(data).mountCount == 0)
    #expect(try store.withLockedVolume(data, wait: patience) { try $0.mount(for: two) } == 1)
    try store.close()
    var options = fixture.options
    options.bootID = "another"
    let next = try StateStore(at: fixture.location, options: options)
    let found = try next.volume(data)
    #expect(found.mountCount == 0 && found.state.mountpoint.isEmpty && found.stateRevision == 3)
    try expectClean(next)
  }

  @Test("I-3: a rewrite keeps the name; a state is written over the revision that was read")
  func rewrite() throws {
    let data = try store.addVolume("data", labels: ["a": "b"])
    try store.withLockedVolume(data, wait: patience) { locked in
      let present = locked.volume.configuration
      var details = present.details
      details.labels = ["c": "d"]
      func with(_ name: VolumeName, _ createdAt: Timestamp) throws -> VolumeConfiguration {
        try VolumeConfiguration(name: name, createdAt: createdAt, driver: "nfs", details: details)
      }
      let other = try with(VolumeName("other"), present.createdAt)
      expectError(.invalidArgument) { try locked.rewrite(other) }
      let later = try with(data, .now)
      expectError(.invalidArgument) { try locked.rewrite(later) }
      let next = try with(data, present.createdAt)
      expectError(.conflict) { try locked.rewrite(next, expecting: 2) }
      try locked.rewrite(next, expecting: 1)
      expectError(.conflict) { try locked.update(expecting: 2) { $0.needsCopyUp = true } }
      try locked.update(expecting: 1) { $0.needsCopyUp = true }
      try locked.setStateExtra(JSONBytes("[1]"), expecting: 2)
      expectError(.conflict) { try locked.remove(expecting: 1) }
    }
    let found = try store.volume(data)
    #expect(found.configurationRevision == 2 && found.stateRevision == 3)
    #expect(found.configuration.driver == "nfs" && found.configuration.details.labels == ["c": "d"])
    #expect(found.state.needsCopyUp && found.stateExtra?.bytes == Array("[1]".utf8))
    var filter = VolumeFilter()
    filter.labels = [.equals("c", "d")]
    #expect(try store.volumes(where: filter).map(\.name) == [data])
    try store.withLockedVolume(data, wait: patience) { locked in
      try locked.remove()
      expectError(.removed) { try locked.update { _ in } }
    }
    #expect(fixture.leftovers() == [])
    try expectClean(store)
  }

  @Test("a container can be rewritten to use other volumes")
  func rewrittenUsers() throws {
    let (old, new) = (try store.addVolume("old"), try store.addVolume("new"))
    let one = try store.add("one", using: ["old"])
    let present = try store.container(one).configuration
    func using(_ name: String) throws -> ContainerConfiguration {
      var details = try present.details()
      details.volumes = [NamedVolume(name: try VolumeName(name), destination: "/")]
      return try ContainerConfiguration(
        id: one, name: present.name, createdAt: present.createdAt, details: details)
    }
    let (impossible, possible) = (try using("none"), try using("new"))
    try store.withLockedContainer(one, wait: patience) { locked in
      expectError(.notFound) { try locked.rewrite(impossible) }
      try locked.rewrite(possible)
    }
    #expect(try store.users(ofVolume: old) == [] && store.users(ofVolume: new) == [one])
    try expectClean(store)
  }

  @Test("names as long as they may be have lockfiles of their own, which recover tells from orphans")
  func longNames() throws {
    let stem = String(repeating: "v", count: 250)
    let names = try ["aaaaa", "aaaab", ""].map { try store.addVolume(stem + $0) }
    for name in names {
      try store.withLockedVolume(name, wait: .none) { locked in
        for other in names where other != name {
          // In the order of locks, so that a second one can be had.
          if name < other { try store.withLockedVolume(other, wait: .none) { _ in } }
        }
      }
    }
    let files = fixture.leftovers()
    #expect(files.count == 3 && files.allSatisfy { $0.utf8.count <= 255 && $0.hasSuffix(".volume") })
    #expect(try store.recover().reapedLockFiles == [])
    try write("", toPath: fixture.root + "/locks/gone.volume")
    #expect(try store.verify().map { "\($0.rule) \($0.subject)" } == ["L-15 gone.volume"])
    #expect(try store.recover().reapedLockFiles == ["gone.volume"])
    try store.removeVolume(names[0], wait: .none)
    #expect(fixture.leftovers().count == 2)
    try expectClean(store)
  }

  @Test("L-6: volumes come after containers in the order of locks")
  func lockOrder() throws {
    let (one, data) = (try store.add("zzz"), try store.addVolume("aaa"))
    try store.withLockedContainer(one, wait: .none) { _ in
      try store.withLockedVolume(data, wait: .none) { _ in }
    }
    _ = try store.withLockedVolume(data, wait: .none) { _ in
      expectError(.wouldDeadlock) { try store.withLockedContainer(one, wait: .none) { _ in } }
    }
  }

  @Test("each change of a volume is in the sequence of changes")
  func changes() throws {
    let data = try store.addVolume("data")
    let one = try store.add("one")
    try store.withLockedVolume(data, wait: patience) { locked in
      try locked.mount(for: one)
      try locked.mount(for: one)
      try locked.unmount(for: one)
      try locked.update { $0.needsCopyUp = true }
      try locked.remove()
    }
    let rows = try fixture.shell("SELECT what, revision FROM change WHERE kind = 3 ORDER BY sequence;")
    #expect(rows == "1|1\n7|0\n8|0\n2|2\n4|2\n")
  }

  @Test("summaries are one snapshot of names, users and mounts, by name, with the filters of listings")
  func summaries() throws {
    let (data, logs) = (try store.addVolume("data", labels: ["a": "b"]), try store.addVolume("logs"))
    let users = [try store.add("one", using: ["data"]), try store.add("two", using: ["data", "logs"])]
    try store.addVolume("none")
    _ = try store.withLockedVolume(data, wait: patience) { locked in
      try locked.mount(for: users[0], durability: .committed)
    }
    let all = try store.volumeSummaries()
    #expect(all.corrupt.isEmpty)
    #expect(all.volumes.map(\.name.rawValue) == ["data", "logs", "none"])
    #expect(all.volumes.map(\.userCount) == [2, 1, 0] && all.volumes.map(\.mountCount) == [1, 0, 0])
    let whole = try store.volume(logs).configuration
    #expect(all.volumes[1].createdAt == whole.createdAt && all.volumes[1].driver == whole.driver)
    #expect(all.volumes.allSatisfy { !$0.isAnonymous })
    var filter = VolumeFilter()
    filter.isUsed = false
    #expect(try store.volumeSummaries(where: filter).volumes == [all.volumes[2]])
    filter.isUsed = true
    filter.limit = 1
    #expect(try store.volumeSummaries(where: filter).volumes == [all.volumes[0]])
    filter = VolumeFilter()
    filter.labels = [.present("a")]
    filter.nameContaining = "at"
    #expect(try store.volumeSummaries(where: filter).volumes == [all.volumes[0]])
    filter.labels = Array(repeating: .present("a"), count: 501)
    expectError(.invalidArgument) { try store.volumeSummaries(where: filter) }
  }

  @Test("I-16: a volume that cannot be read does not hide the others from summaries")
  func damagedSummaries() throws {
    for name in ["v1", "v2", "v3"] { try store.addVolume(name) }
    try fixture.shell("UPDATE volume SET name = '../x' WHERE name = 'v1'; UPDATE volume SET details = x'FF';")
    let list = try store.volumeSummaries()
    #expect(list.volumes.map(\.name.rawValue) == ["v2", "v3"], "no JSON is decoded for them")
    #expect(list.corrupt.map(\.subject) == ["../x"])
  }
}
