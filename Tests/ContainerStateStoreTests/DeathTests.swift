internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Synchronization
internal import Testing

@Suite("Holders that die, stop or are in the way")
struct DeathTests {
  let fixture: StoreFixture
  let store: StateStore
  let id: ContainerID
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    id = try store.add("abc")
  }

  private func openedChild() throws -> ChildProcess {
    let child = try fixture.child()
    try child.succeed("open")
    return child
  }

  @Test(
    "L-12: SIGKILL of a holder of a container lock, of the gate, or of both lets the next one in",
    arguments: ["hold abc", "hold-gate", "hold-both abc"])
  func killed(command: String) throws {
    let child = try openedChild()
    try child.send(command)
    try child.expect(command == "hold-gate" ? "ok" : "holding")
    if command != "hold-gate" {
      expectError(.lockTimeout) { try store.withLockedContainer(id, wait: .none) { _ in } }
    }
    child.signal(SIGKILL)
    #expect(try child.waitForExit() == .signal(SIGKILL))
    try store.withLockedContainer(id, wait: .upTo(.seconds(10))) { try $0.update { $0.status = .created } }
    #expect(try store.state(of: id).status == .created)
    try expectClean(store)
  }

  @Test(
    "D-1: what a process killed at any moment has acknowledged is there, the next change whole or not at all"
  )
  func killedAtRandom() throws {
    for round in 0..<scaled(6) {
      let counter = try store.add("counter\(round)")
      let child = try openedChild()
      try child.send("count-aloud counter\(round)")
      var acknowledged: Int32 = 0
      while acknowledged <= round * 7 {
        acknowledged = try #require(Int32(try child.expect("acknowledged")))
      }
      child.signal(SIGKILL)
      #expect(try child.waitForExit() == .signal(SIGKILL))
      while let line = try child.line() {
        acknowledged = try #require(Int32(line.dropFirst("acknowledged ".count)))
      }
      let container = try store.container(counter)
      #expect((acknowledged...acknowledged + 1).contains(container.state.restartCount))
      #expect(container.stateRevision == Int64(container.state.restartCount) + 1)
      try store.change(counter) { $0.restartCount = 0 }
      #expect(try store.container(counter).stateRevision == container.stateRevision + 1)
    }
    try expectClean(store)
  }

  @Test(
    "L-5: who waits longer than his deadline for a stopped holder is told its pid, command, operation and age"
  )
  func stoppedHolder() throws {
    let child = try openedChild()
    try child.send("hold abc")
    try child.expect("holding")
    try child.stop()
    for wait in [LockWait.none, .upTo(.milliseconds(50))] {
      let error = try #require(
        expectError(.lockTimeout) { try store.withLockedContainer(id, wait: wait) { _ in } })
      #expect(error.subject == "abc")
      let holder = try #require(error.holder)
      #expect(holder.pid == child.pid)
      #expect(holder.startTime == ProcessIdentity.running(pid: child.pid)?.startTime)
      #expect(holder.command == "store-test-child")
      #expect(holder.operation == "hold")
      #expect(holder.ageNanoseconds != nil)
      for part in ["pid \(child.pid)", "store-test-child", "hold", "for "] {
        #expect(error.message.contains(part))
      }
    }
    let report = try #require(try store.lockReport().first { $0.subject == "abc" })
    #expect((report.holder?.pid, report.holder?.operation) == (child.pid, "hold"))
    #expect(report.holder?.ageNanoseconds != nil)
    child.cont()
    try child.send("go on")
    try child.expect("ok")
    try store.withLockedContainer(id, wait: .upTo(.seconds(10))) { _ in }
  }

  @Test("L-5: a write behind a stopped holder of the gate is `lockTimeout` and names it; D-7: reads go on")
  func stoppedInTheGate() throws {
    var hasty = fixture
    hasty.options.operationTimeout = .milliseconds(50)
    let other = try hasty.open()
    let child = try openedChild()
    try child.succeed("hold-gate")
    try child.stop()
    let error = try #require(expectError(.lockTimeout) { try other.change(id) { $0.status = .created } })
    #expect((error.holder?.pid, error.holder?.operation) == (child.pid, "hold"))
    #expect(error.holder?.ageNanoseconds != nil)
    #expect(try other.state(of: id).status == .configured)
    expectError(.lockTimeout) { try other.add("def") }
    #expect(fixture.leftovers() == ["abc.lock", "abc.json"])
    child.cont()
    try child.succeed("leave-gate")
    try other.change(id) { $0.status = .created }
    try expectClean(other)
  }

  @Test(
    "L-14: container locks come before the gate: inside it none is given, and the gate is given under one")
  func gateComesLast() throws {
    let child = try openedChild()
    try child.succeed("hold-gate")
    try child.fail("status abc created", with: .wouldDeadlock)
    try child.fail("add def def", with: .wouldDeadlock)
    try child.succeed("leave-gate")
    try child.send("hold-both abc")
    try child.expect("holding")
    try child.send("go on")
    try child.expect("ok")
    try child.succeed("status abc created")
    #expect(fixture.leftovers() == ["abc.lock", "abc.json"])
    try expectClean(store)
  }

  @Test("a foreign program that holds SQLite's write lock makes a write `busy`, and no read waits for it")
  func foreignWriter() throws {
    var hasty = fixture
    hasty.options.operationTimeout = .milliseconds(50)
    let other = try hasty.open()
    let shell = try ChildProcess(executable: "/usr/bin/sqlite3", [fixture.databasePath])
    try shell.send("BEGIN IMMEDIATE;")
    try shell.send("SELECT 'begun';")
    try shell.expect("begun")
    expectError(.busy) { try other.change(id) { $0.status = .created } }
    #expect(try other.containers().count == 1)
    #expect(try other.databaseLockReport().contains { $0.pid == shell.pid && $0.meaning == "write" })
    try shell.send("ROLLBACK;")
    try shell.send("SELECT 'ended';")
    try shell.expect("ended")
    try other.change(id) { $0.status = .created }
  }

  @Test("L-1, L-10: two threads and two stores of one process take turns on one lock")
  func threads() throws {
    let other = try fixture.open()
    let inside = Atomic<Int>(0)
    try inParallel(4) { number in
      let mine = number % 2 == 0 ? store : other
      for _ in 0..<scaled(50) {
        try mine.withLockedContainer(id, wait: .upTo(.seconds(20))) { locked in
          #expect(inside.add(1, ordering: .sequentiallyConsistent).newValue == 1)
          try locked.update(durability: .committed) { $0.restartCount += 1 }
          inside.subtract(1, ordering: .sequentiallyConsistent)
        }
      }
    }
    let container = try store.container(id)
    #expect(Int(container.state.restartCount) == 4 * scaled(50))
    #expect(Int(container.stateRevision) == 4 * scaled(50) + 1)
    try expectClean(store)
  }

  @Test("L-6: AB against BA, in two threads and in two processes: `wouldDeadlock` or success, never a hang")
  func lockOrder() throws {
    try store.add("b")
    let orders = [["abc", "b"], ["b", "abc"]].map { $0.map(ContainerID.init(unchecked:)) }
    try inParallel(2) { number in
      for _ in 0..<scaled(20) {
        do {
          try store.withLockedContainer(orders[number][0], wait: .upTo(.seconds(20))) { _ in
            try store.withLockedContainer(orders[number][1], wait: .upTo(.seconds(20))) { _ in }
          }
          #expect(number == 0, "out of order and not refused")
        } catch let error as StoreError {
          #expect((number, error.code) == (1, .wouldDeadlock))
        }
        try store.withLockedContainers(Set(orders[number]), wait: .upTo(.seconds(20))) { _ in }
      }
    }
    let children = try fixture.openChildren(2)
    for round in 0..<scaled(3) {
      for (child, order) in zip(children, orders) { try child.send("nested \(order[0]) \(order[1])") }
      for child in children { try child.expect("holding") }
      // Each has its first lock. The one that asks upwards waits for the other, which is refused and lets go.
      try children[0].send("go on")
      try children[1].send("go on")
      #expect(
        try children[1].line(within: .seconds(20))?.hasPrefix("error wouldDeadlock") == true, "\(round)")
      #expect(try children[0].line(within: .seconds(20)) == "ok")
      for (child, order) in zip(children, orders) { try child.send("together \(order[0]) \(order[1])") }
      for child in children { try child.expect("ok", within: .seconds(20)) }
    }
    #expect(try Int(store.state(of: id).restartCount) == 2 * scaled(3))
  }
}
