internal import ContainerStateStore
internal import Glibc
internal import OCIEngine
internal import StoreTestSupport
internal import Testing

@Suite("Engine: the monitor")
struct MonitorTests {
  @Test(
    "outlives its command in a session of its own, with no descriptor that it does not need",
    arguments: EngineFixture.runtimes)
  func isolation(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    // What a careless program leaves open for its children.
    let leak = open(fixture.directory.path("leak"), O_RDWR | O_CREAT, 0o600)
    defer { close(leak) }
    let id = try ContainerID.test("isolated")
    let child = try fixture.child("create", id, try fixture.bundle(EngineFixture.longLived))
    #expect(try child.waitForExit() == .code(0))
    child.killGroup()
    try engine.start(id)
    let state = try engine.store.state(of: id)
    #expect(state.monitor?.liveness == .alive)
    #expect(getsid(state.monitorPID) != getsid(0) && getsid(state.monitorPID) != getsid(child.pid))
    #expect(getsid(state.monitorPID) != state.monitorPID, "a session's leader could get a terminal")
    #expect(try parent(of: state.monitorPID) == 1 || parent(of: state.monitorPID) != child.pid)

    try waitUntil("the script to run") { try readText(atPath: "/proc/\(state.pid)/comm") == "sh\n" }
    // For a moment its loader has libraries open.
    try waitUntil("the script to have no other descriptors") {
      descriptors(of: state.pid) == ["/dev/null", "/dev/null", "/dev/null"]
    }
    try waitUntil("the monitor to have opened the store") {
      descriptors(of: state.monitorPID).contains(fixture.root + "/state.db")
    }
    let foreign = descriptors(of: state.monitorPID).filter { path in
      path != "/dev/null" && path != fixture.root && !path.hasPrefix(fixture.root + "/")
    }
    #expect(foreign.isEmpty)
    // The thread that came out of the forks knows a wrong number of itself, and Swift's mutexes go by it.
    let threads = entries(ofDirectory: "/proc/\(state.monitorPID)/task").count
    #expect(threads > 1, "it works on the thread that came out of the forks")
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a monitor that was looked at")
  }

  @Test("killed while the container runs, it leaves the unknown exit code", arguments: EngineFixture.runtimes)
  func killed(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("orphan")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    try engine.start(id)
    let state = try engine.store.state(of: id)
    kill(state.monitorPID, SIGKILL)
    try waitUntil("the monitor to end") { state.monitor?.liveness == .dead }
    #expect(try engine.reconcile(id) == .nothing, "the container runs on")
    try engine.kill(id, signal: SIGKILL)
    #expect(try engine.wait(id, deadlineNanoseconds: soon) == -1)
    #expect(try engine.store.state(of: id).status == .exited)
    try engine.remove(id, force: false)
    try fixture.expectNothingLeft(engine, "a monitor that was killed")
  }

  @Test("waits as long as it takes for the lock, and records then", arguments: EngineFixture.runtimes)
  func waitsForLock(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("locked")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.shortLived), id: id)
    try engine.start(id)
    try engine.store.withLockedContainer(id, wait: .upTo(.seconds(5))) { locked in
      guard let process = locked.state.process else { return }
      try waitUntil("the process to end") { process.liveness == .dead }
      try waitUntil("the monitor to wait for the lock") {
        try engine.store.lockReport().contains { $0.waiterPIDs.contains(locked.state.monitorPID) }
      }
    }
    #expect(try engine.wait(id, deadlineNanoseconds: soon) == 7)
    try engine.remove(id, force: false)
    try fixture.expectNothingLeft(engine, "a monitor that waited")
  }

  @Test(
    "records that the kernel killed for want of memory",
    arguments: EngineFixture.runtimes.filter { $0 != "builtin" })
  func outOfMemory(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    for (script, isKilled) in [("exec tail -c 1000000000 /dev/zero", true), ("exit 7", false)] {
      let id = try ContainerID.test("memory")
      _ = try engine.create(
        bundle: try fixture.bundle(script, resources: #"{"memory":{"limit":33554432}}"#), id: id)
      try engine.start(id)
      #expect(try engine.wait(id, deadlineNanoseconds: soon) == (isKilled ? 137 : 7))
      #expect(try engine.store.state(of: id).wasKilledForMemory == isKilled)
      try engine.remove(id, force: false)
    }
    try fixture.expectNothingLeft(engine, "a process killed for want of memory")
  }

  @Test(
    "a command that is no monitor is an error that names it, and leaves nothing",
    arguments: [["/bin/true"], ["/bin/false"], ["/no/such/program"]])
  func noMonitor(command: [String]) throws {
    let fixture = try EngineFixture("builtin")
    var options = EngineOptions()
    options.runtime = .builtin
    options.monitorCommand = command
    let engine = try Engine(store: StateStore(at: StoreLocation(root: fixture.root)), options: options)
    let error = #expect(throws: EngineError.self) {
      _ = try engine.create(bundle: try fixture.bundle(EngineFixture.shortLived))
    }
    #expect(error?.description.contains(command[0]) == true)
    try fixture.expectNothingLeft(engine, "a monitor that could not start")
  }

  @Test("monitorMain refuses arguments that the engine did not make")
  func arguments() throws {
    let child = try ChildProcess(executable: "store-test-child", ["engine-monitor", "hello"])
    #expect(try child.waitForExit() == .code(1))
    let error = #expect(throws: TestSupportError.self) { try child.expect("anything") }
    #expect(error?.description.contains("the engine starts this program itself") == true)
  }

  private func parent(of pid: Int32) throws -> Int32? {
    let fields = try readText(atPath: "/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ")
    return fields.flatMap { Int32($0[1]) }
  }

  /// What a process has open, by path.
  private func descriptors(of pid: Int32) -> [String] {
    entries(ofDirectory: "/proc/\(pid)/fd").map { name in
      var buffer = [CChar](repeating: 0, count: 4096)
      let count = readlink("/proc/\(pid)/fd/\(name)", &buffer, buffer.count)
      return String(decoding: buffer.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}

extension ContainerState {
  var process: ProcessIdentity? { pid > 0 ? ProcessIdentity(pid: pid, startTime: pidStartTime) : nil }
  var monitor: ProcessIdentity? {
    monitorPID > 0 ? ProcessIdentity(pid: monitorPID, startTime: monitorStartTime) : nil
  }
}
