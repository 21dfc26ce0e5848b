internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Fork and exec with an open store")
struct ForkTests {
  let fixture: StoreFixture
  let child: ChildProcess
  init() throws {
    fixture = try StoreFixture()
    child = try fixture.child()
    try child.succeed("open")
    try child.succeed("add a a")
  }

  @Test(
    "L-8: a forked child gets `usedAfterFork` from every call, and its parent is unharmed whatever it does",
    arguments: ["read", "write", "lock", "close", "verify", "open", "forget", "exit"])
  func fork(what: String) throws {
    #expect(try child.succeed("fork \(what)") == "0")
    try child.succeed("status a created")
    #expect(try child.succeed("get a") == "a created 2 0 -")
    let store = try fixture.open()
    try store.change(ContainerID("a")) { $0.restartCount = 1 }
    #expect(try child.succeed("get a") == "a created 3 1 -")
    #expect(try child.succeed("verify") == "[]")
    try child.succeed("close")
    try expectClean(store)
  }

  @Test(
    "L-8: a fork under a held lock and the gate: the child's end frees neither", arguments: ["lock", "gate"])
  func forkUnderLock(what: String) throws {
    var hasty = fixture
    hasty.options.operationTimeout = .milliseconds(20)
    let store = try hasty.open()
    let id = try ContainerID("a")
    try child.send("hold-and-fork a \(what)")
    try child.expect("holding")
    expectError(.lockTimeout) {
      try store.withLockedContainer(id, wait: .none) { try $0.update { $0.restartCount = 1 } }
    }
    if what == "gate" { expectError(.lockTimeout) { try store.add("b") } }
    try child.send("go on")
    try child.expect("ok")
    try store.change(id) { $0.restartCount = 1 }
  }

  @Test("L-8: a forked child that outlives its parent keeps no lock of it alive")
  func orphanKeepsNothing() throws {
    try child.send("hold-with-orphan a")
    let orphan = try #require(Int32(try child.expect("holding")))
    child.signal(SIGKILL)
    #expect(try child.waitForExit() == .signal(SIGKILL))
    #expect(kill(orphan, 0) == 0)
    let store = try fixture.open()
    try store.withLockedContainer(ContainerID("a"), wait: .upTo(.seconds(10))) { try $0.remove() }
    try expectClean(store)
  }

  @Test("26: no descriptor of store, locks or namespaces leaks through fork and exec")
  func exec() throws {
    try child.send("fork-exec")
    #expect(try child.expect("open") == "0 1 2")
    try child.expect("ok")
    try child.send("hold a")
    try child.expect("holding")
    try child.send("go on")
    try child.expect("ok")
    try child.send("fork-exec")
    #expect(try child.expect("open") == "0 1 2")
    try child.expect("ok")
  }
}
