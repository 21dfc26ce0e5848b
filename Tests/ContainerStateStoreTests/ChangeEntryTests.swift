internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("Each change has its entry")
struct ChangeEntryTests {
  let fixture: StoreFixture
  let store: StateStore
  private let reader: ChangeReader
  private let patience = LockWait.upTo(.seconds(10))

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    reader = try ChangeReader(store)
  }

  /// The entries of what `body` changes: kind, action, id, statuses where there are any, revision.
  private func entries(_ body: () throws -> Void) throws -> [String] {
    let before = try store.lastChange()
    try body()
    return try reader.next(after: before).changes.map { change in
      let statuses = [change.fromStatus, change.toStatus].compactMap { $0?.name }.joined(separator: "→")
      return [change.kind.name, change.action.name, change.id, statuses, "\(change.revision)"]
        .filter { !$0.isEmpty }.joined(separator: " ")
    }
  }

  private func locked(
    _ id: ContainerID, _ body: (borrowing LockedContainer) throws -> Void
  ) throws -> [String] {
    try entries { try store.withLockedContainer(id, wait: patience, body) }
  }

  @Test(
    "I-11: each write of a container from its addition to its removal has one entry, and says what it was")
  func container() throws {
    let id = try ContainerID("abc")
    #expect(try entries { try store.add("abc") } == ["container added abc configured 1"])
    #expect(
      try locked(id) { try $0.update { $0.status = .created } }
        == ["container updated abc configured→created 2"])
    #expect(
      try locked(id) { try $0.setStateExtra(JSONBytes("{}")) } == ["container updated abc created→created 3"])
    #expect(
      try locked(id) { try $0.setIntent(.begin(.start)) } == ["container updated abc created→created 4"])
    #expect(
      try locked(id) { try $0.recordExit(code: 7, finishedAt: .now) }
        == ["container updated abc created→stopped 5"])
    let configuration = try ContainerConfiguration(
      id: id, name: "other", createdAt: try store.container(id).configuration.createdAt)
    #expect(try locked(id) { try $0.rewrite(configuration) } == ["container rewritten abc stopped→stopped 2"])
    #expect(try locked(id) { try $0.remove() } == ["container removed abc stopped 5"])
    try expectClean(store)
  }

  @Test("I-11: each write of what belongs to a container has one entry")
  func parts() throws {
    let id = try store.add("abc")
    let session = try ContainerID("s1")
    #expect(
      try locked(id) {
        try $0.addExecSession(ExecSession(id: session, container: id, command: ["sh"], createdAt: .now))
      } == ["exec-session added s1 1"])
    #expect(
      try locked(id) { try $0.updateExecSession(session) { $0.status = .running } }
        == ["exec-session updated s1 2"])
    #expect(try locked(id) { try $0.removeExecSession(session) } == ["exec-session removed s1 2"])
    let front = try NetworkConnection(network: "front")
    #expect(try locked(id) { try $0.connect(front) } == ["network connected abc 0"])
    #expect(try locked(id) { try $0.disconnect("front") } == ["network disconnected abc 0"])
    #expect(try entries { try store.recordExitCode(of: id, code: 3) } == ["exit-code recorded abc 0"])
    try store.remove(id)
    #expect(try entries { try store.pruneExitCodes(olderThan: .zero) } == ["exit-code pruned abc 0"])
    try expectClean(store)
  }

  @Test("I-11: what one transaction does to several records has one entry for each")
  func together() throws {
    #expect(try entries { try store.addPod("pod") } == ["pod added pod 1"])
    #expect(
      try entries { try store.withLockedPod(ContainerID("pod"), wait: patience) { try $0.update { _ in } } }
        == ["pod updated pod 2"])
    let ids = [try store.add("a", inPod: "pod"), try store.add("b", inPod: "pod", dependingOn: ["a"])]
    #expect(
      try entries {
        try store.withLockedContainers(Set(ids), wait: patience) {
          try $0.update { _, state in state.status = .created }
        }
      } == ["container updated a configured→created 2", "container updated b configured→created 2"])
    #expect(
      try entries { _ = try store.removePod(ContainerID("pod"), includingMembers: true, wait: patience) }
        == ["container removed b created 2", "container removed a created 2", "pod removed pod 2"])
    for (id, dependencies) in [("c", []), ("d", ["c"])] { try store.add(id, dependingOn: dependencies) }
    #expect(
      try entries { _ = try store.remove([ContainerID("c")], includingDependants: true, wait: patience) }
        == ["container removed d configured 1", "container removed c configured 1"])
    try expectClean(store)
  }

  @Test("I-11, I-14: what is refused has no entry")
  func refused() throws {
    let id = try store.add("abc")
    try store.add("user", dependingOn: ["abc"])
    #expect(
      try entries {
        expectError(.alreadyExists) { try store.add("abc") }
        expectError(.inUse) { try store.remove(id) }
        expectError(.invalidTransition) { try store.change(id) { $0.status = .running } }
        expectError(.notConnected) {
          try store.withLockedContainer(id, wait: patience) { try $0.disconnect("x") }
        }
        _ = try store.pruneExitCodes()
      } == [])
  }
}
