internal import ContainerStateStore
internal import Glibc
internal import OCIEngine
internal import StoreTestSupport
internal import Testing

@Suite("Engine: removal by force")
struct RemovalTests {
  @Test("works from every status", arguments: EngineFixture.runtimes, ContainerStatus.allCases)
  func fromEveryStatus(runtime: String, status: ContainerStatus) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test(status.name)
    try bring(id, to: status, fixture, engine)
    #expect(try engine.store.state(of: id).status == status)
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a removal of a container that is \(status.name)")
  }

  private func bring(
    _ id: ContainerID, to status: ContainerStatus, _ fixture: EngineFixture, _ engine: Engine
  ) throws {
    let bundle = try fixture.bundle(
      status == .stopped || status == .exited ? "exit 7" : EngineFixture.longLived)
    func killed(_ verb: String, _ operands: String..., at step: String) throws {
      try fixture.child(verb, id, operands, kill: step).waitForExit()
    }
    func start() throws {
      _ = try engine.create(bundle: bundle, id: id)
      try engine.start(id)
    }
    switch status {
    case .configured: try killed("create", bundle, at: "create:1")
    case .created: _ = try engine.create(bundle: bundle, id: id)
    case .running: try start()
    case .paused, .unknown:
      try start()
      try engine.store.withLockedContainer(id, wait: .none) { try $0.update { $0.status = status } }
    case .stopping:
      try start()
      try killed("stop", "20000", at: "stop:1")
    case .stopped: try killed("run", bundle, at: "monitor:6")
    case .exited:
      try start()
      _ = try engine.wait(id, deadlineNanoseconds: soon)
      try waitUntil("the container to be exited") { try engine.store.state(of: id).status == .exited }
    case .removing:
      try start()
      try killed("remove", at: "remove:1")
    }
  }

  @Test("works while another process waits out the grace period of a stop", arguments: EngineFixture.runtimes)
  func duringStop(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("stopping")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.stubborn), id: id)
    try engine.start(id)
    let stopper = try fixture.child("stop", id, "60000")
    try waitUntil("the stop to have begun") { try engine.store.state(of: id).status == .stopping }
    try engine.remove(id, force: true)
    try fixture.expectStopperEnds(stopper)
    try fixture.expectNothingLeft(engine, "a removal during a stop")
  }

  @Test("works where the runtime is gone", arguments: EngineFixture.runtimes.filter { $0 != "builtin" })
  func runtimeGone(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let program = fixture.directory.path("runtime")
    try write("#!/bin/sh\nexec \(runtime) \"$@\"\n", toPath: program, mode: 0o700)
    let engine = try fixture.engine(runtime: .executable(program))
    let id = try ContainerID.test("gone")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    try engine.start(id)
    unlink(program)
    let error = #expect(throws: EngineError.self) { try engine.kill(id, signal: SIGKILL) }
    #expect(error?.code == .runtimeUnavailable)
    try engine.remove(id, force: true)
    #expect(try engine.store.containers().isEmpty)
    #expect(try engine.store.verify().isEmpty)
    try waitUntil("no process to be left") { fixture.processes.isEmpty }
  }

  @Test("I-5, I-14: of a container that others depend on is refused by their names, and leaves it running")
  func inUse() throws {
    let fixture = try EngineFixture("builtin")
    let engine = try fixture.engine()
    let id = try ContainerID.test("used")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    try engine.start(id)
    let before = try engine.store.container(id)
    let user = try addDependant(on: id, engine)
    let error = #expect(throws: StoreError.self) { try engine.remove(id, force: true) }
    #expect(error?.code == .inUse)
    #expect(error?.candidates == [user.rawValue])
    let after = try engine.store.container(id)
    #expect(after.state == before.state && after.stateRevision == before.stateRevision)
    #expect(after.state.process?.liveness == .alive)
    try engine.remove(user, force: true)
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a removal of what was depended on")
  }

  @Test("of a container that others came to depend on meanwhile is finished, and leaves it ended but there")
  func inUseMeanwhile() throws {
    let fixture = try EngineFixture("builtin")
    let engine = try fixture.engine()
    let id = try ContainerID.test("used")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    #expect(try fixture.child("remove", id, kill: "remove:1").waitForExit() == .signal(SIGKILL))
    let user = try addDependant(on: id, engine)
    let error = #expect(throws: StoreError.self) { try engine.remove(id, force: true) }
    #expect(error?.code == .inUse)
    #expect(try engine.store.state(of: id).status == .exited)
    try engine.remove(user, force: true)
    try engine.remove(id, force: false)
    try fixture.expectNothingLeft(engine, "a removal of what was depended on meanwhile")
  }

  @Test(
    "I-5: exec sessions are in the way without force, and nothing is ended; by force they end and go first",
    arguments: EngineFixture.runtimes)
  func sessions(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("sessions")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    try engine.start(id)
    // Anything that runs may stand for a session's process.
    let child = try ChildProcess(executable: "/bin/sleep", ["1000"])
    let process = try #require(ProcessIdentity.running(pid: child.pid))
    try engine.store.withLockedContainer(id, wait: .none) { locked in
      for name in ["s1", "s2"] {
        try locked.addExecSession(
          ExecSession(id: ContainerID(name), container: id, command: ["sh"], createdAt: .now))
      }
      try locked.updateExecSession(ContainerID("s1")) {
        $0.status = .running
        $0.pid = process.pid
        $0.pidStartTime = process.startTime
      }
    }
    try engine.kill(id, signal: SIGKILL)
    _ = try engine.wait(id, deadlineNanoseconds: soon)
    try waitUntil("the container to be exited") { try engine.store.state(of: id).status == .exited }
    let before = try engine.store.state(of: id)
    let error = #expect(throws: StoreError.self) { try engine.remove(id, force: false) }
    #expect(error?.code == .inUse && error?.candidates == ["s1", "s2"])
    #expect(try engine.store.state(of: id) == before)
    try engine.remove(id, force: true)
    #expect(try child.waitForExit() == .signal(SIGKILL))
    #expect(try engine.store.execSessions().isEmpty)
    try fixture.expectNothingLeft(engine, "a removal with exec sessions")
  }

  /// Adds a container to the store that depends on this one.
  private func addDependant(on id: ContainerID, _ engine: Engine) throws -> ContainerID {
    var details = ContainerDetails()
    details.dependencies = [id]
    let user = try ContainerID.test("user")
    let configuration = try ContainerConfiguration(
      id: user, name: "user", createdAt: Timestamp(nanosecondsSinceEpoch: 0), details: details)
    return try engine.store.add(configuration, specification: JSONBytes("{}")).id
  }
}
