internal import ContainerStateStore
internal import Glibc
internal import OCIEngine
internal import StoreTestSupport
internal import Testing

@Suite("Engine: SIGKILL between any two steps")
struct KillTests {
  /// An operation, and how far the container has come before it.
  enum Operation: String, CaseIterable {
    case create, start, stop, remove

    /// A script whose exit code is known, if its process runs to its end.
    var script: String {
      self == .stop || self == .remove ? EngineFixture.longLived : EngineFixture.shortLived
    }

    func prepare(_ engine: Engine, _ id: ContainerID, bundle: String) throws {
      if self == .create { return }
      _ = try engine.create(bundle: bundle, id: id)
      if self == .start { return }
      try engine.start(id)
      try EngineFixture.waitUntilTrapped(engine, id)
    }

    func child(
      _ fixture: EngineFixture, _ id: ContainerID, bundle: String, kill: String
    ) throws -> ChildProcess {
      switch self {
      case .create: try fixture.child("create", id, bundle, kill: kill)
      case .start, .remove: try fixture.child(rawValue, id, kill: kill)
      case .stop: try fixture.child("stop", id, "20000", kill: kill)
      }
    }
  }

  @Test(
    "killed at any step of any operation, the container can be removed and nothing is left",
    arguments: EngineFixture.runtimes, Operation.allCases)
  func removeAfterKill(runtime: String, operation: Operation) throws {
    try forEveryStep(runtime, operation) { engine, id, _ in try engine.remove(id, force: true) }
  }

  @Test(
    "killed at any step of any operation, the operation is repeated by another and comes to its end",
    arguments: EngineFixture.runtimes, Operation.allCases)
  func repeatAfterKill(runtime: String, operation: Operation) throws {
    try forEveryStep(runtime, operation) { engine, id, isKilled in
      switch operation {
      case .create, .start:
        if try engine.reconcile(id) == .nothing, !isKilled, operation == .start {
          #expect(try engine.store.state(of: id).status != .created)
        }
        if [.configured, .created].contains(try engine.store.state(of: id).status) { try engine.start(id) }
        #expect(try engine.wait(id, deadlineNanoseconds: soon) == 7)
        try engine.remove(id, force: false)
      case .stop:
        try engine.stop(id, timeout: .seconds(20))
        #expect(try engine.wait(id, deadlineNanoseconds: soon) == 3)
        try engine.remove(id, force: false)
      case .remove:
        let recovery = try engine.recover()
        #expect(recovery.failures.isEmpty)
      }
    }
  }

  @Test(
    "killed at any step of settling what a killed creation left, the next one settles it",
    arguments: EngineFixture.runtimes)
  func settleAfterKill(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let bundle = try fixture.bundle(EngineFixture.shortLived)
    var isKilled = true
    var number = 0
    while isKilled {
      number += 1
      let id = try ContainerID.test("settle")
      let creator = try fixture.child("create", id, bundle, kill: "create:6")
      #expect(try creator.waitForExit() == .signal(SIGKILL))
      let settler = try fixture.child("settle", id, kill: "settle:\(number)")
      isKilled = try settler.waitForExit() == .signal(SIGKILL)
      let settlement = try engine.reconcile(id)
      #expect(settlement == (isKilled ? .createUndone : .nothing))
      #expect(try engine.store.state(of: id).status == .configured)
      try engine.start(id)
      #expect(try engine.wait(id, deadlineNanoseconds: soon) == 7)
      try engine.remove(id, force: false)
      try fixture.expectNothingLeft(engine, "settling killed at step \(number)")
    }
    #expect(number > 1, "no step of settling was passed")
  }

  @Test(
    "killed at any step of removing what a killed creation left, the removal is finished by the next one",
    arguments: EngineFixture.runtimes)
  func removeUncreatedAfterKill(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let bundle = try fixture.bundle(EngineFixture.shortLived)
    var isKilled = true
    var number = 0
    while isKilled {
      number += 1
      let id = try ContainerID.test("uncreated")
      let creator = try fixture.child("create", id, bundle, kill: "create:6")
      #expect(try creator.waitForExit() == .signal(SIGKILL))
      let remover = try fixture.child("remove", id, kill: "remove:\(number)")
      isKilled = try remover.waitForExit(within: .seconds(30)) == .signal(SIGKILL)
      if try engine.store.hasContainer(id) {
        #expect(try engine.store.state(of: id).status == .removing, "removal killed at step \(number)")
        #expect(try engine.reconcile(id) == .removed)
      }
      try fixture.expectNothingLeft(engine, "removal of an unfinished creation killed at step \(number)")
    }
    #expect(number > 7, "a step of the removal was not passed")
  }

