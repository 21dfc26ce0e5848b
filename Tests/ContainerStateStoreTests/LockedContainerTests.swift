internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Under the lock")
struct LockedContainerTests {
  let fixture: StoreFixture
  let store: StateStore
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  static let everyPair = ContainerStatus.allCases.flatMap { from in
    ContainerStatus.allCases.map { StatusPair(from: from, to: $0) }
  }

  /// The table as a person reads it; the code has its own.
  static let allowed: [ContainerStatus: Set<ContainerStatus>] = [
    .configured: [.created, .removing, .unknown],
    .created: [.configured, .running, .stopped, .exited, .removing, .unknown],
    .running: [.paused, .stopping, .stopped, .exited, .removing, .unknown],
    .paused: [.running, .stopping, .stopped, .exited, .removing, .unknown],
    .stopping: [.running, .stopped, .exited, .removing, .unknown],
    .stopped: [.configured, .created, .exited, .removing, .unknown],
    .exited: [.configured, .created, .removing, .unknown],
    .removing: [.unknown],
    .unknown: Set(ContainerStatus.allCases),
  ]

  @Test("I-4: status moves only along the table; a refused move names both ends and writes nothing")
  func transitions() throws {
    for (number, pair) in Self.everyPair.enumerated() {
      let id = try store.add("c\(number)", state: ContainerState(status: pair.from))
      let isAllowed = pair.from == pair.to || Self.allowed[pair.from]?.contains(pair.to) == true
      if isAllowed {
        try store.change(id) { $0.status = pair.to }
        #expect(try store.state(of: id).status == pair.to, "\(pair)")
      } else {
        let error = expectError(.invalidTransition, "\(pair)") {
          try store.change(id) { $0.status = pair.to }
        }
        #expect(error?.candidates == [pair.from.name, pair.to.name])
        #expect(error?.message.contains(pair.from.name) == true)
        #expect(error?.message.contains(pair.to.name) == true)
        let found = try store.container(id)
        #expect((found.status, found.stateRevision) == (pair.from, 1), "\(pair)")
      }
    }
    try expectClean(store)
  }

