internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Faults: between the steps of a commit")
struct CommitKillTests {
  /// A step, and whether a process that is killed there has committed.
  static let steps: [(name: String, isCommitted: Bool)] = [
    ("commit.begun", false), ("commit.changed", false), ("commit.unnoted", true), ("commit.counted", true),
    ("commit.committed", true),
    ("commit.before-sync", true), ("commit.synced", true), ("commit.before-return", true),
  ]

  @Test(
    "4, D-1: killed between write and sync, or sync and return, a commit is there and others go on",
    arguments: steps)
  func killed(step: (name: String, isCommitted: Bool)) throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let id = try store.add("counter")
    try store.add("other")
    for round in 1...scaled(2) {
      let before = try store.state(of: id).restartCount
      let other = try fixture.child()
      try other.succeed("open")
      let victim = try fixture.child(failpoints: "\(step.name)=kill@\(round + 3)")
      try other.send("count other 20")
      try victim.send("count-aloud counter")
      var acknowledged = before
      while let line = try victim.line(within: .seconds(30)) {
        acknowledged = line.split(separator: " ").last.flatMap { Int32($0) } ?? -1
      }
      #expect(try victim.waitForExit() == .signal(SIGKILL))
      try other.expect("ok", within: .seconds(30))
      let found = try store.state(of: id).restartCount
      #expect(found == acknowledged + (step.isCommitted ? 1 : 0), "\(step.name) in round \(round)")
    }
    try expectClean(store)
  }

  @Test("9, D-3: after a failed sync nobody acknowledges anything durable before it is made up for")
  func failedSync() throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    try store.add("a")
    let child = try fixture.child(
      failpoints: "commit.before-sync=error:EIO@2,amends.rewritten=error-always:EIO")
    try child.succeed("count a 1")
    try child.fail("count a 1", with: .durabilityUnknown)
    #expect(try mark(in: fixture) != 0)
    for _ in 0..<2 {
      // It tries, and meets an error again; so it does where it opens the store anew.
      try child.fail("count a 1", with: .io)
      #expect(try child.succeed("get a").split(separator: " ")[3] == "2")
      try child.succeed("open")
    }
    // A process without a bad disk.
    try store.makeDurable()
    #expect(try mark(in: fixture) == 0)
    #expect(try child.succeed("count a 1") == "3")
    try expectClean(store)
  }

  @Test(
    "D-1, D-2: a refusal waits until its reason is durable; where it cannot be, it is io: nothing changed",
    arguments: [
      ("count gone 1", StoreError.Code.notFound), ("add a b", .alreadyExists), ("add b a", .alreadyExists),
      ("add c c gone", .notFound), ("add-volume v", .alreadyExists), ("add-pod p", .alreadyExists),
    ])
  func refusedDurably(command: String, code: StoreError.Code) throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    try store.add("a", name: "a")
    try store.addVolume(VolumeConfiguration(name: VolumeName("v"), createdAt: .now))
    try store.addPod(PodConfiguration(id: ContainerID("p"), name: "p", createdAt: .now))
    let last = try store.lastChange()
    let child = try fixture.child(failpoints: "commit.before-sync=error:EIO@1")
    try child.fail(command, with: .io)
    try child.fail(command, with: code)
    #expect(try store.lastChange() == last)
    try expectClean(store)
  }

  @Test("9, D-3: killed between the kernel's error and the mark, a process tells nobody (documented)")
  func killedBeforeMark() throws {
    let place = "sync.failed"
    let fixture = try StoreFixture()
    let store = try fixture.open()
    try store.add("a")
    let child = try fixture.child(failpoints: "commit.before-sync=error:EIO@1,\(place)=kill")
    try child.send("count a 1")
    #expect(try child.waitForExit() == .signal(SIGKILL))
    #expect(try mark(in: fixture) == 0)
    try store.makeDurable()
    #expect(try store.state(of: ContainerID("a")).restartCount == 1)
  }

  /// The mark of a failed sync in the gate's page.
  private func mark(in fixture: StoreFixture) throws -> UInt64 {
    let bytes = try readBytes(atPath: fixture.root + "/gate")
    return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 256, as: UInt64.self) }
  }
}
