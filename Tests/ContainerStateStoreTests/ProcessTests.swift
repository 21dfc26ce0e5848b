internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Many processes", .serialized)
struct ProcessTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  private static let patience = Duration.seconds(120)

  /// What each child answers to a command that all get at the same instant.
  private func askAll(_ children: [ChildProcess], _ command: (Int) -> String) throws -> [String] {
    for (number, child) in children.enumerated() { try child.send(command(number)) }
    return try children.map { try $0.line(within: Self.patience) ?? "ended" }
  }

  @Test("64 processes open and create the store at the same instant: one schema, no error")
  func firstOpenByMany() throws {
    let children = try (0..<64).map { _ in try fixture.child() }
    #expect(Set(try askAll(children) { _ in "open" }) == ["ok"])
    #expect(Set(try askAll(children) { _ in "facts" }) == ["ok \(Schema.current.version) 1"])
    #expect(Set(try askAll(children) { "add c\($0) n\($0)" }) == ["ok"])
    #expect(Set(try askAll(children) { _ in "close" }) == ["ok"])
    let store = try fixture.open()
    #expect(try store.containers().count == 64)
    try expectClean(store)
  }

  @Test("a first open by several, killed at any moment, never keeps the next one from opening")
  func killedFirstOpen() throws {
    let rounds = scaled(25)
    for round in 0..<rounds {
      let fixture = try StoreFixture()
      let children = try (0..<3).map { _ in try fixture.child() }
      for child in children { try child.send("open") }
      // An amount of work of this process, not a time: the kills fall all over the open.
      for _ in 0..<(round * 400 / rounds) { _ = entries(ofDirectory: fixture.root) }
      for child in children { child.signal(SIGKILL) }
      for child in children { try child.waitForExit() }
      do {
        let store = try fixture.open()
        try store.add("abc")
        try expectClean(store)
        try store.close()
      } catch {
        Issue.record("round \(round): \(error)")
      }
    }
  }

  @Test(
    "31: 64 processes create, update and remove at once: no `busy`, no `lockTimeout`, everyone makes progress"
  )
  func loadByMany() throws {
    let rounds = scaled(20)
    let children = try fixture.openChildren(64)
    let answers = try askAll(children) { "cycle \(rounds) p\($0) whole" }
    #expect(Set(answers) == ["ok \(rounds)"])
    let store = try fixture.open()
    #expect(try store.containers().isEmpty)
    #expect(fixture.leftovers() == [])
    try expectClean(store)
  }

  @Test("verify and listings raise no false alarm while others add, update and remove")
  func verifyUnderLoad() throws {
    let store = try fixture.open()
    let children = try fixture.openChildren(3)
    for (number, child) in children.enumerated() { try child.send("cycle \(scaled(300)) v\(number) whole") }
    for _ in 0..<scaled(200) {
      // A lockfile is there a moment before its lock is taken; no id comes again, so what stays named is
      // wrong.
      var found = Set(try store.verify())
      try waitUntil("\(found) not to be named any more") {
        if !found.isEmpty { found.formIntersection(try store.verify()) }
        return found.isEmpty
      }
      #expect(try store.containerSummaries().corrupt.isEmpty)
      _ = try store.lockReport()
    }
    for child in children { #expect(try child.line(within: Self.patience) == "ok \(scaled(300))") }
    try expectClean(store)
  }

  @Test(
    "L-7, L-1: add, remove and add of one id by several processes: tokens strictly grow, never two holders")
  func oneIDByMany() throws {
    let children = try fixture.openChildren(4)
    let answers = try askAll(children) { _ in "cycle \(scaled(150)) shared shared" }
    for answer in answers { #expect(answer.hasPrefix("ok "), "\(answer)") }
    let tokens = try readText(atPath: fixture.directory.path("tokens-shared")).split(separator: "\n").map {
      line in
      line.split(separator: ".").compactMap { Int64($0) }
    }
    #expect(tokens.count >= scaled(150))
    #expect(zip(tokens, tokens.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
    let store = try fixture.open()
    #expect(try store.recover().reapedLockFiles.isEmpty)
    try expectClean(store)
  }

  @Test("L-11, I-12: updates of one row by many processes: none is lost")
  func sharedCounter() throws {
    let store = try fixture.open()
    let id = try store.add("counter")
    let children = try fixture.openChildren(8)
    for answer in try askAll(children, { _ in "count counter \(scaled(60))" }) {
      #expect(answer.hasPrefix("ok "))
    }
    let container = try store.container(id)
    #expect(Int(container.state.restartCount) == 8 * scaled(60))
    #expect(Int(container.stateRevision) == 8 * scaled(60) + 1)
    try expectClean(store)
  }

  @Test("35: last close against open, over and over by several processes, loses nothing and fails nobody")
  func closeAgainstOpen() throws {
    try fixture.open().close()
    let children = try (0..<6).map { _ in try fixture.child() }
    #expect(Set(try askAll(children) { _ in "open-and-close \(scaled(60))" }) == ["ok"])
    let store = try fixture.open()
    #expect(try store.containers().isEmpty)
    try expectClean(store)
  }

  @Test(
    "36: of two processes that add the same id or name exactly one wins, and the others get `alreadyExists`")
  func sameIDAndName() throws {
    let children = try fixture.openChildren(6)
    for round in 0..<scaled(20) {
      let byID = try askAll(children) { "add i\(round) i\(round)-\($0)" }
      #expect(byID.filter { $0 == "ok" }.count == 1, "\(byID)")
      #expect(byID.filter { $0.hasPrefix("error alreadyExists") }.count == 5, "\(byID)")
      let byName = try askAll(children) { "add n\(round)-\($0) name\(round)" }
      #expect(byName.filter { $0 == "ok" }.count == 1, "\(byName)")
      #expect(byName.filter { $0.hasPrefix("error alreadyExists") }.count == 5, "\(byName)")
    }
    let store = try fixture.open()
    #expect(try store.containers().count == 2 * scaled(20))
    #expect(fixture.leftovers().filter { $0.hasSuffix(".lock") }.count == 2 * scaled(20))
    try expectClean(store)
  }

  @Test("36: removal against a new dependant: one of the two fails with its code, never both succeed")
  func removalAgainstDependant() throws {
    let store = try fixture.open()
    let children = try fixture.openChildren(2)
    for round in 0..<scaled(60) {
      let base = try store.add("base\(round)")
      let answers = try askAll(children) {
        $0 == 0 ? "remove \(base)" : "add user\(round) user\(round) \(base)"
      }
      let codes = answers.map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
      #expect([["ok", "error notFound"], ["error inUse", "ok"]].contains(codes), "\(answers)")
    }
    try expectClean(store)
  }

  @Test("a child killed in the middle of add and remove leaves the container there or gone, never in between")
  func killedInTheMiddle() throws {
    let store = try fixture.open()
    for round in 0..<scaled(20) {
      let child = try fixture.child()
      try child.succeed("open")
      try child.send("cycle 100000 r\(round) whole")
      let target = try fixture.generations() + Int64(round * 3) + 1
      try waitUntil("the child to have added up to \(target)") { try fixture.generations() >= target }
      child.signal(SIGKILL)
      #expect(try child.waitForExit() == .signal(SIGKILL))
      // Orphans are what a kill may leave, and recover is what takes them.
      _ = try store.recover()
      #expect(try store.verify() == [], "round \(round)")
      for container in try store.containers() {
        #expect(try store.specification(of: container.id).bytes == Array("{}".utf8))
        try store.remove(container.id)
      }
      #expect(fixture.leftovers() == [], "round \(round)")
    }
  }
}

extension StoreFixture {
  /// How many records were ever added.
  fileprivate func generations() throws -> Int64 {
    Int64(try shell("SELECT coalesce(max(seq), 0) FROM sqlite_sequence;").split(separator: "\n").first ?? "0")
      ?? 0
  }
}
