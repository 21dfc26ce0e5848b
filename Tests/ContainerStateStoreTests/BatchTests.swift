internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("Several records in one transaction")
struct BatchTests {
  let fixture: StoreFixture
  let store: StateStore
  private let pod: ContainerID
  private let members: [ContainerID]
  private let alone: ContainerID
  private let patience = LockWait.upTo(.seconds(10))

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    pod = try store.addPod("pod")
    members = [try store.add("m0", inPod: "pod"), try store.add("m1", inPod: "pod", dependingOn: ["m0"])]
    alone = try store.add("alone")
  }

  /// Writes a batch over everything there is.
  private func write(_ body: (inout RecordBatch) throws -> Void) throws {
    try store.withLockedRecords(containers: Set(members + [alone]), pods: [pod], wait: patience) {
      try $0.write(durability: .committed, body)
    }
  }

  /// What `verify` and a dump make of a batch that has to fail with `code`: nothing.
  private func expectNothing(
    _ code: StoreError.Code, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (inout RecordBatch) throws -> Void
  ) throws {
    let before = try fixture.shell(".dump")
    let files = fixture.leftovers()
    expectError(code, sourceLocation: sourceLocation) { try write(body) }
    #expect(try fixture.shell(".dump") == before, sourceLocation: sourceLocation)
    #expect(fixture.leftovers() == files, sourceLocation: sourceLocation)
    try expectClean(store, sourceLocation: sourceLocation)
  }

  @Test("containers and pods are changed, rewritten and removed in one commit; each sees what came before")
  func everyKind() throws {
    let other = try fixture.open()
    let start = try store.lastChange()
    try write { batch in
      try batch.update(container: alone) { $0.status = .created }
      try batch.update(container: alone, expecting: 2) { $0.status = .running }
      #expect(try batch.container(alone).stateRevision == 3)
      #expect(try other.state(of: alone).status == .configured, "nothing is written before the end")
      try batch.update(pod: pod) { $0.controlGroupPath = "/pod" }
      #expect(try batch.pod(pod).state.controlGroupPath == "/pod")
      let present = try batch.pod(pod).configuration
      try batch.rewrite(
        PodConfiguration(id: pod, name: "renamed", createdAt: present.createdAt), expecting: 1)
      let own = try batch.container(alone).configuration
      try batch.rewrite(ContainerConfiguration(id: alone, name: "new", createdAt: own.createdAt))
      // A removal comes after everything that depends on it, whatever the order here.
      try batch.remove(container: members[0])
      try batch.remove(container: members[1])
    }
    let container = try other.container(alone)
    #expect(container.status == .running && container.name == "new")
    #expect(container.stateRevision == 3 && container.configurationRevision == 2)
    let found = try other.lookUpPod("renamed")
    #expect(found.state.controlGroupPath == "/pod" && found.stateRevision == 2)
    #expect(try other.members(ofPod: pod).isEmpty)
    let changes = try ChangeReader(store).next(after: start).changes
    #expect(
      changes.map { "\($0.action) \($0.id)" } == [
        "updated alone", "updated alone", "updated pod", "rewritten pod", "rewritten alone", "removed m1",
        "removed m0",
      ])
    #expect(fixture.leftovers().sorted() == ["alone.json", "alone.lock", "pod.lock"])
    try expectClean(store)
  }

  @Test("a pod goes with its members, and the lockfiles of all of them")
  func whole() throws {
    try write { batch in
      try batch.remove(pod: pod)
      for member in members { try batch.remove(container: member) }
    }
    #expect(try store.pods().isEmpty && store.containers().map(\.id) == [alone])
    #expect(fixture.leftovers().sorted() == ["alone.json", "alone.lock"])
    try expectClean(store)
  }

  @Test("I-14: where one change fails nothing is written, whatever fails and whenever")
  func allOrNothing() throws {
    try expectNothing(.invalidTransition) { batch in
      try batch.update(pod: pod) { $0.controlGroupPath = "/pod" }
      try batch.update(container: alone) { $0.status = .running }
    }
    try expectNothing(.conflict) { batch in
      try batch.update(container: alone) { $0.status = .created }
      try batch.update(pod: pod, expecting: 7) { _ in }
    }
    try expectNothing(.inUse) { batch in
      try batch.update(container: alone) { $0.status = .created }
      try batch.remove(container: members[0])
    }
    try expectNothing(.inUse) { batch in
      try batch.remove(container: members[1])
      try batch.remove(pod: pod)
    }
    try expectNothing(.removed) { batch in
      try batch.remove(container: alone)
      try batch.update(container: alone) { _ in }
    }
    try expectNothing(.removed) { batch in
      try batch.remove(pod: pod)
      try batch.remove(pod: pod)
    }
    try expectNothing(.alreadyExists) { batch in
      let own = try batch.container(alone).configuration
      try batch.update(container: members[0]) { $0.status = .created }
      try batch.rewrite(ContainerConfiguration(id: alone, name: "name-m0", createdAt: own.createdAt))
    }
    #expect(throws: Abandoned.self) {
      try write { batch in
        try batch.update(container: alone) { $0.status = .created }
        throw Abandoned()
      }
    }
    #expect(try store.state(of: alone).status == .configured)
  }

  private struct Abandoned: Error {}

  @Test("what was not locked, or is named as container and as pod, is `invalidArgument`")
  func misuse() throws {
    expectError(.invalidArgument) {
      try store.withLockedRecords(containers: [alone], pods: [alone], wait: .none) { _ in }
    }
    expectError(.notFound) { try store.withLockedRecords(pods: [pod, alone], wait: .none) { _ in } }
    try store.withLockedRecords(containers: [alone], wait: .none) { locked in
      expectError(.invalidArgument) { try locked.write { try $0.update(pod: pod) { _ in } } }
      expectError(.invalidArgument) { try locked.write { try $0.remove(container: members[0]) } }
      expectError(.invalidArgument) { try locked.withPod(pod) { _ in } }
      #expect(locked.podIDs.isEmpty && locked.containerIDs == [alone])
    }
    #expect(fixture.leftovers().filter { $0.hasSuffix(".lock") }.count == 4)
  }

  @Test("I-14: of several that are not there none leaves a lockfile")
  func severalMissing() throws {
    let gone = try (0..<3).map { try ContainerID("gone\($0)") }
    let files = fixture.leftovers()
    expectError(.notFound) {
      try store.withLockedRecords(
        containers: [gone[0], gone[1], alone], pods: [gone[2], pod],
        volumes: [VolumeName("gone1"), VolumeName("gone2")], wait: .none
      ) { _ in }
    }
    #expect(Set(fixture.leftovers()).isSubset(of: files + ["alone.lock", "pod.lock"]))
    try expectClean(store)
  }

  @Test("scopes know of the batch that was written, and a batch of what the scopes wrote")
  func scopes() throws {
    try store.withLockedRecords(containers: [alone], pods: [pod], wait: patience) { locked in
      try locked.withContainer(alone) { try $0.update(durability: .committed) { $0.status = .created } }
      try locked.write(durability: .committed) { batch in
        try batch.update(container: alone, expecting: 2) { $0.status = .running }
        try batch.update(pod: pod) { $0.controlGroupPath = "/pod" }
      }
      try locked.withContainer(alone) { container in
        #expect(container.container.stateRevision == 3 && container.state.status == .running)
        try container.recordExit(code: 7, finishedAt: .now, durability: .committed)
      }
      try locked.withPod(pod) { pod in
        try pod.update(expecting: 2, durability: .committed) { $0.controlGroupPath = "" }
      }
      try locked.write(durability: .committed) { try $0.remove(container: alone) }
      expectError(.removed) { try locked.withContainer(alone) { try $0.update { _ in } } }
    }
    expectError(.notFound) { try store.container(alone) }
    try expectClean(store)
  }

  @Test("a batch writes several states in one transaction, or none")
  func states() throws {
    let ids = members + [alone]
    try store.withLockedContainers(Set(ids), wait: patience) { locked in
      try locked.update { container, state in
        if container.id != alone { state.status = .created }
      }
      expectError(.invalidTransition) {
        try locked.update { container, state in state.status = container.id == alone ? .paused : .running }
      }
    }
    #expect(try ids.map { try store.state(of: $0).status } == [.created, .created, .configured])
    #expect(try ids.map { try store.container($0).stateRevision } == [2, 2, 1])
  }

  /// A named and an anonymous volume, and a container that uses both.
  private func addVolumes() throws -> (named: VolumeName, anonymous: VolumeName, user: ContainerID) {
    let (named, anonymous) = (try VolumeName("vol2"), try VolumeName("vol1"))
    try store.addVolume(VolumeConfiguration(name: named, createdAt: .now), durability: .committed)
    try store.addVolume(
      VolumeConfiguration(name: anonymous, createdAt: .now, isAnonymous: true), durability: .committed)
    var details = ContainerDetails()
    details.volumes = [named, anonymous].map { NamedVolume(name: $0, destination: "/\($0)") }
    let configuration = try ContainerConfiguration(
      id: ContainerID("user"), name: "user", createdAt: .now, details: details)
    let user = try store.add(configuration, specification: sampleSpecification, durability: .committed).id
    return (named, anonymous, user)
  }

  @Test("volumes are changed and removed with containers, and anonymous ones go with their last user")
  func volumes() throws {
    let (named, anonymous, user) = try addVolumes()
    let start = try store.lastChange()
    try store.withLockedRecords(
      containers: [user, alone], pods: [pod], volumes: [named], wait: patience
    ) { locked in
      #expect(locked.volumeNames == [named])
      try locked.write(durability: .committed) { batch in
        try batch.update(volume: named) { $0.mountpoint = "/mnt" }
        #expect(try batch.volume(named).stateRevision == 2)
        try batch.update(pod: pod) { $0.controlGroupPath = "/pod" }
      }
      try locked.withVolume(named) {
        try $0.update(expecting: 2, durability: .committed) { $0.mountpoint = "" }
      }
      try rewriteVolume(named, with: pod, in: locked)
      expectError(.inUse) { try locked.write { try $0.remove(volume: named) } }
      expectError(.conflict) { try locked.write { try $0.update(volume: named, expecting: 2) { _ in } } }
      expectError(.invalidArgument) { try locked.write { try $0.remove(volume: anonymous) } }
      expectError(.removed) {
        try locked.write { batch in
          try batch.remove(volume: named)
          _ = try batch.volume(named)
        }
      }
      try locked.write(durability: .committed) { batch in
        try batch.remove(volume: named, expecting: 3)
        try batch.remove(container: user)
        try batch.update(container: alone) { $0.status = .created }
      }
      try locked.withVolume(named) { volume in
        _ = expectError(.removed) { try volume.update { _ in } }
      }
    }
    #expect(try store.volumes().isEmpty)
    #expect(try store.state(of: alone).status == .created)
    #expect(
      try ChangeReader(store).next(after: start).changes.map { "\($0.action) \($0.id)" } == [
        "updated vol2", "updated pod", "updated vol2", "rewritten vol2", "rewritten vol2", "updated pod",
        "rewritten vol2", "updated alone", "removed user", "removed vol1", "removed vol2",
      ])
    #expect(fixture.leftovers().filter { $0.contains("vol") || $0.contains("user") }.isEmpty)
    try expectClean(store)
  }

  /// Each rewriting demands the revision that the one before it made, and the scope knows the last.
  private func rewriteVolume(
    _ name: VolumeName, with pod: ContainerID, in locked: borrowing LockedRecords
  ) throws {
    func changed(_ present: VolumeConfiguration, _ driver: String) throws -> VolumeConfiguration {
      var details = present.details
      details.labels = ["driver": driver]
      return try VolumeConfiguration(
        name: name, createdAt: present.createdAt, driver: driver, details: details)
    }
    try locked.write(durability: .committed) { batch in
      let present = try batch.volume(name)
      try batch.rewrite(changed(present.configuration, "one"), expecting: 1)
      try batch.rewrite(changed(present.configuration, "two"), expecting: 2)
      let written = try batch.volume(name)
      #expect(written.configuration.driver == "two" && written.configurationRevision == 3)
      #expect(written.stateRevision == present.stateRevision && written.state == present.state)
      try batch.update(pod: pod) { $0.controlGroupPath = "/other" }
      expectError(.conflict) { try batch.rewrite(changed(present.configuration, "x"), expecting: 2) }
      let moved = try VolumeConfiguration(name: name, createdAt: Timestamp(nanosecondsSinceEpoch: 1))
      expectError(.invalidArgument) { try batch.rewrite(moved) }
    }
    var filter = VolumeFilter()
    filter.labels = [.equals("driver", "two")]
    #expect(try store.volumes(where: filter).map(\.name) == [name])
    try locked.withVolume(name) { volume in
      let present = volume.volume.configuration
      try volume.rewrite(changed(present, "three"), expecting: 3, durability: .committed)
    }
  }

  @Test("an anonymous volume is locked by the removal itself where no volume was, and by the caller too")
  func anonymousVolumes() throws {
    let (named, anonymous, user) = try addVolumes()
    try store.withLockedRecords(containers: [user], wait: patience) {
      try $0.write(durability: .committed) { try $0.remove(container: user) }
    }
    #expect(try store.volumes().map(\.name) == [named])
    #expect(fixture.leftovers().filter { $0.contains("vol") } == ["vol2.volume"])
    try store.removeVolume(named, wait: patience)
    let again = try addVolumes()
    try store.withLockedRecords(
      containers: [again.user], volumes: [named, anonymous], wait: patience
    ) { locked in
      try locked.write(durability: .committed) { batch in
        try batch.update(volume: anonymous) { $0.mountpoint = "/mnt" }
        try batch.remove(container: user)
      }
      try locked.withVolume(anonymous) { volume in
        _ = expectError(.removed) { try volume.update { _ in } }
      }
    }
    #expect(try store.volumes().map(\.name) == [named])
    #expect(fixture.leftovers().filter { $0.contains("vol") } == ["vol2.volume"])
    expectError(.notFound) {
      try store.withLockedRecords(volumes: [anonymous], wait: patience) { _ in }
    }
    #expect(fixture.leftovers().filter { $0.contains("vol1") }.isEmpty)
    try expectClean(store)
  }
}
