internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

/// Every call that changes a record and may demand the revision that its caller decided by.
@Suite("Optimistic writes")
struct OptimisticTests {
  let fixture: StoreFixture
  let store: StateStore

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  /// A call, and the revision of what it changes.
  struct Call: CustomTestStringConvertible, Sendable {
    let name: String
    let body: @Sendable (StateStore, Int64) throws -> Void
    var testDescription: String { name }

    init(_ name: String, _ body: @escaping @Sendable (StateStore, Int64) throws -> Void) {
      (self.name, self.body) = (name, body)
    }
  }

  private static let container = ContainerID(unchecked: "abc")
  private static let pod = ContainerID(unchecked: "pod")
  private static let volume = VolumeName(unchecked: "vol")
  private static let session = ContainerID(unchecked: "session")

  private static func onContainer(
    _ name: String, _ body: @escaping @Sendable (borrowing LockedContainer, Int64) throws -> Void
  ) -> Call {
    Call(name) { store, revision in
      try store.withLockedContainer(container, wait: .none) { try body($0, revision) }
    }
  }

  private static func onPod(
    _ name: String, _ body: @escaping @Sendable (borrowing LockedPod, Int64) throws -> Void
  ) -> Call {
    Call(name) { store, revision in try store.withLockedPod(pod, wait: .none) { try body($0, revision) } }
  }

  private static func onVolume(
    _ name: String, _ body: @escaping @Sendable (borrowing LockedVolume, Int64) throws -> Void
  ) -> Call {
    Call(name) { store, revision in
      try store.withLockedVolume(volume, wait: .none) { try body($0, revision) }
    }
  }

  private static func inBatch(
    _ name: String, _ body: @escaping @Sendable (inout RecordBatch, Int64) throws -> Void
  ) -> Call {
    Call(name) { store, revision in
      try store.withLockedRecords(containers: [container], pods: [pod], wait: .none) {
        try $0.write { try body(&$0, revision) }
      }
    }
  }

  static let calls: [Call] = [
    onContainer("update") { try $0.update(expecting: $1) { $0.restartCount += 1 } },
    onContainer("write") { try $0.write($0.state, expecting: $1) },
    onContainer("setStateExtra") { try $0.setStateExtra(JSONBytes("1"), expecting: $1) },
    onContainer("setIntent") { try $0.setIntent(.begin(.start), expecting: $1) },
    onContainer("recordExit") { try $0.recordExit(code: 1, finishedAt: .now, expecting: $1) },
    onContainer("rewrite") { try $0.rewrite($0.container.configuration, expecting: $1) },
    onContainer("remove") { locked, revision in
      // What is in the way of every removal is not asked about before the revision.
      if revision == present { try locked.removeAllExecSessions() }
      try locked.remove(expecting: revision)
    },
    onContainer("connect") { try $0.connect(NetworkConnection(network: "new"), expecting: $1) },
    onContainer("modify") { try $0.modify("net", NetworkOptions(), expecting: $1) },
    onContainer("setNetworkStatus") { try $0.setNetworkStatus(nil, of: "net", expecting: $1) },
    onContainer("disconnect") { try $0.disconnect("net", expecting: $1) },
    onContainer("addExecSession") { locked, revision in
      try locked.addExecSession(
        ExecSession(id: ContainerID("s2"), container: container, command: ["sh"], createdAt: .now),
        expecting: revision)
    },
    onContainer("updateExecSession") { try $0.updateExecSession(session, expecting: $1) { $0.extra = nil } },
    onContainer("removeExecSession") { try $0.removeExecSession(session, expecting: $1) },
    onContainer("removeAllExecSessions") { try $0.removeAllExecSessions(expecting: $1) },
    onPod("pod update") { try $0.update(expecting: $1) { $0.controlGroupPath = "/pod" } },
    onPod("pod setStateExtra") { try $0.setStateExtra(JSONBytes("1"), expecting: $1) },
    onPod("pod rewrite") { try $0.rewrite($0.pod.configuration, expecting: $1) },
    onPod("pod remove") { try $0.remove(expecting: $1) },
    Call("removePod") { try $0.removePod(pod, wait: .none, expecting: $1) },
    inBatch("batch update container") { try $0.update(container: container, expecting: $1) { _ in } },
    inBatch("batch rewrite container") {
      try $0.rewrite($0.container(container).configuration, expecting: $1)
    },
    inBatch("batch update pod") { try $0.update(pod: pod, expecting: $1) { _ in } },
    inBatch("batch rewrite pod") { try $0.rewrite($0.pod(pod).configuration, expecting: $1) },
    Call("batch update volume") { store, revision in
      try store.withLockedRecords(volumes: [volume], wait: .none) {
        try $0.write { try $0.update(volume: volume, expecting: revision) { _ in } }
      }
    },
    Call("batch remove volume") { store, revision in
      try store.withLockedRecords(volumes: [volume], wait: .none) {
        try $0.write { try $0.remove(volume: volume, expecting: revision) }
      }
    },
    onVolume("volume update") { try $0.update(expecting: $1) { _ in } },
    onVolume("volume setStateExtra") { try $0.setStateExtra(nil, expecting: $1) },
    onVolume("volume rewrite") { try $0.rewrite($0.volume.configuration, expecting: $1) },
    onVolume("volume remove") { try $0.remove(expecting: $1) },
    inBatch("batch remove pod") { try $0.remove(pod: pod, expecting: $1) },
  ]

