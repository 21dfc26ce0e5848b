internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Reboot")
struct RecoveryTests {
  var fixture: StoreFixture
  init() throws {
    fixture = try StoreFixture()
    fixture.options.bootID = Self.firstBoot
  }

  static let firstBoot = "11111111-1111-1111-1111-111111111111"
  static let secondBoot = "22222222-2222-2222-2222-222222222222"

  /// The same store after the machine has started again.
  private func rebooted(_ bootID: String = secondBoot) throws -> StateStore {
    var options = fixture.options
    options.bootID = bootID
    return try StateStore(at: fixture.location, options: options)
  }

  /// A state with something in every field.
  private static func full(_ status: ContainerStatus, exitCode: Int32?) -> ContainerState {
    var state = ContainerState(status: status)
    (state.configurationPath, state.runDirectory, state.mountpoint) = ("/c", "/r", "/m")
    state.networkNamespacePath = "/proc/self/ns/net"
    state.startedAt = Timestamp(nanosecondsSinceEpoch: 20)
    state.finishedAt = exitCode == nil ? nil : Timestamp(nanosecondsSinceEpoch: 10)
    (state.exitCode, state.wasKilledForMemory, state.wasStoppedByUser) = (exitCode, true, true)
    if ![.configured, .stopped, .exited].contains(status) { (state.pid, state.pidStartTime) = (7, 8) }
    (state.monitorPID, state.monitorStartTime, state.restartCount) = (9, 10, 11)
    (state.health, state.errorText) = ("good", "text")
    return state
  }

  /// semantics.md, section 6.
  private static let statusAfter: [ContainerStatus: ContainerStatus] = [
    .running: .exited, .paused: .exited, .stopping: .exited, .stopped: .exited, .exited: .exited,
    .configured: .configured, .created: .configured, .unknown: .configured, .removing: .removing,
  ]

  @Test(
    "I-13: after a reboot each status becomes what the table says; pids, mounts and namespaces are cleared")
  func statuses() throws {
    let store = try fixture.open()
    for status in ContainerStatus.allCases {
      try store.add("ended-\(status.name)", state: Self.full(status, exitCode: 3))
      try store.add("never-\(status.name)", state: Self.full(status, exitCode: nil))
    }
    try store.close()
    let again = try rebooted()
    for status in ContainerStatus.allCases {
      let hadProcess = [.running, .paused, .stopping].contains(status)
      for (kind, exitCode) in [("ended", Int32(3)), ("never", nil)] {
        let before = Self.full(status, exitCode: exitCode)
        let state = try again.state(of: try ContainerID("\(kind)-\(status.name)"))
        #expect(state.status == Self.statusAfter[status], "\(kind) \(status)")
        #expect((state.pid, state.pidStartTime, state.monitorPID, state.monitorStartTime) == (0, 0, 0, 0))
        #expect((state.mountpoint, state.networkNamespacePath) == ("", ""))
        #expect(!state.isMounted)
        #expect((state.startedAt, state.finishedAt) == (before.startedAt, before.finishedAt))
        #expect(state.wasStoppedByUser)
        #expect(state.restartCount == 11)
        // The code is of a run before the one that the reboot ended: what that ended with nobody knows.
        #expect(state.exitCode == (hadProcess ? -1 : exitCode), "\(kind) \(status)")
      }
    }
    try expectClean(again)
    try again.close()
  }

  @Test("an exit code that is recorded for the run that the reboot found is kept")
  func recordedExitCode() throws {
    let store = try fixture.open()
    var state = ContainerState(status: .stopping)
    (state.startedAt, state.finishedAt) = (
      Timestamp(nanosecondsSinceEpoch: 1), Timestamp(nanosecondsSinceEpoch: 2)
    )
    state.exitCode = 143
    let id = try store.add("abc", state: state)
    try store.close()
    let again = try rebooted()
    #expect(try again.state(of: id).exitCode == 143)
    #expect(try again.state(of: id).status == .exited)
    try again.close()
  }

  @Test("the recovery of a boot happens once, whoever comes first, and again changes nothing")
  func once() throws {
    let store = try fixture.open()
    let id = try store.add("abc", state: Self.full(.running, exitCode: nil))
    #expect(try store.recover().wasRebooted == false)
    #expect(try store.state(of: id).status == .running)
    try store.close()

    let again = try rebooted()
    let after = try again.container(id)
    #expect((after.stateRevision, after.status) == (2, .exited))
    for _ in 0..<3 {
      #expect(try again.recover() == RecoveryReport())
      try rebooted().close()
    }
    #expect(try again.container(id) == after)
    #expect(try again.facts().bootEpoch == 2)
    try again.close()
  }

