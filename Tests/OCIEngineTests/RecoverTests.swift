internal import ContainerStateStore
internal import Glibc
internal import OCIEngine
internal import StoreTestSupport
internal import Testing

@Suite("Engine: recovery")
struct RecoverTests {
  @Test(
    "settles all that was left undone, removes what is left over, and finds nothing the second time",
    arguments: EngineFixture.runtimes)
  func recover(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let short = try fixture.bundle(EngineFixture.shortLived)
    let (created, removing, ended, running) = (
      try ContainerID.test("created"), try ContainerID.test("removing"), try ContainerID.test("ended"),
      try ContainerID.test("running")
    )
    try fixture.child("create", created, short, kill: "create:6").waitForExit()
    _ = try engine.create(bundle: short, id: removing)
    try fixture.child("remove", removing, kill: "remove:3").waitForExit()
    try fixture.child("run", ended, short, kill: "monitor:5").waitForExit()
    try #require(try engine.store.state(of: ended).exitCode == -1)
    try engine.start(ended)
    _ = try engine.wait(ended, deadlineNanoseconds: soon)
    let long = try fixture.bundle(EngineFixture.longLived)
    _ = try engine.create(bundle: long, id: running)
    try engine.start(running)
    let leftOver = fixture.root + "/run/containers/nobody.77"
    mkdir(leftOver, 0o700)

    let recovery = try engine.recover()
    #expect(recovery.failures.isEmpty)
    #expect(recovery.removedDirectories == [leftOver])
    let settled = Dictionary(uniqueKeysWithValues: recovery.settled.map { ($0.id, $0.settlement) })
    #expect(settled[created] == .createUndone)
    #expect(settled[removing] == .removed)
    #expect(settled[running] == nil)
    #expect(try engine.store.state(of: created).status == .configured)
    #expect(try engine.store.state(of: running).process?.liveness == .alive)

    let again = try engine.recover()
    #expect(again.settled.isEmpty && again.removedDirectories.isEmpty && again.failures.isEmpty)
    for id in [created, ended, running] { try engine.remove(id, force: true) }
    try fixture.expectNothingLeft(engine, "a recovery")
  }

  @Test(
    "what is left over of a removed container is removed without harm to a living one of the same id",
    arguments: EngineFixture.runtimes)
  func sameID(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("again")
    let container = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    try engine.start(id)
    let leftOver = "\(fixture.root)/run/containers/\(id).\(container.generation + 1000)"
    mkdir(leftOver, 0o700)
    try write(runtime, toPath: leftOver + "/runtime.name")
    let recovery = try engine.recover()
    #expect(recovery.failures.isEmpty)
    #expect(recovery.removedDirectories == [leftOver])
    #expect(try engine.store.state(of: id).process?.liveness == .alive)
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a left-over directory of the same id")
  }

  @Test(
    "after a reboot every container can be started or removed, and no number of the old boot is believed",
    arguments: EngineFixture.runtimes)
  func reboot(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("reboot")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.shortLived), id: id)
    let before = try engine.store.state(of: id)
    // A reboot ends them without anybody's recording it.
    kill(before.monitorPID, SIGKILL)
    kill(before.pid, SIGKILL)
    try waitUntil("the processes to end") {
      before.process?.liveness == .dead && before.monitor?.liveness == .dead
    }
    try engine.store.close()
    let rebooted = try fixture.engine(bootID: "11111111-2222-3333-4444-555555555555")
    let state = try rebooted.store.state(of: id)
    #expect(state.status == .configured && state.pid == 0 && state.monitorPID == 0)
    try rebooted.start(id)
    #expect(try rebooted.wait(id, deadlineNanoseconds: soon) == 7)
    try rebooted.remove(id, force: false)
    try fixture.expectNothingLeft(rebooted, "a reboot")
  }

  @Test("a run directory belongs to one store")
  func runDirectory() throws {
    let fixture = try EngineFixture("builtin")
    _ = try fixture.engine()
    var options = EngineOptions()
    options.runDirectory = fixture.root + "/run"
    let other = try StateStore(at: StoreLocation(root: fixture.directory.path("other")))
    let error = #expect(throws: EngineError.self) { _ = try Engine(store: other, options: options) }
    #expect(error?.code == .runDirectoryUnusable)
    #expect(error?.description.contains(fixture.root) == true)
    chmod(fixture.root + "/run", 0o777)
    let open = #expect(throws: EngineError.self) { _ = try fixture.engine() }
    #expect(open?.code == .runDirectoryUnusable)
  }

  @Test("of two stores that claim one run directory at once exactly one gets it")
  func claimedAtOnce() async throws {
    let fixture = try EngineFixture("builtin")
    let stores = try ["one", "two", "three"].map {
      try StateStore(at: StoreLocation(root: fixture.directory.path($0)))
    }
    for round in 0..<20 {
      var options = EngineOptions()
      options.runDirectory = fixture.directory.path("run-\(round)")
      let winners = await withTaskGroup(of: Bool.self) { group in
        for store in stores {
          group.addTask { [options] in (try? Engine(store: store, options: options)) != nil }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(winners == 1, "round \(round)")
      #expect(entries(ofDirectory: fixture.directory.path("run-\(round)")) == ["containers", "store"])
    }
  }

  @Test("a run directory whose owner cannot be read is nobody else's")
  func unreadableOwner() throws {
    let fixture = try EngineFixture("builtin")
    _ = try fixture.engine()
    let marker = fixture.root + "/run/store"
    let tooLong = String(repeating: "x", count: 5000)
    try write(tooLong, toPath: marker)
    let error = #expect(throws: EngineError.self) { _ = try fixture.engine() }
    #expect(error?.code == .runDirectoryUnusable)
    #expect(try readText(atPath: marker) == tooLong)
  }

  @Test("a control group that may not be removed is refused, and not waited for")
  func unwritableControlGroup() throws {
    let directory = try TemporaryDirectory()
    let group = directory.path("parent/group")
    mkdir(directory.path("parent"), 0o700)
    mkdir(group, 0o700)
    chmod(directory.path("parent"), 0o500)
    defer { chmod(directory.path("parent"), 0o700) }
    // Looked for below every hierarchy's mount point.
    let child = try ChildProcess(role: "engine-control-group", ["/../../..\(group)"])
    try child.expect("refused system")
    #expect(status(ofPath: group) != nil)
  }

  @Test("wait says that a container never ran, and gives up at its deadline")
  func wait() throws {
    let fixture = try EngineFixture("builtin")
    let engine = try fixture.engine()
    let id = try ContainerID.test("wait")
    try fixture.child("create", id, try fixture.bundle(EngineFixture.longLived), kill: "create:1")
      .waitForExit()
    let never = #expect(throws: EngineError.self) { _ = try engine.wait(id, deadlineNanoseconds: soon) }
    #expect(never?.code == .notRunning)
    try engine.start(id)
    let late = #expect(throws: EngineError.self) { _ = try engine.wait(id, deadlineNanoseconds: 1) }
    #expect(late?.code == .timedOut)
    try engine.remove(id, force: true)
    let gone = #expect(throws: StoreError.self) { _ = try engine.wait(id, deadlineNanoseconds: soon) }
    #expect(gone?.code == .notFound)
  }
}
