internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Opening and closing")
struct OpeningTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  @Test(
    "opening makes what is missing, with modes 0700 and 0600, and the three places can be chosen separately")
  func places() throws {
    let directory = fixture.directory
    let location = StoreLocation(
      root: directory.path("a/b/store"), lockDirectory: directory.path("run/locks"),
      specificationDirectory: directory.path("c/specs"))
    let store = try StateStore(at: location)
    let id = try store.add("abc")
    for path in [location.root, location.lockDirectory ?? "", location.specificationDirectory ?? ""] {
      #expect(try #require(status(ofPath: path)).st_mode & 0o7777 == 0o700, "\(path)")
    }
    #expect(entries(ofDirectory: directory.path("run/locks")) == ["abc.lock"])
    #expect(entries(ofDirectory: directory.path("c/specs")) == ["abc.json"])
    for name in ["state.db", "state.db-wal", "state.db-shm", "gate"] {
      #expect(try #require(status(ofPath: location.root + "/" + name)).st_mode & 0o7777 == 0o600, "\(name)")
    }
    #expect(
      entries(ofDirectory: location.root) == ["gate", "reserve", "state.db", "state.db-shm", "state.db-wal"])
    try store.remove(id)
    #expect(entries(ofDirectory: directory.path("run/locks")) == [])
    try store.close()
  }

  @Test("L-13: a store is not made while somebody else is inside its gate")
  func creationBehindTheGate() throws {
    #expect(mkdir(fixture.root, 0o700) == 0)
    let other = try ChildProcess(role: "locks", [fixture.root])
    try other.expect("ready")
    try other.send("enter none")
    try other.expect("entered")
    var hasty = fixture
    hasty.options.operationTimeout = .milliseconds(20)
    let error = expectError(.lockTimeout) { try hasty.open() }
    #expect(error?.holder?.pid == other.pid)
    #expect(status(ofPath: fixture.databasePath) == nil)
    try other.send("leave")
    try other.expect("left")
    try hasty.open().close()
  }

  @Test("opening an existing store finds what was there and writes nothing")
  func reopening() throws {
    let first = try fixture.open()
    let id = try first.add("abc")
    try first.close()
    let before = try readBytes(atPath: fixture.databasePath + "-wal")
    let second = try fixture.open()
    #expect(try second.container(id).name == "name-abc")
    try second.close()
    #expect(try readBytes(atPath: fixture.databasePath + "-wal") == before)
  }

  @Test("a second close is `closed`, and so is every call after the first", arguments: ClosedCall.all)
  func closed(call: ClosedCall) throws {
    let store = try fixture.open()
    let id = try store.add("abc")
    let handle = try store.handle(for: id)
    try store.close()
    let error = expectError(.closed, call.name) { try call.body(store, handle) }
    #expect(error?.operation.isEmpty == false)
    #expect(error?.message.contains("open it again") == true)
  }

  @Test("a handle of a removed container is `closed` after the close, as everything is")
  func closedHandleOfRemovedContainer() throws {
    let store = try fixture.open()
    let id = try store.add("abc")
    let handle = try store.handle(for: id)
    try store.remove(id)
    expectError(.notFound) { try handle.refresh() }
    try store.close()
    expectError(.closed) { try handle.refresh() }
  }

  @Test("a store closed inside a lock's scope refuses what follows there, and the scope still ends")
  func closeInsideScope() throws {
    let store = try fixture.open()
    let id = try store.add("abc")
    try store.withLockedContainer(id, wait: .none) { locked in
      try store.close()
      expectError(.closed) { try locked.update { $0.restartCount = 1 } }
      expectError(.closed) { try locked.specification() }
      expectError(.closed) { try locked.remove() }
    }
    let again = try fixture.open()
    try again.withLockedContainer(id, wait: .none) { #expect($0.state.restartCount == 0) }
    try expectClean(again)
    try again.close()
  }

  @Test("a store that is let go without a close leaves nothing to repair")
  func forgotten() throws {
    do { try fixture.open().add("abc") }
    let store = try fixture.open()
    #expect(try store.containers().map(\.id.rawValue) == ["abc"])
    try expectClean(store)
    try store.close()
  }

  @Test(
    "one store opened twice in a process is two stores of one truth, and the close of one leaves the other")
  func twiceInOneProcess() throws {
    let first = try fixture.open()
    let second = try fixture.open()
    let id = try first.add("abc")
    #expect(try second.container(id).id == id)
    try second.withLockedContainer(id, wait: .none) { _ in
      _ = expectError(.wouldDeadlock) { try first.withLockedContainer(id, wait: .none) { _ in } }
    }
    try first.close()
    try second.change(id) { $0.status = .created }
    #expect(try second.container(id).stateRevision == 2)
    try expectClean(second)
    try second.close()
  }

  @Test("a runtime identity that differs names the field, both values and how to proceed")
  func identity() throws {
    var fixture = fixture
    fixture.options.runtimeIdentity = RuntimeIdentity(
      staticDirectory: "/s", temporaryDirectory: "/t", runRoot: "/r", graphRoot: "/g", graphDriver: "overlay")
    try fixture.open().close()
    let fields: [(String, WritableKeyPath<RuntimeIdentity, String>)] = [
      ("static directory", \.staticDirectory), ("temporary directory", \.temporaryDirectory),
      ("run root", \.runRoot), ("graph root", \.graphRoot), ("graph driver", \.graphDriver),
    ]
    for (name, field) in fields {
      var other = fixture
      let recorded = other.options.runtimeIdentity[keyPath: field]
      other.options.runtimeIdentity[keyPath: field] = "elsewhere"
      let error = expectError(.identityMismatch, name) { try other.open() }
      #expect(error?.subject == name)
      for part in [recorded, "elsewhere", "open it with"] { #expect(error?.message.contains(part) == true) }
      // What is not said is not compared.
      other.options.runtimeIdentity[keyPath: field] = ""
      try other.open().close()
    }
    try fixture.open().close()
  }

  @Test("two lock directories would exclude nobody: opening with another is `identityMismatch`")
  func lockDirectory() throws {
    try fixture.open().close()
    var other = fixture.location
    other.lockDirectory = fixture.directory.path("elsewhere")
    let error = expectError(.identityMismatch) { try StateStore(at: other) }
    #expect(error?.subject == "lock directory")
    #expect(error?.message.contains("\(fixture.root)/locks") == true)
    #expect(error?.message.contains("elsewhere") == true)
    other = fixture.location
    other.specificationDirectory = fixture.directory.path("elsewhere")
    #expect(
      expectError(.identityMismatch) { try StateStore(at: other) }?.subject == "specification directory")
  }

  @Test("the lock directory is compared by what it is, not by how it is spelled")
  func symbolicLinks() throws {
    try fixture.open().close()
    let link = fixture.directory.path("link")
    #expect(symlink(fixture.root, link) == 0)
    let store = try StateStore(at: StoreLocation(root: link))
    #expect(store.location.root == fixture.root)
    try store.close()
  }

  @Test("a lock directory that is gone, as after a reboot, is known again behind its symbolic link")
  func missingDirectoryBehindLink() throws {
    let link = fixture.directory.path("link")
    try #require(mkdir(fixture.directory.path("tmpfs"), 0o700) == 0)
    #expect(symlink(fixture.directory.path("tmpfs"), link) == 0)
    let location = StoreLocation(root: fixture.root, lockDirectory: link + "/cstate/locks/")
    let locks = try StateStore(at: location).location.lockDirectory
    #expect(locks == fixture.directory.path("tmpfs/cstate/locks"))
    try #require(rmdir(locks) == 0 && rmdir(fixture.directory.path("tmpfs/cstate")) == 0)
    #expect(try StateStore(at: location).location.lockDirectory == locks)
  }

  @Test("files that are no store of this kind are refused by their own code, and left as they are")
  func foreignFiles() throws {
    let other = try StoreFixture()
    mkdir(other.root, 0o700)
    try write(
      "no database at all, only a longer text than the header of one has bytes, so that it is read "
        + "and not taken for an empty one", toPath: other.databasePath)
    let before = try readBytes(atPath: other.databasePath)
    expectError(.notDatabase) { try other.open() }
    #expect(try readBytes(atPath: other.databasePath) == before)

    let foreign = try StoreFixture()
    mkdir(foreign.root, 0o700)
    try foreign.shell("PRAGMA application_id=1; CREATE TABLE t (a); INSERT INTO t VALUES (7);")
    chmod(foreign.databasePath, 0o600)
    expectError(.notDatabase) { try foreign.open() }
    #expect(try foreign.shell("SELECT a FROM t;") == "7\n")
  }

  @Test("a rollback journal and a newer or older schema are refused by their own code")
  func otherVersions() throws {
    try fixture.open().close()
    try fixture.shell("PRAGMA user_version=7;")
    let error = expectError(.schemaTooNew) { try fixture.open() }
    #expect(error?.message.contains("7") == true)
    try fixture.shell("PRAGMA user_version=\(Schema.current.version);")
    try fixture.open().close()
    try fixture.shell("PRAGMA journal_mode=DELETE;")
    expectError(.notDatabase) { try fixture.open() }
    try fixture.shell("PRAGMA journal_mode=WAL;")
    try fixture.open().close()
  }
}