  /// The revision of everything that `calls` change.
  private static let present: Int64 = 4

  /// A container, a pod, an exec session and their configurations, each written three times after it was
  /// added.
  private func prepare() throws {
    try store.add("abc")
    try store.addPod("pod")
    try store.withLockedContainer(Self.container, wait: .none) { locked in
      for status in [ContainerStatus.created, .running, .running] {
        try locked.update(durability: .committed) { $0.status = status }
        try locked.rewrite(locked.container.configuration, durability: .committed)
      }
      try locked.connect(NetworkConnection(network: "net"), durability: .committed)
      try locked.addExecSession(
        ExecSession(id: Self.session, container: Self.container, command: ["sh"], createdAt: .now))
      for _ in 0..<3 { try locked.updateExecSession(Self.session) { _ in } }
    }
    try store.addVolume(VolumeConfiguration(name: Self.volume, createdAt: .now), durability: .committed)
    try store.withLockedVolume(Self.volume, wait: .none) { locked in
      for _ in 0..<3 {
        try locked.update(durability: .committed) { _ in }
        try locked.rewrite(locked.volume.configuration, durability: .committed)
      }
    }
    try store.withLockedPod(Self.pod, wait: .none) { locked in
      for _ in 0..<3 {
        try locked.update(durability: .committed) { _ in }
        try locked.rewrite(locked.pod.configuration, durability: .committed)
      }
    }
  }

  @Test(
    "each call that changes a record is a `conflict` naming the present revision, and works with that",
    arguments: calls)
  func conflict(call: Call) throws {
    try prepare()
    let before = try fixture.shell(".dump")
    for wrong in [Self.present - 1, Self.present + 1, 0] {
      let error = try #require(expectError(.conflict, call.name) { try call.body(store, wrong) })
      #expect(error.message.contains("\(wrong) was expected and \(Self.present) found"), "\(error)")
      #expect(try fixture.shell(".dump") == before)
    }
    try call.body(store, Self.present)
    #expect(try fixture.shell(".dump") != before)
    try expectClean(store)
  }

  @Test("two that read one revision and write: one is told of the other, and loses nothing by reading again")
  func rivals() throws {
    try prepare()
    let other = try fixture.open()
    let read = try store.container(Self.container).stateRevision
    try other.withLockedContainer(Self.container, wait: .none) {
      try $0.update(expecting: read) { $0.restartCount += 1 }
    }
    try store.withLockedContainer(Self.container, wait: .none) { locked in
      expectError(.conflict) { try locked.update(expecting: read) { $0.restartCount += 1 } }
      try locked.update(expecting: locked.container.stateRevision) { $0.restartCount += 1 }
    }
    #expect(try other.state(of: Self.container).restartCount == 2)
  }
}
