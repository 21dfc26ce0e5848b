internal import ContainerStateStore
internal import Glibc
internal import OCIEngine
internal import StoreTestSupport
internal import Testing

@Suite("Engine: damaged records")
struct DamageTests {
  @Test(
    "a number that kill(2) takes for many processes or for process 1 is no record of a process",
    arguments: ["0", "1", "-1", "-7", "2147483648", "", "x"])
  func processRecord(number: String) throws {
    #expect(BuiltinProcessRecord(text: "\(number) 5 boot") == nil)
    #expect(BuiltinProcessRecord(text: "7 \(number)") == nil)
    let record = BuiltinProcessRecord(process: ProcessIdentity(pid: 2, startTime: 5), bootID: "boot")
    #expect(BuiltinProcessRecord(text: record.text) == record)
  }

  @Test("a removal says that the record of the process is damaged, and force removes the container")
  func damagedProcessRecord() throws {
    let fixture = try EngineFixture("builtin")
    let engine = try fixture.engine()
    let id = try ContainerID.test("damaged")
    let container = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    let directory = "\(fixture.root)/run/containers/\(id).\(container.generation)/runtime/\(id)"
    try write("-", toPath: directory + "/process")
    let error = #expect(throws: EngineError.self) { try engine.remove(id, force: false) }
    #expect(error?.code == .runtimeFailed)
    #expect(error?.cause.contains("damaged") == true)
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a damaged record of a process")
  }

  @Test("a row that names process 1 is removed by force, and that process is not killed")
  func processOne() throws {
    let fixture = try EngineFixture("builtin")
    let engine = try fixture.engine()
    let id = try ContainerID.test("one")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    let state = try engine.store.state(of: id)
    // Its monitor would wait for the container's process, which its row no longer names.
    kill(state.monitorPID, SIGKILL)
    let one = try #require(ProcessIdentity.running(pid: 1))
    try engine.store.withLockedContainer(id, wait: .none) { locked in
      try locked.update {
        ($0.pid, $0.pidStartTime) = (one.pid, one.startTime)
        ($0.monitorPID, $0.monitorStartTime) = (one.pid, one.startTime)
      }
    }
    try engine.remove(id, force: true)
    #expect(one.liveness == .alive)
    try fixture.expectNothingLeft(engine, "a row that names process 1")
  }

  /// What happens to the row of a running container.
  enum Damage: String, CaseIterable {
    case noID = "UPDATE record SET id = '-' WHERE kind = 1"
    case otherID = "UPDATE record SET id = 'other' WHERE kind = 1"
    case noStatus = "UPDATE container_state SET status = 99"
    case noState = "DELETE FROM container_state"
    case noConfiguration = "UPDATE container SET extra = CAST('{' AS BLOB)"
  }

  @Test(
    "recovery removes nothing that may be of a row that it cannot read, and says which that is",
    arguments: EngineFixture.runtimes, Damage.allCases)
  func recover(runtime: String, damage: Damage) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("unreadable")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    try engine.start(id)
    let process = try #require(try engine.store.state(of: id).process)
    let leftOver = fixture.root + "/run/containers/nobody.77"
    mkdir(leftOver, 0o700)
    try fixture.damage(damage.rawValue)

    let recovery = try engine.recover()
    #expect(process.liveness == .alive)
    #expect(entries(ofDirectory: fixture.root + "/run/containers").contains { $0.hasPrefix(id.rawValue) })
    switch damage {
    case .noID, .noStatus, .noState:
      #expect(!recovery.failures.isEmpty)
      #expect(recovery.removedDirectories.isEmpty)
    case .otherID, .noConfiguration: #expect(recovery.removedDirectories == [leftOver])
    }
  }

  @Test("a stop whose owner's number is damaged is undone, and not left to him for ever", arguments: [0, -1])
  func damagedOwner(number: Int) throws {
    let fixture = try EngineFixture("builtin")
    let engine = try fixture.engine()
    let id = try ContainerID.test("owner")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    try engine.start(id)
    #expect(try fixture.child("stop", id, "20000", kill: "stop:1").waitForExit() == .signal(SIGKILL))
    try fixture.damage("UPDATE intent SET owner_pid = \(number)")
    #expect(try engine.reconcile(id) == .stopUndone)
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a stop of a damaged owner")
  }
}
