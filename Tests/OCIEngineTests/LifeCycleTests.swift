internal import ContainerStateStore
internal import Glibc
internal import OCIEngine
internal import StoreTestSupport
internal import Testing

@Suite("Engine: a container's life")
struct LifeCycleTests {
  @Test(
    "create, start, wait and remove leave the exit code, and then nothing", arguments: EngineFixture.runtimes)
  func wholeLife(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("life")
    var details = ContainerDetails()
    details.labels = ["a": "b"]
    let created = try engine.create(
      bundle: try fixture.bundle(EngineFixture.shortLived), id: id, name: "life", details: details,
      imageName: "busybox")
    #expect(created.status == .created)
    #expect(created.state.pid > 0 && created.state.monitorPID > 0)
    #expect(try created.configuration.labels() == ["a": "b"])
    #expect(created.configuration.imageName == "busybox")
    try engine.start(id)
    #expect(try engine.wait(id, deadlineNanoseconds: soon) == 7)
    try waitUntil("the container to be exited") { try engine.store.state(of: id).status == .exited }
    let state = try engine.store.state(of: id)
    #expect(state.exitCode == 7)
    #expect(state.pid == 0 && state.monitorPID == 0)
    #expect(try #require(state.startedAt) <= #require(state.finishedAt))
    try engine.remove(id, force: false)
    try fixture.expectNothingLeft(engine, "a whole life")
  }

  @Test(
    "an ended container is started again, with its exit code written anew", arguments: EngineFixture.runtimes)
  func restart(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("restart")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.shortLived), id: id)
    for _ in 0..<3 {
      try engine.start(id)
      #expect(try engine.wait(id, deadlineNanoseconds: soon) == 7)
    }
    try engine.remove(id, force: false)
    try fixture.expectNothingLeft(engine, "restarts")
  }

  @Test(
    "a process that ends with 0 is told from one that is killed, 128 and the signal",
    arguments: EngineFixture.runtimes)
  func exitCodes(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("code")
    _ = try engine.create(bundle: try fixture.bundle("exit 0"), id: id)
    try engine.start(id)
    #expect(try engine.wait(id, deadlineNanoseconds: soon) == 0)
    try engine.remove(id, force: false)

    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    try engine.start(id)
    try engine.kill(id, signal: SIGKILL)
    #expect(try engine.wait(id, deadlineNanoseconds: soon) == 137)
    #expect(throws: EngineError.self) { try engine.kill(id, signal: SIGKILL) }
    try engine.remove(id, force: false)
    try fixture.expectNothingLeft(engine, "a killed process")
  }

  @Test(
    "stop asks first, kills at the end of the grace period, and is no error when there is nothing to stop",
    arguments: EngineFixture.runtimes)
  func stop(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    for (script, timeout, code) in [
      (EngineFixture.longLived, Duration.seconds(20), Int32(3)),
      (EngineFixture.stubborn, .milliseconds(50), 137),
    ] {
      let id = try ContainerID.test("stop")
      _ = try engine.create(bundle: try fixture.bundle("echo ready; " + script), id: id)
      try engine.start(id)
      try EngineFixture.waitUntilTrapped(engine, id)
      try engine.stop(id, timeout: timeout)
      let state = try engine.store.state(of: id)
      #expect(state.exitCode == code)
      #expect(state.wasStoppedByUser)
      try engine.stop(id, timeout: timeout)
      try engine.remove(id, force: false)
    }
    try fixture.expectNothingLeft(engine, "stops")
  }

  @Test("a created container that is stopped or removed was never started", arguments: EngineFixture.runtimes)
  func neverStarted(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("never")
    let bundle = try fixture.bundle("echo started > \(fixture.directory.path("witness"))")
    _ = try engine.create(bundle: bundle, id: id)
    try engine.stop(id)
    #expect(try engine.store.state(of: id).exitCode == 137)
    try engine.remove(id, force: false)
    _ = try engine.create(bundle: bundle, id: id)
    try engine.remove(id, force: false)
    try fixture.expectNothingLeft(engine, "containers that were never started")
    #expect(status(ofPath: fixture.directory.path("witness")) == nil)
  }

  @Test("a running container is removed by force only", arguments: EngineFixture.runtimes)
  func stillRunning(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("force")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    try engine.start(id)
    let error = #expect(throws: EngineError.self) { try engine.remove(id, force: false) }
    #expect(error?.code == .stillRunning)
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a removal by force")
  }

  @Test(
    "of two processes that start one container exactly one succeeds, and the other says why not",
    arguments: EngineFixture.runtimes)
  func twoStarters(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("two")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    let starters = try (0..<3).map { _ in try fixture.child("start", id) }
    let ends = try starters.map { try $0.waitForExit() }
    #expect(ends.count { $0 == .code(0) } == 1)
    for (starter, end) in zip(starters, ends) where end != .code(0) {
      let error = #expect(throws: TestSupportError.self) { try starter.expect("started") }
      #expect(error?.description.contains("is running already") == true)
    }
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "two starters")
  }

  @Test("standard input and output reach the process, and end with it", arguments: EngineFixture.runtimes)
  func standardIO(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let id = try ContainerID.test("io")
    let outcome = try ChildProcess.run(
      executable: "store-test-child",
      ["engine-run", fixture.root, runtime, id.rawValue, try fixture.bundle("cat; echo done; exit 5")],
      environment: ["CSTATE_TEST": fixture.directory.path], input: "hello\n")
    #expect(outcome.output == "hello\ndone\n")
    #expect(outcome.status == .code(5))
    let engine = try fixture.engine()
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a run")
  }

  @Test(
    "a bundle that cannot run leaves nothing, and the error says what is wrong with it",
    arguments: EngineFixture.runtimes)
  func badBundle(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let bundle = try fixture.bundle(EngineFixture.shortLived)
    let missing = """
      {"process":{"args":["/no/such/program"],"cwd":"/"},"root":{"path":"../rootfs"},"ociVersion":"1.0.2",\
      "linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]}}
      """
    let program: EngineError.Code = .runtimeFailed
    for (text, code) in [
      (missing, program), (#"{"process":{"args":[]}}"#, .invalidBundle), ("{", .invalidBundle),
    ] {
      try write(text, toPath: bundle + "/config.json")
      let error = #expect(throws: EngineError.self) { _ = try engine.create(bundle: bundle) }
      #expect(error?.code == code)
    }
    #expect(throws: EngineError.self) { _ = try engine.create(bundle: fixture.directory.path("nowhere")) }
    try fixture.expectNothingLeft(engine, "bundles that cannot run")
  }
}