  @Test("I-12: a row's revision grows by one per write, and the scope sees what it has written")
  func revisions() throws {
    let id = try store.add("abc")
    try store.withLockedContainer(id, wait: .none) { locked in
      #expect(locked.container.stateRevision == 1)
      try locked.update { $0.status = .created }
      try locked.update(durability: .committed) { $0.pid = 7 }
      try locked.setStateExtra(JSONBytes("[1]"))
      try locked.setIntent(.begin(.start))
      try locked.recordExit(
        code: 137, finishedAt: Timestamp(nanosecondsSinceEpoch: 5), wasKilledForMemory: true)
      #expect(locked.container.stateRevision == 6)
      #expect(locked.state.pid == 0)
      #expect(locked.intent == nil)
    }
    let found = try store.container(id)
    #expect(found.stateRevision == 6)
    #expect((found.configurationRevision, found.stateExtra?.bytes) == (1, Array("[1]".utf8)))
    #expect(
      (found.state.exitCode, found.state.status, found.state.wasKilledForMemory) == (137, .stopped, true))
    #expect(found.state.finishedAt == Timestamp(nanosecondsSinceEpoch: 5))
  }

  @Test("I-3: no write of the state touches the configuration")
  func configurationStays() throws {
    let id = try store.add("abc", labels: ["a": "b"])
    let before = try store.container(id).configuration
    try store.withLockedContainer(id, wait: .none) { locked in
      for status in [ContainerStatus.created, .running, .stopped, .exited] {
        try locked.update { $0.status = status }
      }
    }
    #expect(try store.container(id).configuration == before)
    #expect(try store.container(id).configurationRevision == 1)
  }

  @Test("I-14: what the change throws comes out as it is, and nothing is written")
  func throwingChange() throws {
    struct Own: Error {}
    let id = try store.add("abc")
    #expect(throws: Own.self) {
      try store.withLockedContainer(id, wait: .none) { locked in
        try locked.update { state in
          state.pid = 9
          throw Own()
        }
      }
    }
    #expect(throws: Own.self) { try store.read { _ in throw Own() } }
    #expect(try store.container(id).stateRevision == 1)
    try store.withLockedContainer(id, wait: .none) { _ in }
  }

  @Test("values out of range are refused one by one and write nothing", arguments: BadState.all)
  func badValues(bad: BadState) throws {
    let id = try store.add("abc", state: ContainerState(status: .running))
    expectError(.invalidArgument, bad.name) { try store.change(id, bad.change) }
    #expect(try store.container(id).stateRevision == 1)
    var state = ContainerState(status: .running)
    bad.change(&state)
    expectError(.invalidArgument, bad.name) { try store.add("def", state: state) }
    try expectClean(store)
  }

  @Test("a lock of a container that is not there is `notFound` and leaves no lockfile")
  func notThere() throws {
    let id = try ContainerID("gone")
    expectError(.notFound) { try store.withLockedContainer(id, wait: .none) { _ in } }
    let there = try store.add("abc")
    expectError(.notFound) { try store.withLockedContainers([id, there], wait: .none) { _ in } }
    #expect(entries(ofDirectory: fixture.root + "/locks") == ["abc.lock"])
    try store.withLockedContainer(there, wait: .none) { _ in }
  }

  @Test("L-4: the lockfile of a removed container is unlinked while its lock is held, not after")
  func unlinkedUnderLock() throws {
    let id = try store.add("abc")
    let file = try #require(status(ofPath: fixture.lockFile(id))).st_ino
    let remover = try fixture.child(failpoints: "unlink.done=stop")
    try remover.send("remove abc")
    try remover.waitUntilStopped()
    #expect(status(ofPath: fixture.lockFile(id)) == nil)
    #expect(try fixture.lockers(onInode: file, areWaiting: false) == [remover.pid])
    remover.cont()
    try remover.expect("ok")
    try expectClean(store)
  }

  @Test("several at once: each is lent, in order, and one that was not locked is refused")
  func several() throws {
    let ids = try ["c", "a", "b"].map { try store.add($0) }
    let other = try store.add("other")
    let sum = try store.withLockedContainers(Set(ids), wait: .none) { locked in
      #expect(locked.containerIDs.map(\.rawValue) == ["a", "b", "c"])
      for id in locked.containerIDs { try locked.withContainer(id) { try $0.update { $0.restartCount = 1 } } }
      expectError(.invalidArgument) { try locked.withContainer(other) { _ in } }
      try locked.withContainer(ids[0]) { try $0.remove() }
      return locked.containerIDs.count
    }
    #expect(sum == 3)
    #expect(try store.containers().map(\.state.restartCount).sorted() == [0, 1, 1])
    try store.withLockedContainers([], wait: .none) { #expect($0.containerIDs == []) }
    #expect(entries(ofDirectory: fixture.root + "/locks") == ["a.lock", "b.lock", "other.lock"])
    try expectClean(store)
  }

  @Test(
    "L-6: asking out of order on one thread is `wouldDeadlock` at once, every time, and in order it succeeds")
  func order() throws {
    let (a, b) = (try store.add("a"), try store.add("b"))
    for _ in 0..<3 {
      try store.withLockedContainer(b, wait: .none) { _ in
        let error = expectError(.wouldDeadlock) {
          try store.withLockedContainer(a, wait: .indefinitely) { _ in }
        }
        #expect(error?.subject == "a")
        #expect(error?.message.contains("the lock of b") == true)
        expectError(.wouldDeadlock) { try store.withLockedContainer(b, wait: .indefinitely) { _ in } }
        expectError(.wouldDeadlock) { try store.add("0") }
      }
      try store.withLockedContainer(a, wait: .none) { _ in
        try store.withLockedContainer(b, wait: .none) { try $0.update { $0.restartCount += 1 } }
      }
    }
    #expect(try store.state(of: b).restartCount == 3)
    #expect(entries(ofDirectory: fixture.root + "/locks") == ["a.lock", "b.lock"])
  }

  @Test("L-7: the fencing token grows with every grant, and over the removal of the lockfile")
  func tokens() throws {
    var tokens: [FencingToken] = []
    for _ in 0..<4 {
      let id = try store.add("abc")
      for _ in 0..<3 { try store.withLockedContainer(id, wait: .none) { tokens.append($0.fencingToken) } }
      try store.remove(id)
    }
    #expect(zip(tokens, tokens.dropFirst()).allSatisfy { $0 < $1 })
    #expect(Set(tokens.map(\.bootEpoch)) == [1])
  }

  @Test("L-7: pods and volumes have fencing tokens too, which grow in the same way, alone and with others")
  func tokensOfEveryKind() throws {
    var tokens: [[FencingToken]] = [[], []]
    for _ in 0..<3 {
      let (pod, volume) = (try store.addPod("pod"), try store.addVolume("data"))
      try store.withLockedPod(pod, wait: .none) { tokens[0].append($0.fencingToken) }
      try store.withLockedVolume(volume, wait: .none) { tokens[1].append($0.fencingToken) }
      try store.withLockedRecords(pods: [pod], volumes: [volume], wait: .none) { locked in
        try locked.withPod(pod) { tokens[0].append($0.fencingToken) }
        try locked.withVolume(volume) { tokens[1].append($0.fencingToken) }
      }
      try store.removePod(pod, wait: .none)
      try store.removeVolume(volume, wait: .none)
    }
    for kind in tokens {
      #expect(kind.count == 6 && zip(kind, kind.dropFirst()).allSatisfy { $0 < $1 }, "\(kind)")
      #expect(Set(kind.map(\.bootEpoch)) == [1])
    }
  }

  @Test("an uncontended lock was not waited for")
  func noWait() throws {
    let id = try store.add("abc")
    try store.withLockedContainer(id, wait: .indefinitely) {
      #expect($0.lockWait.nanoseconds == 0)
      #expect($0.lockWait.holder == nil)
    }
  }

  @Test(
    "a duration that is no wait does not wait",
    arguments: [Duration.zero, .seconds(-1), .nanoseconds(Int64.min)])
  func noDuration(duration: Duration) throws {
    let id = try store.add("abc")
    try store.withLockedContainer(id, wait: .upTo(duration)) { _ in }
    var hasty = fixture
    hasty.options.operationTimeout = duration
    try hasty.open().add("def")
  }
}

