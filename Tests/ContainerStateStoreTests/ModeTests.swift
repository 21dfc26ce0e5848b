internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Modes, owners and read-only places")
struct ModeTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  @Test(
    "43: directories are 0700 and files 0600 whatever the umask",
    arguments: ["000", "022", "027", "077", "277", "777"])
  func umask(mask: String) throws {
    let child = try fixture.child()
    try child.succeed("umask \(mask)")
    try child.succeed("open")
    try child.succeed("add abc abc")
    for directory in ["", "/locks", "/specs"] {
      #expect(
        try #require(status(ofPath: fixture.root + directory)).st_mode & 0o7777 == 0o700, "\(directory)")
    }
    let files = [
      "state.db", "state.db-wal", "state.db-shm", "gate", "reserve", "locks/abc.lock", "specs/abc.json",
    ]
    for file in files {
      let mode = try #require(status(ofPath: fixture.root + "/" + file)).st_mode & 0o7777
      #expect(mode == 0o600, "\(file) \(String(mode, radix: 8))")
    }
    #expect(try child.succeed("verify") == "[]")
    let store = try fixture.open()
    try store.change(ContainerID("abc")) { $0.status = .created }
    try expectClean(store)
  }

  @Test("43: in a set-gid directory the store is still 0700 and its own")
  func setGroupID() throws {
    let parent = fixture.directory.path("shared")
    #expect(mkdir(parent, 0o700) == 0)
    #expect(chown(parent, 0, 12345) == 0)
    #expect(chmod(parent, 0o2770) == 0)
    let store = try StateStore(at: StoreLocation(root: parent + "/store"))
    try store.add("abc")
    for directory in ["", "/locks", "/specs"] {
      #expect(try #require(status(ofPath: parent + "/store" + directory)).st_mode & 0o777 == 0o700)
    }
    try expectClean(store)
  }

  @Test("43: a directory whose mode drifted to 0777 is refused", arguments: ["", "/locks", "/specs"])
  func directoryDrift(directory: String) throws {
    try fixture.open().close()
    #expect(chmod(fixture.root + directory, 0o777) == 0)
    let error = expectError(.unsafePermissions) { try fixture.open() }
    #expect(error?.subject == fixture.root + directory)
    #expect(error?.message.contains("chmod") == true)
    #expect(chmod(fixture.root + directory, 0o755) == 0)
    let store = try fixture.open()
    #expect(store.warnings.filter { $0.contains("chmod") }.count == 1)
    try store.close()
  }

  @Test("a store that lives in memory says so; lockfiles that do are as they should be")
  func inMemory() throws {
    let (memory, other) = (try TemporaryDirectory(inMemory: true), try TemporaryDirectory())
    func warnings(root: String, locks: String) throws -> [String] {
      let store = try StateStore(at: StoreLocation(root: root, lockDirectory: locks))
      defer { try? store.close() }
      return store.warnings.filter { $0.contains("is in memory") }
    }
    let found = try warnings(root: memory.path("store"), locks: memory.path("store/locks"))
    if memory.path.hasPrefix("/dev/shm/") { #expect(found.count == 1) }
    #expect(found.allSatisfy { $0.hasPrefix(memory.path("store") + " is in memory") })
    let ofLocks = try warnings(root: other.path("store"), locks: memory.path("locks"))
    #expect(!ofLocks.contains { $0.hasPrefix(memory.path("locks")) })
  }

  @Test(
    "43: a file whose mode drifted to 0666 is refused", arguments: ["state.db", "gate", "locks/abc.lock"])
  func fileDrift(file: String) throws {
    let first = try fixture.open()
    let id = try first.add("abc")
    try first.close()
    #expect(chmod(fixture.root + "/" + file, 0o666) == 0)
    expectError(.unsafePermissions) { try fixture.open().change(id) { $0.status = .created } }
    #expect(chmod(fixture.root + "/" + file, 0o600) == 0)
    try fixture.open().change(id) { $0.status = .created }
  }

  @Test(
    "a directory or a database of another user is refused", arguments: ["", "/locks", "/specs", "/state.db"])
  func foreignOwner(path: String) throws {
    try fixture.open().close()
    #expect(chown(fixture.root + path, 12345, 12345) == 0)
    expectError(.unsafePermissions) { try fixture.open() }
  }

  @Test("13: on a read-only file system a store is answered for or refused as `readOnly`, never as empty")
  func readOnlyMount() throws {
    let store = try fixture.open()
    let id = try store.add("abc")
    let root = fixture.root
    #expect(mount(root, root, nil, UInt(MS_BIND), nil) == 0)
    defer { umount2(root, Int32(MNT_DETACH)) }
    #expect(mount(nil, root, nil, UInt(MS_BIND | MS_REMOUNT | MS_RDONLY), nil) == 0)
    // One that was open before goes on, or says why not.
    do {
      #expect(try store.containers().map(\.id) == [id])
    } catch {
      #expect(error.code == .readOnly)
    }
    do {
      #expect(try fixture.open().containers().map(\.id) == [id])
    } catch let error as StoreError {
      #expect(error.code == .readOnly, "\(error)")
      #expect(error.message.contains("mount it writable"))
    }
    #expect(throws: StoreError.self) { try StateStore(at: StoreLocation(root: root + "/new")) }
    #expect(umount2(root, Int32(MNT_DETACH)) == 0)
    let again = try fixture.open()
    try again.change(id) { $0.status = .created }
    try expectClean(again)
  }

  @Test("44: nothing of the store can be opened by another user")
  func otherUser() throws {
    try fixture.open().add("abc")
    let files = ["", "/state.db", "/gate", "/locks/abc.lock", "/specs/abc.json"].map { fixture.root + $0 }
    let script = files.map { "cat \($0) >/dev/null 2>&1 && echo \($0)" }.joined(separator: "; ") + "; true"
    let outcome = try ChildProcess.run(
      executable: "/usr/bin/setpriv",
      ["--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh", "-c", script])
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    #expect(outcome.output == "")
  }
}
