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
}
