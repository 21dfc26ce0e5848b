internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("Answers beside commits about others")
struct AnswersBesideOthersTests {
  private let kept: KeptAnswerFixture
  private var store: StateStore { kept.store }
  private let patience = LockWait.upTo(.seconds(10))

  init() throws { kept = try KeptAnswerFixture() }

  /// Performs something, after which every answer about the container is given without asking.
  private func expectGiven(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) throws {
    let first = try kept.answers()
    try body()
    let before = kept.givenCount
    #expect(try kept.answers() == first, "\(what)", sourceLocation: sourceLocation)
    #expect(kept.givenCount == before + Answers.count, "\(what)", sourceLocation: sourceLocation)
  }

  @Test(
    "D-9: changes of other containers leave what is kept of one, whoever makes them",
    arguments: ["itself", "other handle", "other process"])
  func given(writer: String) throws {
    let child = try kept.fixture.child()
    try child.succeed("open")
    try kept.keep()
    for round in 1...3 {
      try expectGiven("round \(round)") {
        for _ in 0..<3 {
          switch writer {
          case "itself": try kept.changeAnother(by: store)
          case "other handle": try kept.changeAnother()
          default: try child.succeed("count other 1")
          }
        }
      }
      let before = kept.givenCount
      _ = try store.state(of: kept.another)
      #expect(kept.givenCount == before, "who asks about the other one has to ask")
    }
  }

  @Test(
    "D-9: whatever is committed about another container alone leaves what is kept of one",
    arguments: ["itself", "other handle"])
  func everyKind(writer: String) throws {
    let writer = writer == "itself" ? store : kept.other
    let (another, session) = (kept.another, try ContainerID("session"))
    func change(_ what: String, _ body: (borrowing LockedContainer) throws -> Void) throws {
      try expectGiven(what) { try writer.withLockedContainer(another, wait: patience, body) }
    }
    try kept.keep()
    try change("connect") { try $0.connect(NetworkConnection(network: "net")) }
    try change("modify") { try $0.modify("net", NetworkOptions()) }
    try change("status of a network") { try $0.setNetworkStatus(JSONBytes("{}"), of: "net") }
    try change("disconnect") { try $0.disconnect("net") }
    try change("add a session") {
      try $0.addExecSession(ExecSession(id: session, container: another, command: ["sh"], createdAt: .now))
    }
    try change("update a session") { try $0.updateExecSession(session) { $0.status = .running } }
    try change("remove a session") { try $0.removeExecSession(session) }
    try change("remove no sessions") { try $0.removeAllExecSessions() }
    try change("state extra") { try $0.setStateExtra(JSONBytes("{ }")) }
    try change("intent") { try $0.setIntent(.begin(.start)) }
    try change("rewrite") {
      try $0.rewrite(
        ContainerConfiguration(id: another, name: "renamed", createdAt: $0.container.configuration.createdAt))
    }
    try change("several in one scope") { locked in
      for _ in 0..<3 { try locked.update { $0.restartCount += 1 } }
      try locked.update(intent: .end) { $0.status = .created }
      try locked.update { $0.status = .running }
      try locked.recordExit(code: 3, finishedAt: .now)
    }
    try expectGiven("exit code") { try writer.recordExitCode(of: another, code: 4) }
    try expectGiven("add") { try writer.add("third", dependingOn: ["other"]) }
    try expectGiven("add what depends on it") {
      try writer.add("fourth", inPod: "pod", dependingOn: ["abc"])
    }
    try expectGiven("remove") { for id in ["fourth", "third"] { try writer.remove(ContainerID(id)) } }
  }

  @Test("D-9: what may depend on several containers is asked again after any commit")
  func asked() throws {
    let questions: [(String, () throws -> Void)] = [
      ("look-up by name", { _ = try store.lookUpContainer("name-abc") }),
      ("look-up by id", { _ = try store.lookUpContainer("abc") }),
      ("containers", { _ = try store.containers() }),
      ("summaries", { _ = try store.containerSummaries() }),
    ]
    for (what, ask) in questions {
      try ask()
      let before = kept.givenCount
      try ask()
      #expect(kept.givenCount == before + 1, "\(what)")
      try kept.changeAnother()
      try ask()
      #expect(kept.givenCount == before + 1, "\(what)")
    }
  }

  @Test(
    "D-9: a commit that may be about anything has each answer asked for again, until others are noted again")
  func unnoted() throws {
    try kept.keep()
    try kept.other.addPod("pod2")
    let before = kept.givenCount
    try kept.expectTrue()
    #expect(kept.givenCount == before)
    // With which a new era begins.
    try kept.changeAnother()
    let next = kept.givenCount
    try kept.expectTrue()
    #expect(kept.givenCount == next)
    try expectGiven("as before") { try kept.changeAnother() }
  }

  @Test("D-9: a holder's own commits leave what he knows beside those of others, between and behind them")
  func holder() throws {
    try kept.keep()
    for _ in 0..<3 {
      try store.withLockedContainer(kept.id, wait: patience) { locked in
        try kept.changeAnother()
        try locked.update { $0.restartCount += 1 }
        try kept.changeAnother()
        try locked.update(intent: .begin(.stop)) { $0.restartCount += 1 }
        try locked.setIntent(.end)
        try kept.changeAnother()
      }
      try kept.changeAnother()
      let before = kept.givenCount
      let known = try store.withLockedContainer(kept.id, wait: patience) {
        Answers.Known(container: $0.container, intent: $0.intent)
      }
      #expect(kept.givenCount == before + 1)
      #expect(try kept.trueAnswers().locked == .value(known))
    }
    try kept.expectTrue()
  }

  @Test("D-9: stores of two directories in one process do not disturb each other, with the same ids in both")
  func twoStores() throws {
    let second = try KeptAnswerFixture()
    try kept.keep()
    try second.keep()
    for round in 1...Int32(5) {
      try second.other.change(second.id) { $0.restartCount = round }
      try expectGiven("round \(round)") { try second.changeAnother() }
      try second.expectTrue("round \(round)")
      let before = second.givenCount
      try kept.other.change(kept.id) { $0.restartCount = 100 + round }
      try kept.changeAnother()
      #expect(try second.answers() == second.trueAnswers())
      #expect(second.givenCount == before + Answers.count)
      #expect(try store.state(of: kept.id).restartCount == 100 + round)
      try kept.expectTrue("round \(round)")
    }
  }

  @Test("0 switches it off beside commits about others too")
  func off() throws {
    var options = StoreOptions()
    options.keptAnswersMaximumBytes = 0
    let off = try KeptAnswerFixture(options: options)
    for _ in 0..<3 {
      try off.changeAnother()
      for _ in 0..<2 { try off.expectTrue() }
      try off.other.change(off.id) { $0.restartCount += 1 }
    }
    #expect((off.givenCount, off.store.keptAnswers.bytes) == (0, 0))
  }
}
