internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Intents")
struct IntentTests {
  let fixture: StoreFixture
  let store: StateStore
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  @Test("an intent says who began what under which grant, and ends in one transaction with the state")
  func ownIntent() throws {
    let id = try store.add("abc")
    try store.withLockedContainer(id, wait: .none) { locked in
      #expect(locked.intent == nil)
      #expect(locked.hasForeignIntent == false)
      try locked.setIntent(.begin(.create))
      let found = locked.intent
      let intent = try #require(found)
      #expect(intent.operation == .create)
      #expect((intent.ownerPID, intent.ownerStartTime) == (getpid(), ProcessIdentity.current.startTime))
      #expect(intent.token == locked.fencingToken)
      #expect(locked.hasForeignIntent == false)
      try locked.update(intent: .begin(.start)) { $0.status = .created }
      #expect(locked.intent?.operation == .start)
      try locked.update(intent: .end) { $0.status = .running }
      #expect(locked.intent == nil)
    }
    #expect(try store.recover().unfinished == [])
    try store.withLockedContainer(id, wait: .none) { try $0.setIntent(.begin(.stop)) }
    #expect(try store.recover().unfinished == [id])
    try store.withLockedContainer(id, wait: .none) { try $0.setIntent(.end) }
    #expect(try store.state(of: id).status == .running)
    #expect(try fixture.shell("SELECT count(*) FROM intent;") == "0\n")
  }

  @Test("I-14: a refused write leaves the intent as it was, in the store and in the scope")
  func refused() throws {
    let id = try store.add("abc")
    try store.withLockedContainer(id, wait: .none) { locked in
      try locked.setIntent(.begin(.create))
      expectError(.invalidTransition) { try locked.update(intent: .end) { $0.status = .running } }
      expectError(.invalidArgument) { try locked.update(intent: .begin(.stop)) { $0.pid = -1 } }
      #expect(locked.intent?.operation == .create)
    }
    try store.withLockedContainer(id, wait: .none) { #expect($0.intent?.operation == .create) }
  }

  @Test(
    "an intent found under another grant is foreign: to begin over it is `conflict`, to end it is allowed")
  func foreignIntent() throws {
    let id = try store.add("abc")
    let child = try fixture.child()
    try child.succeed("open")
    try child.succeed("begin abc")
    try store.withLockedContainer(id, wait: .none) { locked in
      #expect(locked.hasForeignIntent == true)
      #expect(locked.intent?.ownerPID == child.pid)
      let error = expectError(.conflict) { try locked.update(intent: .begin(.stop)) { $0.status = .created } }
      #expect(error?.message.contains("pid \(child.pid)") == true)
      #expect(error?.message.contains("start") == true)
      #expect(locked.state.status == .configured)
      try locked.update { $0.restartCount = 1 }
      #expect(locked.hasForeignIntent == true)
      try locked.setIntent(.end)
      #expect(locked.hasForeignIntent == false)
      try locked.setIntent(.begin(.stop))
    }
    // The same process under the next grant: whose it is rests on the lock, not on the pid.
    try store.withLockedContainer(id, wait: .none) { locked in
      #expect(locked.hasForeignIntent == true)
      expectError(.conflict) { try locked.setIntent(.begin(.remove)) }
    }
  }

  @Test("recordExit ends the intent unless told otherwise")
  func recordExit() throws {
    let id = try store.add("abc", state: ContainerState(status: .running))
    try store.withLockedContainer(id, wait: .none) { locked in
      try locked.setIntent(.begin(.stop))
      try locked.recordExit(code: 0, finishedAt: .now, intent: .keep)
      #expect(locked.intent?.operation == .stop)
      try locked.recordExit(code: -1, finishedAt: .now, status: .exited)
      #expect(locked.intent == nil)
      expectError(.invalidArgument) { try locked.recordExit(code: 256, finishedAt: .now, status: .exited) }
    }
    #expect(try store.state(of: id).exitCode == -1)
  }

  @Test("every operation keeps its name and comes back as itself", arguments: IntentOperation.allCases)
  func operations(operation: IntentOperation) throws {
    let id = try store.add("abc")
    try store.withLockedContainer(id, wait: .none) { try $0.setIntent(.begin(operation)) }
    try store.withLockedContainer(id, wait: .none) { #expect($0.intent?.operation == operation) }
    #expect(!operation.name.isEmpty)
  }
}