  @Test("many processes that come first after a reboot at the same instant recover once")
  func manyAtOnce() throws {
    let store = try fixture.open()
    let id = try store.add("abc", state: Self.full(.running, exitCode: nil))
    try store.close()
    let old = try fixture.child()
    try old.succeed("open boot=\(Self.firstBoot)")
    try old.succeed("hold-gate")
    let gate = try #require(status(ofPath: fixture.root + "/gate")).st_ino
    let children = try (0..<8).map { _ in try fixture.child() }
    for child in children { try child.send("open boot=\(Self.secondBoot)") }
    // Each has seen the old boot by now, and the first of them to get in recovers.
    var waiting: Set<Int32> = []
    try waitUntil("all of them to wait at the gate") {
      waiting.formUnion(try fixture.lockers(onInode: gate, areWaiting: true))
      return waiting.isSuperset(of: children.map(\.pid))
    }
    try old.succeed("leave-gate")
    for child in children { try child.expect("ok") }
    for child in children {
      #expect(try child.succeed("facts") == "\(Schema.current.version) 2")
      #expect(try child.succeed("get \(id)") == "name-abc exited 2 11 -1")
      #expect(try child.succeed("recover") == "false")
    }
  }

  @Test("38: the boot id is the kernel's own where none is given")
  func kernelsBootID() throws {
    let store = try fixture.open()
    let id = try store.add("abc", state: Self.full(.running, exitCode: nil))
    try store.close()
    let bootID = fixture.directory.path("boot_id")
    try write(Self.secondBoot + "\n", toPath: bootID)
    let script =
      "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$1\" store \"$2\""
    let outcome = try ChildProcess.run(
      executable: "/usr/bin/unshare",
      ["--mount", "/bin/sh", "-c", script, bootID, try buildDirectory() + "/store-test-child", fixture.root],
      input: "open\nfacts\nget \(id)\nclose\n")
    #expect(
      outcome.output == "ready\nok\nok \(Schema.current.version) 2\nok name-abc exited 2 11 -1\nok\n",
      "\(outcome)")
  }

  @Test("L-7: the boot epoch grows with every boot, and fencing tokens with it")
  func epochs() throws {
    var tokens: [FencingToken] = []
    let id = try fixture.open().add("abc")
    for number in 2...5 {
      let store = try rebooted("\(number)")
      try store.withLockedContainer(id, wait: .none) { tokens.append($0.fencingToken) }
      #expect(try store.facts().bootEpoch == Int64(number))
      try store.close()
    }
    #expect(tokens.map(\.bootEpoch) == [2, 3, 4, 5])
    #expect(zip(tokens, tokens.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test("I-16: a row that cannot be read does not keep the others from being recovered")
  func corruptRow() throws {
    let store = try fixture.open()
    for id in ["a", "bad", "z"] { try store.add(id, state: Self.full(.running, exitCode: nil)) }
    try store.close()
    try fixture.shell(
      "UPDATE container_state SET status = 77 WHERE generation = "
        + "(SELECT generation FROM record WHERE id = 'bad');")
    let again = try rebooted()
    for id in ["a", "z"] { #expect(try again.state(of: try ContainerID(id)).status == .exited) }
    #expect(try again.containers().count == 2)
    try again.close()
  }

  @Test("I-16: a row that breaks a rule of the schema does not keep the store from opening")
  func rowAgainstTheSchema() throws {
    let store = try fixture.open()
    for id in ["a", "bad", "z"] { try store.add(id, state: Self.full(.running, exitCode: nil)) }
    try store.close()
    try fixture.shell(
      "UPDATE container_state SET restart_count = -5 WHERE generation = "
        + "(SELECT generation FROM record WHERE id = 'bad');")
    let again = try rebooted()
    for id in ["a", "z"] { #expect(try again.state(of: try ContainerID(id)).status == .exited) }
    #expect(!(try again.verify()).isEmpty)
  }

  @Test("a boot epoch that cannot grow is `corrupt`, not a crash")
  func lastEpoch() throws {
    try fixture.open().close()
    try fixture.shell("UPDATE store SET boot_epoch = 9223372036854775807;")
    expectError(.corrupt) { try rebooted() }
  }

  @Test("an unfinished removal survives a reboot as an intent; every other intent has lost its object")
  func intents() throws {
    let store = try fixture.open()
    for operation in IntentOperation.allCases {
      let id = try store.add(operation.name)
      try store.withLockedContainer(id, wait: .none) { try $0.setIntent(.begin(operation)) }
    }
    #expect(try store.recover().unfinished.map(\.rawValue) == ["create", "remove", "start", "stop"])
    try store.close()
    let again = try rebooted()
    #expect(try again.recover().unfinished.map(\.rawValue) == ["remove"])
    try again.close()
  }

  @Test("37: a process is the same only if its start time matches too, and a zombie is dead")
  func processIdentity() throws {
    let mine = ProcessIdentity.current
    #expect(mine.liveness == .alive)
    #expect(ProcessIdentity(pid: mine.pid, startTime: mine.startTime + 1).liveness == .dead)
    #expect(ProcessIdentity(pid: mine.pid, startTime: 0).liveness == .dead)
    let child = try fixture.child()
    let identity = try #require(ProcessIdentity.running(pid: child.pid))
    #expect(identity.liveness == .alive)
    child.signal(SIGKILL)
    // Not reaped yet: a zombie from here on.
    try waitUntil("the child to be dead", wakeUp: .exit(of: child.pid)) { identity.liveness == .dead }
    #expect(ProcessIdentity.running(pid: child.pid) == nil)
    #expect(try child.waitForExit() == .signal(SIGKILL))
    #expect(identity.liveness == .dead)
  }
}
