internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

/// What can be asked wrongly of everything that is no container alone, and the one code for it.
@Suite("Misuse of every kind of record has one typed error each")
struct EveryKindMisuseTests {
  typealias Misuse = MisuseTests.Misuse

  let fixture: StoreFixture
  let store: StateStore

  /// A pod with two members, one that joins the other's namespaces, and an empty one; a container with an
  /// exec session, a network and two volumes, one of them mounted, and a name of its own for every kind.
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    try store.addPod("pod1", name: "web")
    try store.addPod("pod2", name: "empty")
    try store.add("m0", inPod: "pod1", isInfrastructure: true)
    try store.add("m1", inPod: "pod1", dependingOn: ["m0"])
    for name in ["vol1", "vol2"] {
      try store.addVolume(VolumeConfiguration(name: VolumeName(name), createdAt: .now))
    }
    var details = ContainerDetails()
    details.volumes = [NamedVolume(name: Self.volume, destination: "/data")]
    let configuration = try ContainerConfiguration(
      id: Self.container, name: "name", createdAt: .now, details: details)
    try store.add(
      configuration, specification: sampleSpecification, networks: [NetworkConnection(network: "net")])
    try store.withLockedContainer(Self.container, wait: .none) {
      try $0.addExecSession(Self.session("s1"))
    }
    try store.withLockedVolume(VolumeName("vol2"), wait: .none) { _ = try $0.mount(for: Self.container) }
  }

  private static let container = ContainerID(unchecked: "abc")
  private static let pod = ContainerID(unchecked: "pod1")
  private static let empty = ContainerID(unchecked: "pod2")
  private static let gone = ContainerID(unchecked: "gone")
  private static let volume = VolumeName(unchecked: "vol1")
  private static let goneVolume = VolumeName(unchecked: "gone")

  private static func session(
    _ id: String, of container: ContainerID = container, command: [String] = ["sh"]
  ) throws -> ExecSession {
    ExecSession(id: try ContainerID(id), container: container, command: command, createdAt: .now)
  }

  private static func locked(
    _ name: String, _ code: StoreError.Code,
    _ body: @escaping @Sendable (borrowing LockedContainer) throws -> Void
  ) -> Misuse {
    Misuse(name, code) { try $0.withLockedContainer(container, wait: .none, body) }
  }

  private static func lockedPod(
    _ name: String, _ code: StoreError.Code, _ body: @escaping @Sendable (borrowing LockedPod) throws -> Void
  ) -> Misuse {
    Misuse(name, code) { try $0.withLockedPod(pod, wait: .none, body) }
  }

  private static func lockedVolume(
    _ name: String, _ code: StoreError.Code,
    _ body: @escaping @Sendable (borrowing LockedVolume) throws -> Void
  ) -> Misuse {
    Misuse(name, code) { try $0.withLockedVolume(volume, wait: .none, body) }
  }

  /// Collects a batch over the volume alone.
  private static func batch(
    _ name: String, _ code: StoreError.Code, _ body: @escaping @Sendable (inout RecordBatch) throws -> Void
  ) -> Misuse {
    Misuse("batch: " + name, code) { store in
      try store.withLockedRecords(volumes: [volume], wait: .none) { try $0.write(body) }
    }
  }

  /// Adds a container `new`.
  private static func adding(
    _ name: String, _ code: StoreError.Code,
    _ set: @escaping @Sendable (inout ContainerDetails) throws -> Void
  ) -> Misuse {
    Misuse("add " + name, code) { store in
      var details = ContainerDetails()
      try set(&details)
      try store.add(
        ContainerConfiguration(id: ContainerID("new"), name: "new", createdAt: .now, details: details),
        specification: sampleSpecification)
    }
  }

  static let onPods: [Misuse] = [
    Misuse("pod", .notFound) { _ = try $0.pod(gone) },
    Misuse("pod of a container's id", .notFound) { _ = try $0.pod(container) },
    Misuse("container of a pod's id", .notFound) { _ = try $0.container(pod) },
    Misuse("look up no pod", .emptyID) { _ = try $0.lookUpPod("") },
    Misuse("look up a pod that is not there", .notFound) { _ = try $0.lookUpPod("gone") },
    Misuse("look up a container as a pod", .notFound) { _ = try $0.lookUpPod("abc") },
    Misuse("look up two pods", .ambiguous) { _ = try $0.lookUpPod("pod") },
    Misuse("look up a pod of no name", .invalidArgument) { _ = try $0.lookUpPod("../x") },
    Misuse("members", .notFound) { _ = try $0.members(ofPod: gone) },
    Misuse("member containers", .notFound) { _ = try $0.memberContainers(ofPod: container) },
    Misuse("has, of no pod", .notFound) { _ = try $0.pod(gone, has: container) },
    Misuse("has, no container", .notFound) { _ = try $0.pod(pod, has: gone) },
    Misuse("add a pod's id again", .alreadyExists) { try $0.addPod("pod1", name: "new") },
    Misuse("add a pod's name again", .alreadyExists) { try $0.addPod("new", name: "web") },
    Misuse("add a pod of a container's id", .alreadyExists) { try $0.addPod("abc", name: "new") },
    Misuse("add a container of a pod's id", .alreadyExists) { try $0.add("pod1", name: "new") },
    Misuse("a pod of an empty name", .invalidArgument) { try $0.addPod("new", name: "") },
    Misuse("a pod with an empty label", .invalidArgument) { try $0.addPod("new", labels: ["": ""]) },
    Misuse("501 labels of pods", .invalidArgument) { store in
      var filter = PodFilter()
      filter.labels = Array(repeating: .present("a"), count: 501)
      _ = try store.pods(where: filter)
    },
    adding("to no pod", .notFound) { $0.pod = gone },
    adding("to a container as its pod", .notFound) { $0.pod = container },
    adding("to itself as its pod", .invalidArgument) { $0.pod = try ContainerID("new") },
    adding("a second infrastructure container", .alreadyExists) {
      $0.pod = pod
      $0.isInfrastructure = true
    },
    adding("depending on another pod's", .wrongPod) {
      $0.pod = empty
      $0.dependencies = [try ContainerID("m0")]
    },
    adding("in a pod, depending on one in none", .wrongPod) {
      $0.pod = pod
      $0.namespaceJoins = [.net: container]
    },
    adding("in no pod, depending on one in a pod", .wrongPod) { $0.dependencies = [try ContainerID("m0")] },
    Misuse("remove a pod that is not there", .notFound) { try $0.removePod(gone, wait: .none) },
    Misuse("remove a container as a pod", .notFound) { try $0.removePod(container, wait: .none) },
    Misuse("remove a pod with members", .inUse) { try $0.removePod(pod, wait: .none) },
    Misuse("lock a pod that is not there", .notFound) { try $0.withLockedPod(gone, wait: .none) { _ in } },
    Misuse("lock a pod after a container", .wouldDeadlock) { store in
      try store.withLockedContainer(container, wait: .none) { _ in
        try store.withLockedPod(pod, wait: .none) { _ in }
      }
    },
    Misuse("lock a pod twice", .wouldDeadlock) { store in
      try store.withLockedPod(pod, wait: .none) { _ in try store.withLockedPod(pod, wait: .none) { _ in } }
    },
    lockedPod("remove a locked pod with members", .inUse) { try $0.remove() },
    lockedPod("NUL in a control group", .invalidArgument) { try $0.update { $0.controlGroupPath = "\0" } },
    lockedPod("rewrite a pod to another name that is taken", .alreadyExists) {
      try $0.rewrite(PodConfiguration(id: pod, name: "empty", createdAt: $0.pod.configuration.createdAt))
    },
    lockedPod("rewrite a pod's id", .invalidArgument) {
      try $0.rewrite(PodConfiguration(id: empty, name: "x", createdAt: $0.pod.configuration.createdAt))
    },
    lockedPod("rewrite a pod's creation", .invalidArgument) {
      try $0.rewrite(PodConfiguration(id: pod, name: "x", createdAt: Timestamp(nanosecondsSinceEpoch: 1)))
    },
  ]

  static let onParts: [Misuse] = [
    Misuse("networks", .notFound) { _ = try $0.networks(of: gone) },
    Misuse("networks of a pod", .notFound) { _ = try $0.networks(of: pod) },
    locked("connect again", .alreadyConnected) { try $0.connect(NetworkConnection(network: "net")) },
    locked("connect to no name", .invalidArgument) { try $0.connect(NetworkConnection(network: "a/b")) },
    locked("modify what is not connected", .notConnected) { try $0.modify("other", NetworkOptions()) },
    locked("NUL in an alias", .invalidArgument) {
      var options = NetworkOptions()
      options.aliases = ["\0"]
      try $0.modify("net", options)
    },
    locked("status of what is not connected", .notConnected) { try $0.setNetworkStatus(nil, of: "other") },
    locked("disconnect what is not connected", .notConnected) { try $0.disconnect("other") },
    Misuse("add, connected twice to one", .alreadyConnected) { store in
      let connection = try NetworkConnection(network: "n")
      try store.add(
        .plain("new"), specification: sampleSpecification, networks: [connection, connection])
    },
    Misuse("exec session", .notFound) { _ = try $0.execSession(gone) },
    Misuse("exec sessions", .notFound) { _ = try $0.execSessions(of: gone) },
    locked("add a session's id again", .alreadyExists) { try $0.addExecSession(session("s1")) },
    locked("a session of another container", .invalidArgument) {
      try $0.addExecSession(session("s2", of: ContainerID("m0")))
    },
    locked("a session of no program", .invalidArgument) { try $0.addExecSession(session("s2", command: [])) },
    locked("NUL in a program", .invalidArgument) { try $0.addExecSession(session("s2", command: ["\0"])) },
    locked("update no session", .notFound) { try $0.updateExecSession(gone) { _ in } },
    locked("a created session with a process", .invalidArgument) {
      try $0.updateExecSession(ContainerID("s1")) { $0.pid = 7 }
    },
    locked("exit code 256 of a session", .invalidArgument) {
      try $0.updateExecSession(ContainerID("s1")) { $0.exitCode = 256 }
    },
    locked("remove no session", .notFound) { try $0.removeExecSession(gone) },
    Misuse("remove another container's session", .notFound) {
      try $0.withLockedContainer(ContainerID("m1"), wait: .none) {
        try $0.removeExecSession(ContainerID("s1"))
      }
    },
    locked("remove a container with sessions", .inUse) { try $0.remove() },
    Misuse("remove containers, one with sessions", .inUse) { try $0.remove([container], wait: .none) },
    Misuse("remove containers, one not there", .notFound) { try $0.remove([container, gone], wait: .none) },
    Misuse("remove containers, one in use", .inUse) { try $0.remove([ContainerID("m0")], wait: .none) },
    Misuse("exit code", .notFound) { _ = try $0.exitCode(of: gone) },
    Misuse("exit code −2", .invalidArgument) { try $0.recordExitCode(of: gone, code: -2) },
    Misuse("exit code 256", .invalidArgument) { try $0.recordExitCode(of: gone, code: 256) },
    Misuse("prune what is younger than now", .invalidArgument) {
      try $0.pruneExitCodes(olderThan: .nanoseconds(-1))
    },
    Misuse("dependants", .notFound) { _ = try $0.dependants(of: gone) },
    Misuse("dependencies", .notFound) { _ = try $0.dependencies(of: pod) },
    locked("rewrite the id", .invalidArgument) {
      try $0.rewrite(
        ContainerConfiguration(id: gone, name: "x", createdAt: $0.container.configuration.createdAt))
    },
    locked("rewrite what it depends on", .invalidArgument) { locked in
      var details = try locked.container.configuration.details()
      details.dependencies = [try ContainerID("m0")]
      try locked.rewrite(
        ContainerConfiguration(
          id: container, name: "x", createdAt: locked.container.configuration.createdAt, details: details))
    },
    locked("rewrite the pod", .invalidArgument) { locked in
      var details = try locked.container.configuration.details()
      details.pod = pod
      try locked.rewrite(
        ContainerConfiguration(
          id: container, name: "x", createdAt: locked.container.configuration.createdAt, details: details))
    },
    Misuse("changes after what never was", .invalidArgument) {
      _ = try ChangeReader($0).next(after: ChangeSequence(rawValue: 1 << 40))
    },
  ]

  static let onVolumes: [Misuse] = [
    Misuse("an empty volume name", .emptyID) { _ in _ = try VolumeName("") },
    Misuse("a volume name that is none", .invalidArgument) { _ in _ = try VolumeName("a/b") },
    Misuse("volume", .notFound) { _ = try $0.volume(goneVolume) },
    Misuse("look up no volume", .emptyID) { _ = try $0.lookUpVolume("") },
    Misuse("look up a volume that is not there", .notFound) { _ = try $0.lookUpVolume("gone") },
    Misuse("look up two volumes", .ambiguous) { _ = try $0.lookUpVolume("vol") },
    Misuse("look up a volume of no name", .invalidArgument) { _ = try $0.lookUpVolume("-") },
    Misuse("users of no volume", .notFound) { _ = try $0.users(ofVolume: goneVolume) },
    Misuse("mounts of no volume", .notFound) { _ = try $0.mounters(ofVolume: goneVolume) },
    Misuse("add a volume again", .alreadyExists) {
      try $0.addVolume(VolumeConfiguration(name: volume, createdAt: .now))
    },
    Misuse("a volume of no driver", .invalidArgument) {
      try $0.addVolume(VolumeConfiguration(name: goneVolume, createdAt: .now, driver: ""))
    },
    adding("using no volume", .notFound) { $0.volumes = [NamedVolume(name: goneVolume, destination: "/")] },
    Misuse("remove no volume", .notFound) { try $0.removeVolume(goneVolume, wait: .none) },
    Misuse("remove a volume in use", .inUse) { try $0.removeVolume(volume, wait: .none) },
    Misuse("remove a volume with a user who has sessions", .inUse) {
      try $0.removeVolume(volume, includingUsers: true, wait: .none)
    },
    Misuse("remove a volume that is mounted", .inUse) {
      try $0.removeVolume(VolumeName("vol2"), includingUsers: true, wait: .none)
    },
    Misuse("lock no volume", .notFound) { try $0.withLockedVolume(goneVolume, wait: .none) { _ in } },
    Misuse("lock a container after a volume", .wouldDeadlock) { store in
      try store.withLockedVolume(volume, wait: .none) { _ in
        try store.withLockedContainer(container, wait: .none) { _ in }
      }
    },
    lockedVolume("remove a locked volume in use", .inUse) { try $0.remove() },
    lockedVolume("mount for nobody", .notFound) { try $0.mount(for: gone) },
    lockedVolume("NUL in a mountpoint", .invalidArgument) { try $0.update { $0.mountpoint = "\0" } },
    lockedVolume("rewrite a volume's name", .invalidArgument) {
      try $0.rewrite(
        VolumeConfiguration(name: goneVolume, createdAt: $0.volume.configuration.createdAt))
    },
    lockedVolume("another revision of a volume", .conflict) { try $0.update(expecting: 9) { _ in } },
    lockedVolume("another revision of a volume's configuration", .conflict) {
      try $0.rewrite($0.volume.configuration, expecting: 9)
    },
    batch("another revision of a volume's configuration", .conflict) {
      try $0.rewrite($0.volume(volume).configuration, expecting: 9)
    },
    batch("rewrite a volume's creation", .invalidArgument) {
      try $0.rewrite(VolumeConfiguration(name: volume, createdAt: Timestamp(nanosecondsSinceEpoch: 1)))
    },
    batch("rewrite a volume that is not locked", .invalidArgument) {
      try $0.rewrite(VolumeConfiguration(name: VolumeName("vol2"), createdAt: .now))
    },
    batch("rewrite a volume that was removed", .removed) {
      let present = try $0.volume(volume).configuration
      try $0.remove(volume: volume)
      try $0.rewrite(present)
    },
  ]

  static let all = onPods + onParts + onVolumes

  @Test(
    "each misuse has its code, its operation and a sentence, and changes nothing", arguments: all)
  func misuse(_ misuse: Misuse) throws {
    let before = try fixture.shell(".dump")
    let files = fixture.leftovers()
    let error = try #require(expectError(misuse.code, misuse.call) { try misuse.body(store) })
    #expect(error.message.contains { $0 == " " })
    #expect(try fixture.shell(".dump") == before)
    #expect(fixture.leftovers() == files)
    try expectClean(store)
  }

  @Test("no misuse is named twice, and every code that a rule of the records has is in the tables")
  func tables() {
    let calls = (Self.all + MisuseTests.onStores + MisuseTests.onValues).map(\.call)
    #expect(Set(calls).count == calls.count)
    let codes = Set((Self.all + MisuseTests.onStores + MisuseTests.onValues).map(\.code))
    let needed: Set<StoreError.Code> = [
      .emptyID, .invalidArgument, .notFound, .alreadyExists, .ambiguous, .inUse, .invalidTransition,
      .wrongPod,
      .alreadyConnected, .notConnected, .wouldDeadlock, .conflict,
    ]
    #expect(needed.subtracting(codes) == [])
  }
}
