internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Files changed under a living store")
struct FileFaultTests {
  let fixture: StoreFixture
  let store: StateStore
  let id: ContainerID
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    id = try store.add("abc")
  }

  private func path(_ name: String) -> String { fixture.root + "/" + name }

  /// A file of the store, and what is done to it.
  struct Swap: CustomTestStringConvertible, Sendable {
    let file: String
    let deed: String
    var testDescription: String { "\(file) \(deed)" }
  }

  static let swaps = ["state.db", "state.db-wal", "state.db-shm", "gate"].flatMap { file in
    ["deleted", "renamed", "replaced"].map { Swap(file: file, deed: $0) }
  }

  @Test(
    "D-4: a store file deleted, renamed or replaced under a living store: `storeReplaced`, never a success",
    arguments: swaps)
  func replaced(swap: Swap) throws {
    let file = path(swap.file)
    switch swap.deed {
    case "deleted": #expect(unlink(file) == 0)
    case "renamed": #expect(rename(file, file + ".old") == 0)
    default:
      let bytes = try readBytes(atPath: file)
      #expect(rename(file, file + ".old") == 0)
      try write("", toPath: file)
      let descriptor = open(file, O_WRONLY | O_CLOEXEC)
      #expect(bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } == bytes.count)
      close(descriptor)
    }
    let error = expectError(.storeReplaced) { try store.change(id) { $0.status = .created } }
    #expect(error?.subject == file)
    expectError(.storeReplaced) { try store.add("def") }
    expectError(.storeReplaced) { try store.remove(id) }
    if swap.file != "gate" { expectError(.storeReplaced) { try store.makeDurable() } }
    // Nothing of the refused changes is in what was put aside, nor on disk beside it.
    #expect(fixture.leftovers() == ["abc.lock", "abc.json"])
  }

  @Test("D-4: a store whose directory was moved is replaced, whatever stands in its place", arguments: 0..<3)
  func movedDirectory(place: Int) throws {
    let names = ["state.db", "state.db-wal", "state.db-shm", "gate"]
    // Long enough ago that a look at the directory stands for those at the files.
    try waitUntilNamesSettle(inDirectory: fixture.root)
    for _ in 0..<2 { try store.change(id) { $0.restartCount += 1 } }
    let away = fixture.root + ".away"
    try #require(rename(fixture.root, away) == 0)
    if place > 0 { try #require(mkdir(fixture.root, 0o700) == 0 && mkdir(path("locks"), 0o700) == 0) }
    if place > 1 {
      // What a copy of hard links is: the same files, until one of them is replaced there.
      for name in names { try #require(link(away + "/" + name, path(name)) == 0) }
      try #require(unlink(path("state.db")) == 0)
      try write("", toPath: path("state.db"))
    }
    let error = #expect(throws: StoreError.self) { try store.change(id) { $0.restartCount += 1 } }
    let expected: [StoreError.Code] = [.storeReplaced, .storeReplaced, .unsafePermissions]
    #expect(error?.code == expected[place])
    if place == 2 { #expect(error?.message.contains("has 2 names") == true) }
    #expect(throws: StoreError.self) { try store.makeDurable() }
    if place > 0 { try #require(rename(fixture.root, fixture.root + ".new") == 0) }
    try #require(rename(away, fixture.root) == 0)
    for name in names { _ = unlink(fixture.root + ".new/" + name) }
    try store.change(id) { $0.restartCount += 1 }
    #expect(try store.state(of: id).restartCount == 3)
    try expectClean(store)
  }

  @Test("D-4: files that were moved into a directory in the place of theirs serve, until one is replaced")
  func movedFiles() throws {
    try waitUntilNamesSettle(inDirectory: fixture.root)
    for _ in 0..<2 { try store.change(id) { $0.restartCount += 1 } }
    let (new, old) = (fixture.root + ".new", fixture.root + ".old")
    try #require(mkdir(new, 0o700) == 0)
    for name in entries(ofDirectory: fixture.root) {
      try #require(rename(path(name), new + "/" + name) == 0, "\(name)")
    }
    try #require(rename(fixture.root, old) == 0 && rename(new, fixture.root) == 0)
    for directory in [fixture.root, old] { try waitUntilNamesSettle(inDirectory: directory) }
    for _ in 0..<2 { try store.change(id) { $0.restartCount += 1 } }
    try #require(rename(path("state.db"), path("state.db.away")) == 0)
    expectError(.storeReplaced) { try store.change(id) { $0.restartCount += 1 } }
    try #require(rename(path("state.db.away"), path("state.db")) == 0)
    try store.change(id) { $0.restartCount += 1 }
    #expect(try store.state(of: id).restartCount == 5)
  }

  @Test("15: a database that was moved away is not made anew beside its WAL, and serves again later")
  func movedAway() throws {
    let away = fixture.directory.path("away")
    try #require(rename(fixture.databasePath, away) == 0)
    expectError(.storeReplaced) { try fixture.open() }
    #expect(status(ofPath: fixture.databasePath) == nil)
    try #require(rename(away, fixture.databasePath) == 0)
    #expect(try fixture.open().hasContainer(id))
    #expect(try store.verify().isEmpty)
  }

  @Test("15: a database removed with its WAL gives way to a new one, whoever still has the old one open")
  func removedForGood() throws {
    try #require(unlink(fixture.databasePath) == 0 && unlink(fixture.databasePath + "-wal") == 0)
    let fresh = try fixture.open()
    #expect(try fresh.containers().isEmpty)
    let id = try fresh.add("new")
    expectError(.storeReplaced) { try store.add("old") }
    #expect(try fresh.hasContainer(id))
    #expect(try fresh.verify().filter { $0.rule == "database" }.isEmpty)
  }

  @Test("D-6: what lies in the lock directory and is no lockfile is never opened, not even the store itself")
  func foreignFilesAmongLocks() throws {
    let root = fixture.directory.path("other")
    let location = StoreLocation(root: root, lockDirectory: root)
    let store = try StateStore(at: location)
    let id = try store.add("abc")
    let foreign = ["notes", ".lock", "a b.lock", "-.lock"].map { root + "/" + $0 }
    for path in foreign { try write("somebody else's", toPath: path) }
    try store.close()
    let again = try StateStore(at: location)
    #expect(try again.recover() == RecoveryReport())
    #expect(try again.lockReport().map(\.subject) == ["gate", "abc"])
    try expectClean(again)
    for path in foreign { #expect(try readText(atPath: path) == "somebody else's") }
    try again.change(id) { $0.status = .created }
    try again.close()
    #expect(try StateStore(at: location).state(of: id).status == .created)
  }

  @Test("D-4: a store that was replaced is used again after it has been opened again")
  func reopened() throws {
    #expect(unlink(path("gate")) == 0)
    expectError(.storeReplaced) { try store.change(id) { $0.status = .created } }
    try store.close()
    let again = try fixture.open()
    try again.change(id) { $0.status = .created }
    try expectClean(again)
    try again.close()
  }

  @Test(
    "D-6: other code that opens and closes a store file costs no commit and no life, in writer or neighbour")
  func strayCloses() throws {
    let child = try fixture.child()
    try child.succeed("open")
    var count = 0
    for file in ["state.db", "state.db-wal", "state.db-shm", "gate", "locks/abc.lock"] {
      let descriptor = open(path(file), O_RDWR | O_CLOEXEC)
      #expect(descriptor >= 0, "\(file)")
      close(descriptor)
      try child.succeed("stray \(file)")
      // A newcomer is the one that would truncate an index nobody seems to use.
      let newcomer = try fixture.child()
      try newcomer.succeed("open")
      for _ in 0..<3 {
        try store.change(id) { $0.restartCount += 1 }
        try child.succeed("count abc 1")
        try newcomer.succeed("count abc 1")
        count += 3
      }
      try newcomer.succeed("close")
      #expect(try Int(store.state(of: id).restartCount) == count, "\(file)")
      #expect(try child.succeed("get abc") == "name-abc configured \(count + 1) \(count) -")
    }
    try expectClean(store)
  }

  @Test(
    "L-11: a lock lost to foreign code is `lockLost` at the next update after another process changed the row"
  )
  func lostLock() throws {
    let child = try fixture.child()
    try child.succeed("open")
    try child.send("hold-update abc")
    try child.expect("holding")
    // The stray close in the child is its own thread's business only, so it happens here: this process holds.
    try child.send("go on")
    try child.expect("ok")
    try store.withLockedContainer(id, wait: .none) { locked in
      let descriptor = open(fixture.lockFile(id), O_RDWR | O_CLOEXEC)
      close(descriptor)
      try child.succeed("count abc 1")
      let error = expectError(.lockLost) { try locked.update { $0.restartCount = 99 } }
      #expect(error?.subject == "abc")
      expectError(.lockLost) { try locked.remove() }
      expectError(.lockLost) { try locked.setStateExtra(nil) }
    }
    #expect(try store.state(of: id).restartCount == 2)
    try store.change(id) { $0.restartCount += 1 }
    try expectClean(store)
  }

  @Test("L-11: a container removed and added again under a lost lock is `removed`, not overwritten")
  func lostToAnotherRow() throws {
    let child = try fixture.child()
    try child.succeed("open")
    try store.withLockedContainer(id, wait: .none) { locked in
      let descriptor = open(fixture.lockFile(id), O_RDWR | O_CLOEXEC)
      close(descriptor)
      try child.succeed("remove abc")
      try child.succeed("add abc again")
      expectError(.removed) { try locked.update { $0.restartCount = 99 } }
      expectError(.removed) { try locked.remove() }
    }
    #expect(try store.container(id).name == "again")
    #expect(try store.state(of: id).restartCount == 0)
    #expect(fixture.leftovers().contains("abc.json"))
    try expectClean(store)
  }

  @Test("23: a lock directory removed under a living store is a typed error; made again, all is well")
  func lockDirectoryGone() throws {
    #expect(unlink(fixture.lockFile(id)) == 0)
    #expect(rmdir(path("locks")) == 0)
    expectError(.storeReplaced) { try store.change(id) { $0.status = .created } }
    expectError(.storeReplaced) { try store.add("def") }
    expectError(.storeReplaced) { try store.verify() }
    #expect(try store.containers().count == 1)
    let again = try fixture.open()
    try again.change(id) { $0.status = .created }
    try store.change(id) { $0.restartCount = 1 }
    try expectClean(store)
  }

  @Test("23: a specification directory removed under a living store is made again by the next add or access")
  func specificationDirectoryGone() throws {
    #expect(unlink(fixture.specificationFile(id)) == 0)
    #expect(rmdir(path("specs")) == 0)
    try expectClean(store)
    let other = try store.add("def")
    #expect(try readBytes(atPath: fixture.specificationFile(other)) == sampleSpecification.bytes)
    #expect(try #require(status(ofPath: path("specs"))).st_mode & 0o7777 == 0o700)
    try store.remove(id)
    try expectClean(store)
  }

  /// What may be in the place of a lockfile.
  static let unsafePaths = [
    "symbolic link", "FIFO", "directory", "socket", "foreign-owned", "world-writable", "several links",
  ]

  private func put(_ kind: String, at path: String) throws {
    unlink(path)
    switch kind {
    case "symbolic link": #expect(symlink("/etc/passwd", path) == 0)
    case "FIFO": #expect(mkfifo(path, 0o600) == 0)
    case "directory": #expect(mkdir(path, 0o700) == 0)
    case "socket": #expect(mknod(path, S_IFSOCK | 0o600, 0) == 0)
    case "foreign-owned":
      try write("", toPath: path)
      #expect(chown(path, 12345, 12345) == 0)
    case "world-writable": try write("", toPath: path, mode: 0o666)
    default:
      try write("", toPath: path)
      #expect(link(path, path + ".second") == 0)
    }
  }

  @Test("L-9: what is no lockfile in the place of one is refused without a hang", arguments: unsafePaths)
  func unsafeLockFile(kind: String) throws {
    let other = try ContainerID("def")
    try put(kind, at: fixture.lockFile(other))
    expectError(.unsafePermissions, kind) { try store.add("def") }
    #expect(try store.hasContainer(other) == false)
    #expect(entries(ofDirectory: path("specs")) == ["abc.json"])
    #expect(status(ofPath: fixture.lockFile(other)) != nil)
    #expect(try store.verify().contains { $0.rule == "L-9" }, "\(kind)")
    try store.change(id) { $0.status = .created }
  }

  @Test(
    "L-9: what is no gate and no database in their places is refused without a hang", arguments: unsafePaths)
  func unsafeGateAndDatabase(kind: String) throws {
    try store.close()
    for file in ["gate", "state.db"] {
      #expect(rename(path(file), path("kept")) == 0)
      try put(kind, at: path(file))
      let error = #expect(throws: StoreError.self, "\(file) \(kind)") { try fixture.open().close() }
      #expect(
        [.unsafePermissions, .notDatabase].contains(error?.code),
        "\(file) \(kind): \(String(describing: error))")
      unlink(path(file))
      rmdir(path(file))
      unlink(path(file + ".second"))
      #expect(rename(path("kept"), path(file)) == 0)
    }
    try fixture.open().close()
  }
}