/// A call on a store that has been closed.
struct ClosedCall: CustomTestStringConvertible, Sendable {
  let name: String
  let body: @Sendable (StateStore, ContainerHandle) throws -> Void
  var testDescription: String { name }

  static let all: [ClosedCall] = [
    ClosedCall(name: "close") { store, _ in try store.close() },
    ClosedCall(name: "container") { store, handle in _ = try store.container(handle.id) },
    ClosedCall(name: "look up") { store, _ in _ = try store.lookUpContainer("abc") },
    ClosedCall(name: "has") { store, handle in _ = try store.hasContainer(handle.id) },
    ClosedCall(name: "state") { store, handle in _ = try store.state(of: handle.id) },
    ClosedCall(name: "specification") { store, handle in _ = try store.specification(of: handle.id) },
    ClosedCall(name: "containers") { store, _ in _ = try store.containers() },
    ClosedCall(name: "summaries") { store, _ in _ = try store.containerSummaries() },
    ClosedCall(name: "read") { store, _ in try store.read { _ in } },
    ClosedCall(name: "add") { store, _ in try store.add("def") },
    ClosedCall(name: "lock") { store, handle in
      try store.withLockedContainer(handle.id, wait: .none) { _ in }
    },
    ClosedCall(name: "lock several") { store, handle in
      try store.withLockedContainers([handle.id], wait: .none) { _ in }
    },
    ClosedCall(name: "handle") { store, handle in _ = try store.handle(for: handle.id) },
    ClosedCall(name: "refresh") { _, handle in _ = try handle.refresh() },
    ClosedCall(name: "recover") { store, _ in _ = try store.recover() },
    ClosedCall(name: "verify") { store, _ in _ = try store.verify() },
    ClosedCall(name: "facts") { store, _ in _ = try store.facts() },
    ClosedCall(name: "locks") { store, _ in _ = try store.lockReport() },
    ClosedCall(name: "database locks") { store, _ in _ = try store.databaseLockReport() },
    ClosedCall(name: "make durable") { store, _ in try store.makeDurable() },
    ClosedCall(name: "pod") { store, handle in _ = try store.pod(handle.id) },
    ClosedCall(name: "look up pod") { store, _ in _ = try store.lookUpPod("abc") },
    ClosedCall(name: "has pod") { store, handle in _ = try store.hasPod(handle.id) },
    ClosedCall(name: "pods") { store, _ in _ = try store.pods() },
    ClosedCall(name: "pod summaries") { store, _ in _ = try store.podSummaries() },
    ClosedCall(name: "volume summaries") { store, _ in _ = try store.volumeSummaries() },
    ClosedCall(name: "add pod") { store, _ in try store.addPod("pod") },
    ClosedCall(name: "lock pod") { store, handle in try store.withLockedPod(handle.id, wait: .none) { _ in }
    },
    ClosedCall(name: "remove pod") { store, handle in try store.removePod(handle.id, wait: .none) },
    ClosedCall(name: "members") { store, handle in _ = try store.members(ofPod: handle.id) },
    ClosedCall(name: "lock records") { store, handle in
      try store.withLockedRecords(containers: [handle.id], wait: .none) { _ in }
    },
    ClosedCall(name: "remove several") { store, handle in try store.remove([handle.id], wait: .none) },
    ClosedCall(name: "dependants") { store, handle in _ = try store.dependants(of: handle.id) },
    ClosedCall(name: "dependencies") { store, handle in _ = try store.dependencies(of: handle.id) },
    ClosedCall(name: "networks") { store, handle in _ = try store.networks(of: handle.id) },
    ClosedCall(name: "exec sessions") { store, _ in _ = try store.execSessions() },
    ClosedCall(name: "exit code") { store, handle in _ = try store.exitCode(of: handle.id) },
    ClosedCall(name: "record exit code") { store, handle in
      try store.recordExitCode(of: handle.id, code: 0)
    },
    ClosedCall(name: "prune exit codes") { store, _ in try store.pruneExitCodes() },
    ClosedCall(name: "changes") { store, _ in _ = try ChangeReader(store) },
    ClosedCall(name: "last change") { store, _ in _ = try store.lastChange() },
  ]
}
