internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

/// Each way in which a container changes, and after it a commit that is noted as one about another: what
/// was kept before the change must not look as if nothing had happened.
@Suite("Answers after changes, behind commits about others")
struct NeverStaleAnswerTests {
  /// Who changes the container, and who commits about another one then.
  static let ways = [
    "itself, itself", "itself, other handle", "other handle, itself", "other handle, other process",
  ]

  @Test(
    "D-9: a change of the state is seen behind a commit about another container",
    arguments: ContainerChange.states, ways)
  func states(change: ContainerChange, way: String) throws { try expectSeen(change, way) }

  @Test(
    "D-9: a change of configuration or parts, a removal and a return are seen behind a commit about another",
    arguments: ContainerChange.configurations, ways)
  func configurations(change: ContainerChange, way: String) throws { try expectSeen(change, way) }

  @Test(
    "D-9: what changes several records at once is seen behind a commit about another container",
    arguments: ContainerChange.together, ways)
  func severalAtOnce(change: ContainerChange, way: String) throws { try expectSeen(change, way) }

  @Test(
    "D-9: what a foreign program has changed is seen behind a commit about another container",
    arguments: ContainerChange.foreign, ways)
  func foreignProgram(change: ContainerChange, way: String) throws { try expectSeen(change, way) }

  private func expectSeen(_ change: ContainerChange, _ way: String) throws {
    let kept = try KeptAnswerFixture { store, id in
      try store.withLockedContainer(id, wait: patience, change.prepare)
    }
    // Somebody who is there all the time, and commits something first.
    let child = way.hasSuffix("process") ? try kept.fixture.child() : nil
    try child?.succeed("open")
    func changeAnother() throws {
      if let child {
        try child.succeed("count other 1")
      } else {
        try kept.changeAnother(by: way.hasSuffix("itself") ? kept.store : kept.other)
      }
    }
    try kept.keep()
    try changeAnother()
    let before = try kept.answers()
    try change.body(kept, way.hasPrefix("itself") ? kept.store : kept.other)
    // Nobody has asked in between, so what was kept before is all that there is.
    try changeAnother()
    try kept.expectTrue("once")
    #expect(try kept.answers() != before)
    try changeAnother()
    try kept.expectTrue("and after another one")
  }

  /// What a process of its own does, by its commands.
  static let commands = [
    "count abc 1", "count abc 3", "status abc created", "begin abc", "remove abc", "remove-pod pod",
    "write-batch pod abc third", "write-batch pod third abc", "together abc other",
  ]

  @Test(
    "D-9: what another process has changed is seen behind a commit about another container",
    arguments: commands, ["itself", "other handle", "the same process", "another process"])
  func otherProcess(command: String, changer: String) throws {
    let kept = try KeptAnswerFixture { store, _ in try store.add("third") }
    let children = try kept.fixture.openChildren(2)
    try kept.keep()
    let before = try kept.answers()
    try children[0].succeed(command)
    for round in 1...2 {
      switch changer {
      case "itself": try kept.changeAnother(by: kept.store)
      case "other handle": try kept.changeAnother()
      case "the same process": try children[0].succeed("count other 1")
      default: try children[1].succeed("count other 1")
      }
      try kept.expectTrue("round \(round)")
    }
    #expect(try kept.answers() != before)
  }

  @Test("D-9: what is committed under the lock of another thread's scope is seen by all threads at once")
  func threads() throws {
    let kept = try KeptAnswerFixture()
    let (store, other, id, another) = (kept.store, kept.other, kept.id, kept.another)
    let last = Int32(scaled(100))
    try inParallel(4) { number in
      if number == 0 {
        for count in 1...last {
          try store.change(id) { $0.restartCount = count }
          guard try store.state(of: id).restartCount == count else { throw TestSupportError("not \(count)") }
        }
        return
      }
      var seen: Int32 = 0
      try waitUntil("count \(last) to be seen", within: .seconds(60)) {
        if number == 1 { try other.change(another) { $0.restartCount += 1 } }
        let count = try store.state(of: id).restartCount
        guard count >= seen else { throw TestSupportError("\(count) after \(seen)") }
        seen = count
        return count == last
      }
    }
    try kept.expectTrue()
  }
}

private let patience = LockWait.upTo(.seconds(10))

/// A way to change the container of a fixture.
struct ContainerChange: CustomTestStringConvertible, Sendable {
  let name: String
  /// What has to be there first.
  var prepare: @Sendable (borrowing LockedContainer) throws -> Void = { _ in }
  let body: @Sendable (KeptAnswerFixture, StateStore) throws -> Void
  var testDescription: String { name }

  /// Under the container's lock.
  static func locked(
    _ name: String, prepare: @escaping @Sendable (borrowing LockedContainer) throws -> Void = { _ in },
    _ body: @escaping @Sendable (borrowing LockedContainer) throws -> Void
  ) -> ContainerChange {
    ContainerChange(name: name, prepare: prepare) { kept, store in
      try store.withLockedContainer(kept.id, wait: patience, body)
    }
  }

  /// In one transaction with another container and the pod.
  static func batch(
    _ name: String, _ body: @escaping @Sendable (ContainerID, inout RecordBatch) throws -> Void
  ) -> ContainerChange {
    ContainerChange(name: name) { kept, store in
      let pod = try ContainerID("pod")
      try store.withLockedRecords(containers: [kept.id, kept.another], pods: [pod], wait: patience) {
        try $0.write { batch in
          try batch.update(container: kept.another) { $0.restartCount += 1 }
          try body(kept.id, &batch)
        }
      }
    }
  }

  static func shell(_ name: String, _ sql: String) -> ContainerChange {
    ContainerChange(name: name) { kept, _ in try kept.fixture.shell(sql) }
  }
}