  @Test(
    "a monitor killed at any step leaves a container whose end is known or recorded as unknown",
    arguments: EngineFixture.runtimes)
  func monitorKilled(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let bundle = try fixture.bundle(EngineFixture.shortLived)
    // started, told and created: there is no container; watching and ended: nobody saw the end; then it is
    // recorded.
    let expected: [StoreTestSupport.ExitStatus] = [
      .code(1), .code(1), .code(1), .code(255), .code(255), .code(7), .code(7), .code(7),
    ]
    for (index, status) in expected.enumerated() {
      let id = try ContainerID.test("monitor")
      let runner = try fixture.child("run", id, bundle, kill: "monitor:\(index + 1)")
      #expect(try runner.waitForExit(within: .seconds(30)) == status, "monitor killed at step \(index + 1)")
      if status != .code(1) {
        // The unknown exit code is −1, whose exit status is 255.
        let code = try engine.wait(id, deadlineNanoseconds: soon)
        #expect(code == (status == .code(255) ? -1 : 7))
        try engine.remove(id, force: false)
      }
      try fixture.expectNothingLeft(engine, "monitor killed at step \(index + 1)")
    }
  }

  @Test("a monitor killed before anybody knows of the process that it started takes that with it")
  func processUnknown() throws {
    let fixture = try EngineFixture("builtin")
    let engine = try fixture.engine()
    let id = try ContainerID.test("unknown")
    let bundle = try fixture.bundle(EngineFixture.longLived)
    let creator = try fixture.child("create", id, bundle, kill: "runtime:1")
    #expect(try creator.waitForExit(within: .seconds(30)) == .code(1))
    try fixture.expectNothingLeft(engine, "a monitor killed before it recorded its process")
  }

  @Test(
    "killed at any step of a start, the next one records what came of it: created still, or running",
    arguments: EngineFixture.runtimes)
  func startAfterKill(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let bundle = try fixture.bundle(EngineFixture.longLived)
    // The intent is recorded; the process is started; that is recorded.
    let outcomes: [(Settlement, ContainerStatus)] = [
      (.startUndone, .created), (.startFinished, .running), (.nothing, .running),
    ]
    for (index, (settlement, status)) in outcomes.enumerated() {
      let id = try ContainerID.test("start")
      _ = try engine.create(bundle: bundle, id: id)
      let starter = try fixture.child("start", id, kill: "start:\(index + 1)")
      #expect(try starter.waitForExit() == .signal(SIGKILL))
      #expect(try engine.reconcile(id) == settlement, "killed at step \(index + 1)")
      let state = try engine.store.state(of: id)
      #expect(state.status == status, "killed at step \(index + 1)")
      #expect((state.startedAt != nil) == (status == .running))
      try engine.remove(id, force: true)
      try fixture.expectNothingLeft(engine, "start killed at step \(index + 1)")
    }
  }

  @Test(
    "a runc start killed before it unlinked its fifo left a container that runs, whatever runc says of it",
    arguments: EngineFixture.runtimes.filter { $0.hasSuffix("/runc") })
  func startLeavesFifo(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("fifo")
    let container = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
    let starter = try fixture.child("start", id, kill: "start:2")
    #expect(try starter.waitForExit() == .signal(SIGKILL))
    let state = "\(fixture.root)/run/containers/\(id).\(container.generation)/runtime/\(id)"
    #expect(mkfifo(state + "/exec.fifo", 0o600) == 0)
    #expect(try engine.reconcile(id) == .startFinished)
    #expect(try engine.store.state(of: id).status == .running)
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a start that left its fifo")
  }

  /// Kills a process at the first, second … step of the operation until it passes untouched; lets `finish` go
  /// on with what is left each time, and expects that nothing is left in the end.
  private func forEveryStep(
    _ runtime: String, _ operation: Operation,
    _ finish: (_ engine: Engine, _ id: ContainerID, _ isKilled: Bool) throws -> Void
  ) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let bundle = try fixture.bundle(operation.script)
    var isKilled = true
    var number = 0
    while isKilled {
      number += 1
      let id = try ContainerID.test("\(operation.rawValue)-\(number)")
      try operation.prepare(engine, id, bundle: bundle)
      let child = try operation.child(fixture, id, bundle: bundle, kill: "\(operation.rawValue):\(number)")
      let end = try child.waitForExit(within: .seconds(30))
      isKilled = end == .signal(SIGKILL)
      if !isKilled { #expect(end == .code(0)) }
      // The last step of a removal, and one that passes, leave nothing to go on with.
      if try engine.store.hasContainer(id) { try finish(engine, id, isKilled) }
      try fixture.expectNothingLeft(engine, "\(operation.rawValue) killed at step \(number)")
    }
    #expect(number > 3, "fewer steps than the operation has")
  }
}
