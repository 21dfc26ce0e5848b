internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

extension StateStore {
  /// Adds a pod with the least in it.
  @discardableResult
  func addPod(_ id: String, name: String? = nil, labels: [String: String] = [:]) throws -> ContainerID {
    var details = PodDetails()
    details.labels = labels
    details.sharedNamespaces = [.net, .ipc]
    let configuration = try PodConfiguration(
      id: ContainerID(id), name: name ?? "pod-" + id, createdAt: .now, details: details)
    return try addPod(configuration, durability: .committed).id
  }

  /// Adds a container to a pod.
  @discardableResult
  func add(
    _ id: String, inPod pod: String, isInfrastructure: Bool = false, dependingOn dependencies: [String] = []
  ) throws -> ContainerID {
    var details = ContainerDetails()
    details.pod = try ContainerID(pod)
    details.isInfrastructure = isInfrastructure
    details.dependencies = Set(try dependencies.map { try ContainerID($0) })
    let configuration = try ContainerConfiguration(
      id: ContainerID(id), name: "name-" + id, createdAt: .now, details: details)
    return try add(configuration, specification: sampleSpecification, durability: .committed).id
  }
}

@Suite("Pods")
struct PodTests {
  let fixture: StoreFixture
  let store: StateStore
  private let patience = LockWait.upTo(.seconds(10))

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  @Test("a pod is found by id, name and partial id, listed newest first, and never mixed with containers")
  func lookUp() throws {
    let first = try store.addPod("aa1", name: "web", labels: ["tier": "front"])
    try store.addPod("aa2", name: "database")
    try store.add("ab1", name: "web")
    #expect(try store.pod(first).configuration.details().sharedNamespaces == [.net, .ipc])
    #expect(try store.lookUpPod("web").id == first)
    #expect(try store.lookUpContainer("web").id.rawValue == "ab1")
    #expect(try store.lookUpPod("aa1").id == first)
    #expect(expectError(.ambiguous) { try store.lookUpPod("aa") }?.candidates == ["aa1", "aa2"])
    expectError(.notFound) { try store.lookUpPod("ab") }
    expectError(.notFound) { try store.lookUpContainer("aa1") }
    expectError(.notFound) { try store.container(first) }
    #expect(try store.hasPod(first))
    #expect(try !store.hasContainer(first))
    #expect(try !store.hasPod(ContainerID("ab1")))
    #expect(try store.pods().map(\.name) == ["database", "web"])
    var filter = PodFilter()
    filter.labels = [.equals("tier", "front")]
    #expect(try store.pods(where: filter).map(\.id) == [first])
    #expect(try store.containers().map(\.id.rawValue) == ["ab1"])
    try expectClean(store)
  }

  @Test("I-1, I-2: one id space over containers and pods, names per kind")
  func uniqueness() throws {
    try store.addPod("one", name: "same")
    try store.add("two", name: "same")
    expectError(.alreadyExists) { try store.add("one") }
    expectError(.alreadyExists) { try store.addPod("two") }
    expectError(.alreadyExists) { try store.addPod("three", name: "same") }
    #expect(fixture.leftovers().filter { $0.hasPrefix("three") }.isEmpty)
    try expectClean(store)
  }