extension ContainerChange {
  private static func rewritten(
    _ container: Container, name: String, image: String = ""
  ) throws -> ContainerConfiguration {
    let present = container.configuration
    return try ContainerConfiguration(
      id: present.id, name: name, createdAt: present.createdAt, imageName: image, details: present.details())
  }

  private static func newSession(_ container: ContainerID) throws -> ExecSession {
    ExecSession(id: try ContainerID("session"), container: container, command: ["sh"], createdAt: .now)
  }

  static let states: [ContainerChange] = [
    .locked("state") { try $0.update { $0.restartCount += 1 } },
    .locked("state, only committed") { try $0.update(durability: .committed) { $0.errorText = "x" } },
    .locked("state and extra") { try $0.update(stateExtra: JSONBytes("{ }")) { $0.restartCount += 1 } },
    .locked("extra") { try $0.setStateExtra(JSONBytes("[1]")) },
    .locked("no extra", prepare: { try $0.setStateExtra(JSONBytes("[1]")) }) { try $0.setStateExtra(nil) },
    .locked("intent") { try $0.setIntent(.begin(.start)) },
    .locked("state and intent") { try $0.update(intent: .begin(.stop)) { $0.restartCount += 1 } },
    ContainerChange(name: "end of an intent") { kept, store in
      try store.withLockedContainer(kept.id, wait: patience) { locked in
        try locked.setIntent(.begin(.start))
        try kept.changeAnother(by: kept.store)
        try locked.setIntent(.end)
      }
    },
    .locked(
      "exit",
      prepare: { locked in
        try locked.update { $0.status = .created }
        try locked.update { $0.status = .running }
      }
    ) { try $0.recordExit(code: 9, finishedAt: .now) },
    .locked("several in one scope") { locked in
      for _ in 0..<3 { try locked.update { $0.restartCount += 1 } }
      try locked.rewrite(rewritten(locked.container, name: "new"))
      try locked.update { $0.restartCount += 1 }
    },
  ]

  static let configurations: [ContainerChange] = [
    .locked("rewrite") {
      try $0.rewrite(rewritten($0.container, name: $0.container.name, image: "image"))
    },
    .locked("rename") { try $0.rewrite(rewritten($0.container, name: "renamed")) },
    .locked("network, then state") { locked in
      try locked.connect(NetworkConnection(network: "net"))
      try locked.setNetworkStatus(JSONBytes("{}"), of: "net")
      try locked.update { $0.restartCount += 1 }
      try locked.disconnect("net")
    },
    .locked("session, then state") { locked in
      let session = try newSession(locked.container.id)
      try locked.addExecSession(session)
      try locked.updateExecSession(session.id) { $0.status = .running }
      try locked.update { $0.restartCount += 1 }
      try locked.removeAllExecSessions()
    },
    .locked("removal") { try $0.remove() },
    ContainerChange(name: "removal and addition") { kept, store in
      try store.remove(kept.id)
      try store.add("abc", name: "again")
    },
    ContainerChange(name: "removal and the same again") { kept, store in
      let present = try store.container(kept.id).configuration
      try store.remove(kept.id)
      _ = try store.add(present, specification: sampleSpecification)
    },
    ContainerChange(name: "removal with its pod") { _, store in
      try store.removePod(ContainerID("pod"), includingMembers: true, wait: patience)
    },
  ]

  static let together: [ContainerChange] = [
    .batch("batch") { id, batch in
      try batch.update(container: id) { $0.restartCount += 1 }
      try batch.update(container: id) { $0.restartCount += 1 }
    },
    .batch("rewrite in a batch") { id, batch in
      try batch.rewrite(rewritten(batch.container(id), name: "renamed"))
    },
    .batch("removal in a batch") { id, batch in try batch.remove(container: id) },
    ContainerChange(name: "batch, then state in the same scope") { kept, store in
      try store.withLockedContainers([kept.id, kept.another], wait: patience) { locked in
        try locked.update { $1.restartCount += 1 }
        try locked.withContainer(kept.another) { try $0.update { $0.restartCount += 1 } }
        try locked.withContainer(kept.id) { try $0.update { $0.restartCount += 1 } }
      }
    },
    ContainerChange(name: "repair") { kept, store in
      try kept.fixture.shell(
        """
        UPDATE container SET details = x'7b'
        WHERE generation = (SELECT generation FROM record WHERE id = 'abc');
        """)
      #expect(try !store.repair().actions.isEmpty)
    },
  ]

  static let foreign: [ContainerChange] = [
    .shell(
      "foreign state",
      """
      UPDATE container_state SET restart_count = restart_count + 1
      WHERE generation = (SELECT generation FROM record WHERE id = 'abc');
      """),
    .shell("foreign state of all", "UPDATE container_state SET error_text = 'foreign';"),
    .shell("foreign record", "UPDATE record SET image_name = 'foreign' WHERE id = 'abc';"),
    .shell(
      "foreign removal of the state",
      "DELETE FROM container_state WHERE generation = (SELECT generation FROM record WHERE id = 'abc');"),
    .shell(
      "foreign intent",
      "INSERT INTO intent SELECT generation, 1, 1, 1, 1, 1, 1 FROM record WHERE id = 'abc';"),
    ContainerChange(name: "foreign between a holder's read and his commit") { kept, store in
      try store.withLockedContainer(kept.id, wait: patience) { locked in
        try kept.fixture.shell("UPDATE record SET image_name = 'foreign' WHERE id = 'abc';")
        // So that the header is a noted one again when the holder commits.
        try kept.changeAnother(by: kept.store)
        try locked.update { $0.restartCount += 1 }
      }
    },
  ]
}
