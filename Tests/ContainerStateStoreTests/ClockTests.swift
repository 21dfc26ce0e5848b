internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Clocks and snapshots")
struct ClockTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  /// A child whose wall clock is so many days off (`Tests/SkewedClock`).
  private func child(days: Int) throws -> ChildProcess {
    let child = try ChildProcess(
      executable: "store-test-child", ["store", fixture.root],
      environment: ["CSTATE_TEST_CLOCK_OFFSET": "\(days * 86_400)"])
    try child.expect("ready")
    try child.succeed("open timeout=500")
    return child
  }

  @Test("14: clocks ten years ahead and behind: generations, revisions and fencing tokens follow the commits")
  func clocks() throws {
    let store = try fixture.open()
    try store.add("shared")
    let children = try [0, 3650, -3650].map { try child(days: $0) }
    var tokens: [String] = []
    var added: [String] = []
    for round in 0..<4 {
      for (index, child) in children.enumerated() {
        let id = "c\(round)-\(index)"
        try child.succeed("add \(id) n-\(id)")
        added.append(id)
        try child.succeed("count shared 1")
        try child.send("hold shared")
        tokens.append(try child.expect("holding"))
        try child.send("go on")
        try child.expect("ok")
      }
    }
    let generations = try added.map { try store.container(ContainerID($0)).generation }
    #expect(generations == generations.sorted() && Set(generations).count == generations.count)
    let numbers = tokens.map { $0.split { !$0.isNumber }.compactMap { UInt64($0) } }
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }, "\(tokens)")
    #expect(try store.state(of: ContainerID("shared")).restartCount == 12)
    let created = try added.map { try store.container(ContainerID($0)).configuration.createdAt }
    let years = (created.max()?.nanosecondsSinceEpoch ?? 0) - (created.min()?.nanosecondsSinceEpoch ?? 0)
    #expect(years > 19 * 365 * 86_400 * 1_000_000_000, "the clocks were off")
    #expect(Set(try store.containers().map(\.id.rawValue)) == Set(added + ["shared"]))
    try expectClean(store)
  }

  @Test("14: a wait ends at its deadline whatever the wall clock says")
  func deadlines() throws {
    let store = try fixture.open()
    let id = try store.add("a")
    let (ahead, behind) = (try child(days: 3650), try child(days: -3650))
    try ahead.send("hold a")
    try ahead.expect("holding")
    try behind.fail("add a other", with: .lockTimeout)
    expectError(.lockTimeout) { try store.withLockedContainer(id, wait: .none) { _ in } }
  }

  @Test("32: a reader stopped in a snapshot is named by info, and the WAL starts again when it is gone")
  func stoppedReader() throws {
    var options = StoreOptions()
    options.walCheckpointFrames = 10
    let store = try StateStore(at: fixture.location, options: options)
    let id = try store.add("a")
    let reader = try fixture.child()
    try reader.succeed("open")
    try reader.send("hold-snapshot")
    try reader.expect("reading")
    reader.signal(SIGSTOP)
    for _ in 0..<100 { try store.change("a") { $0.restartCount += 1 } }
    let facts = try store.facts()
    #expect(facts.walFrames >= 100)
    #expect(
      facts.warnings.contains { $0.contains("pid \(reader.pid) (store-test-chil)") }, "\(facts.warnings)")
    reader.signal(SIGKILL)
    _ = try reader.waitForExit()
    // The thread that copies back may come late.
    var count: Int32 = 100
    try waitUntil("the WAL to start again", within: .seconds(60)) {
      count += 1
      try store.change("a") { $0.restartCount += 1 }
      return try store.facts().walFrames < 30
    }
    #expect(try store.facts().warnings == store.warnings)
    #expect(try store.state(of: id).restartCount == count)
  }
}

extension StateStore {
  fileprivate func change(_ id: String, _ change: (inout ContainerState) -> Void) throws {
    try self.change(ContainerID(id), change)
  }
}