  @Test("I-7: members are known from both sides, and a pod with any is removed with them or not at all")
  func members() throws {
    let pod = try store.addPod("pod")
    let other = try store.addPod("other")
    let infrastructure = try store.add("m0", inPod: "pod", isInfrastructure: true)
    let member = try store.add("m1", inPod: "pod", dependingOn: ["m0"])
    #expect(try store.members(ofPod: pod) == [infrastructure, member])
    #expect(try store.memberContainers(ofPod: pod).map(\.id) == [infrastructure, member])
    #expect(try store.pod(pod).infrastructure == infrastructure)
    #expect(try store.pod(pod, has: member))
    #expect(try !store.pod(other, has: member))
    #expect(try store.container(member).configuration.pod() == pod)
    expectError(.alreadyExists) { try store.add("m2", inPod: "pod", isInfrastructure: true) }
    #expect(expectError(.inUse) { try store.removePod(pod, wait: patience) }?.candidates == ["m0", "m1"])
    try store.withLockedContainer(member, wait: patience) {
      try $0.addExecSession(
        ExecSession(id: ContainerID("s1"), container: member, command: ["sh"], createdAt: .now))
    }
    expectError(.inUse) { try store.removePod(pod, includingMembers: true, wait: patience) }
    #expect(try store.members(ofPod: pod).count == 2, "refused as a whole")
    _ = try store.withLockedContainer(member, wait: patience) { try $0.removeAllExecSessions() }
    #expect(
      try store.removePod(pod, includingMembers: true, wait: patience) == [member, infrastructure],
      "dependants first")
    #expect(try store.containers().isEmpty)
    try store.removePod(other, wait: patience)
    #expect(fixture.leftovers().isEmpty)
    expectError(.notFound) { try store.removePod(pod, wait: patience) }
    #expect(fixture.leftovers().isEmpty, "the question leaves no lockfile")
    try expectClean(store)
  }

  @Test("I-6: dependencies are in the same pod, or both in none")
  func wrongPod() throws {
    try store.addPod("p1")
    try store.addPod("p2")
    try store.add("free")
    try store.add("m1", inPod: "p1")
    expectError(.wrongPod) { try store.add("x", inPod: "p2", dependingOn: ["m1"]) }
    expectError(.wrongPod) { try store.add("x", inPod: "p1", dependingOn: ["free"]) }
    expectError(.wrongPod) { try store.add("x", dependingOn: ["m1"]) }
    expectError(.notFound) { try store.add("x", inPod: "p3") }
    expectError(.invalidArgument) { try store.add("x", inPod: "x") }
    #expect(try store.containers().count == 2)
    #expect(fixture.leftovers().filter { $0.hasPrefix("x") || $0.hasPrefix("p3") }.isEmpty)
    try expectClean(store)
  }

  @Test("a pod's state is changed under its lock, its revision is counted, and an older one is refused")
  func update() throws {
    let pod = try store.addPod("pod")
    try store.withLockedPod(pod, wait: patience) { locked in
      try locked.update { $0.controlGroupPath = "/machine/pod" }
      try locked.setStateExtra(JSONBytes("{\"a\" : 1}"))
      #expect(locked.pod.stateRevision == 3)
    }
    let found = try store.pod(pod)
    #expect(found.state.controlGroupPath == "/machine/pod" && found.stateRevision == 3)
    #expect(found.stateExtra.map { String(decoding: $0.bytes, as: UTF8.self) } == "{\"a\" : 1}")
    try store.withLockedPod(pod, wait: patience) { locked in
      expectError(.conflict) { try locked.update(expecting: 2) { _ in } }
      try locked.update(expecting: 3) { $0.controlGroupPath = "" }
    }
    expectError(.notFound) { try store.withLockedPod(ContainerID("none"), wait: .none) { _ in } }
    #expect(fixture.leftovers() == ["pod.lock"])
  }

  @Test("a container cannot be put into a pod that somebody removes, and the other way round")
  func addAgainstRemove() throws {
    for round in 0..<scaled(20) {
      let pod = try store.addPod("pod\(round)")
      try inParallel(2) { number in
        if number == 0 {
          do { try store.add("c\(round)", inPod: pod.rawValue) } catch let error as StoreError
            where error.code == .notFound
          {}
        } else {
          do { try store.removePod(pod, wait: .upTo(.seconds(10))) } catch let error as StoreError
            where error.code == .inUse
          {}
        }
      }
      let hasContainer = try store.hasContainer(ContainerID("c\(round)"))
      #expect(try store.hasPod(pod) == hasContainer)
    }
    try expectClean(store)
  }

  @Test("removal of a tree: dependants first, in one step, or not at all")
  func tree() throws {
    for (id, dependencies) in [("a", []), ("b", ["a"]), ("c", ["b"]), ("d", ["a", "c"]), ("e", [])] {
      try store.add(id, dependingOn: dependencies)
    }
    let root = try ContainerID("a")
    #expect(try store.dependants(of: root).map(\.rawValue) == ["b", "d"])
    expectError(.inUse) { try store.remove([root], wait: patience) }
    expectError(.notFound) { try store.remove([root, ContainerID("x")], wait: patience) }
    #expect(try store.containers().count == 5)
    let removed = try store.remove([root], includingDependants: true, wait: patience).map(\.rawValue)
    #expect(removed == ["d", "c", "b", "a"])
    #expect(try store.containers().map(\.id.rawValue) == ["e"])
    #expect(fixture.leftovers().sorted() == ["e.json", "e.lock"])
    try expectClean(store)
  }

  @Test("I-3: a rewrite changes what it may, counts, and is seen by others at their next read")
  func rewrite() throws {
    try store.addPod("pod")
    let id = try store.add("a", inPod: "pod")
    try store.add("b", name: "taken")
    let other = try fixture.open()
    let present = try other.container(id).configuration
    var details = try present.details()
    details.labels = ["new": "label"]
    details.stopSignal = 9
    func configuration(_ name: String, _ details: ContainerDetails) throws -> ContainerConfiguration {
      try ContainerConfiguration(id: id, name: name, createdAt: present.createdAt, details: details)
    }
    try store.withLockedContainer(id, wait: patience) { locked in
      try locked.rewrite(configuration("renamed", details), expecting: 1)
      #expect(locked.container.name == "renamed" && locked.container.configurationRevision == 2)
      expectError(.conflict) { try locked.rewrite(configuration("again", details), expecting: 1) }
      expectError(.alreadyExists) { try locked.rewrite(configuration("taken", details)) }
      var moved = details
      moved.pod = nil
      expectError(.invalidArgument) { try locked.rewrite(configuration("renamed", moved)) }
      var dependent = details
      dependent.dependencies = [try ContainerID("b")]
      expectError(.invalidArgument) { try locked.rewrite(configuration("renamed", dependent)) }
    }
    let found = try other.lookUpContainer("renamed")
    #expect(found.id == id && found.configurationRevision == 2)
    #expect(try found.configuration.details().stopSignal == 9)
    var filter = ContainerFilter()
    filter.labels = [.present("new")]
    #expect(try other.containers(where: filter).map(\.id) == [id])
    try expectClean(store)
  }

  @Test("I-3, I-2: a rewrite of a pod changes what it may, counts, and is seen by others at their next read")
  func rewritePod() throws {
    let pod = try store.addPod("pod", labels: ["old": "label"])
    try store.addPod("other", name: "taken")
    let reader = try fixture.open()
    let present = try reader.pod(pod).configuration
    var details = try present.details()
    details.labels = ["new": "label"]
    details.controlGroupParent = "/machine"
    func configuration(_ id: String, _ name: String, at moment: Timestamp) throws -> PodConfiguration {
      try PodConfiguration(
        id: ContainerID(id), name: name, createdAt: moment, details: details, extra: JSONBytes("[ 1]"))
    }
    let start = try store.lastChange()
    try store.withLockedPod(pod, wait: patience) { locked in
      try locked.rewrite(configuration("pod", "renamed", at: present.createdAt), expecting: 1)
      #expect(locked.pod.name == "renamed" && locked.pod.configurationRevision == 2)
      expectError(.alreadyExists) {
        try locked.rewrite(configuration("pod", "taken", at: present.createdAt))
      }
      for (wrong, what) in [
        (try configuration("other", "x", at: present.createdAt), "its id"),
        (try configuration("pod", "x", at: .now), "when it was created"),
      ] {
        #expect(expectError(.invalidArgument) { try locked.rewrite(wrong) }?.message.contains(what) == true)
      }
      try locked.update { $0.controlGroupPath = "/machine/pod" }
    }
    let found = try reader.lookUpPod("renamed")
    #expect(found.id == pod && found.configurationRevision == 2 && found.stateRevision == 2)
    #expect(try found.configuration.details() == details)
    #expect(found.configuration.extra.map { String(decoding: $0.bytes, as: UTF8.self) } == "[ 1]")
    var filter = PodFilter()
    filter.labels = [.present("new")]
    #expect(try reader.pods(where: filter).map(\.id) == [pod])
    filter.labels = [.present("old")]
    #expect(try reader.pods(where: filter).isEmpty)
    let changes = try ChangeReader(store).next(after: start).changes
    #expect(
      changes.map { "\($0.kind.name) \($0.action) \($0.revision)" } == ["pod rewritten 2", "pod updated 2"])
    try expectClean(store)
  }

  @Test("I-7: under its lock a pod is removed when it is empty, and its scope knows")
  func removeLocked() throws {
    let pod = try store.addPod("pod")
    let member = try store.add("m0", inPod: "pod")
    try store.withLockedPod(pod, wait: patience) { locked in
      #expect(expectError(.inUse) { try locked.remove() }?.candidates == ["m0"])
      try locked.update { $0.controlGroupPath = "/pod" }
    }
    try store.remove(member)
    try store.withLockedPod(pod, wait: patience) { locked in
      try locked.remove()
      expectError(.removed) { try locked.update { _ in } }
      expectError(.removed) { try locked.rewrite(locked.pod.configuration) }
      expectError(.removed) { try locked.remove() }
    }
    #expect(try !store.hasPod(pod))
    #expect(fixture.leftovers().isEmpty)
    #expect(try store.addPod("pod").rawValue == "pod")
    try expectClean(store)
  }

  @Test("summaries count the members of each status, newest first, as the filter says")
  func summaries() throws {
    let first = try store.addPod("p1", name: "web", labels: ["tier": "front"])
    let second = try store.addPod("p2", name: "database")
    let ids = [
      try store.add("m0", inPod: "p1", isInfrastructure: true), try store.add("m1", inPod: "p1"),
      try store.add("m2", inPod: "p1"),
    ]
    try store.change(ids[0]) { $0.status = .created }
    let all = try store.podSummaries()
    #expect(all.corrupt.isEmpty)
    #expect(all.pods.map(\.id) == [second, first])
    #expect(all.pods[0].memberCount == 0 && all.pods[0].memberCountByStatus.isEmpty)
    #expect(all.pods[0].infrastructure == nil && all.pods[0].name == "database")
    #expect(all.pods[1].memberCount == 3 && all.pods[1].infrastructure == ids[0])
    #expect(all.pods[1].memberCountByStatus == [.created: 1, .configured: 2])
    #expect(try all.pods[1].createdAt == store.pod(first).configuration.createdAt)
    var filter = PodFilter()
    filter.limit = 1
    #expect(try store.podSummaries(where: filter).pods == [all.pods[0]])
    filter.limit = nil
    filter.labels = [.equals("tier", "front")]
    #expect(try store.podSummaries(where: filter).pods == [all.pods[1]])
    filter.labels = []
    filter.idPrefix = "p2"
    #expect(try store.podSummaries(where: filter).pods == [all.pods[0]])
    filter.labels = [.present("tier")]
    #expect(try store.podSummaries(where: filter).pods.isEmpty)
    filter = PodFilter()
    filter.nameContaining = "eb"
    #expect(try store.podSummaries(where: filter).pods == [all.pods[1]])
    filter.labels = Array(repeating: .present("a"), count: 501)
    expectError(.invalidArgument) { try store.podSummaries(where: filter) }
  }

  @Test(
    "I-16: a pod that cannot be read does not hide the others, and a damaged member is counted all the same")
  func damagedSummaries() throws {
    for pod in ["p1", "p2", "p3"] { try store.addPod(pod) }
    for member in ["m0", "m1"] { try store.add(member, inPod: "p3") }
    try fixture.plant(in: "record", "UPDATE record SET name = x'FF' WHERE id = 'p2';")
    try fixture.shell("UPDATE container_state SET status = 77 WHERE generation = 4;")
    let list = try store.podSummaries()
    #expect(list.pods.map(\.id.rawValue) == ["p3", "p1"])
    #expect(list.corrupt.map(\.subject) == ["p2"])
    #expect(list.pods[0].memberCount == 2 && list.pods[0].memberCountByStatus == [.configured: 1])
  }

  @Test("a listing of containers tells their pods where that is asked for")
  func podsOfSummaries() throws {
    let pod = try store.addPod("p1")
    let alone = try store.add("alone")
    let member = try store.add("m0", inPod: "p1", isInfrastructure: true)
    let list = try store.containerSummaries(including: .pod)
    #expect(list.corrupt.isEmpty)
    #expect(list.containers.map(\.id) == [member, alone])
    #expect(list.containers.map(\.pod) == [pod, nil])
    #expect(try store.containerSummaries().containers.map(\.pod) == [nil, nil])
    var filter = ContainerFilter()
    filter.pod = "p1"
    #expect(
      try store.containerSummaries(where: filter, including: .pod).containers == [list.containers[0]])
    try fixture.shell("UPDATE record SET id = '../x' WHERE id = 'p1';")
    let damaged = try store.containerSummaries(including: .pod)
    #expect(damaged.containers.map(\.id) == [alone] && damaged.corrupt.count == 1)
  }

  @Test("dependencies are listed from both sides")
  func bothSides() throws {
    for (id, dependencies) in [("a", []), ("b", []), ("c", ["b", "a"])] {
      try store.add(id, dependingOn: dependencies)
    }
    #expect(try store.dependencies(of: ContainerID("c")).map(\.rawValue) == ["a", "b"])
    #expect(try store.dependencies(of: ContainerID("a")).isEmpty)
    #expect(try store.dependants(of: ContainerID("a")).map(\.rawValue) == ["c"])
    expectError(.notFound) { try store.dependencies(of: ContainerID("none")) }
  }
}