/// Two ends of a transition.
struct StatusPair: CustomStringConvertible {
  let from: ContainerStatus
  let to: ContainerStatus
  var description: String { "\(from.name) → \(to.name)" }
}

/// A change of a running container's state that no store may accept.
struct BadState: CustomTestStringConvertible, Sendable {
  let name: String
  let change: @Sendable (inout ContainerState) -> Void
  var testDescription: String { name }

  static let all: [BadState] = [
    BadState(name: "exit code −2") { $0.exitCode = -2 },
    BadState(name: "exit code 256") { $0.exitCode = 256 },
    BadState(name: "pid −1") { $0.pid = -1 },
    BadState(name: "the pid of what has ended") { ($0.status, $0.pid) = (.exited, 7) },
    BadState(name: "monitor pid −1") { $0.monitorPID = -1 },
    BadState(name: "restart count −1") { $0.restartCount = -1 },
    BadState(name: "configuration path") { $0.configurationPath = "a\0b" },
    BadState(name: "run directory") { $0.runDirectory = "\0" },
    BadState(name: "mountpoint") { $0.mountpoint = "/m\0" },
    BadState(name: "network namespace path") { $0.networkNamespacePath = "/n\0" },
    BadState(name: "health") { $0.health = "\0" },
    BadState(name: "error text") { $0.errorText = "a\0" },
    BadState(name: "a text larger than a row may be") {
      $0.errorText = String(repeating: "x", count: (64 << 20) + 1)
    },
  ]
}
