internal import Glibc
internal import SQLiteStorage
internal import StoreTestSupport
internal import Testing

@Suite("Opening and creating a database")
struct OpeningTests {
  @Test("files are private whatever the umask, and a stranger's umask does not matter")
  func modes() throws {
    let fixture = try Fixture()
    let child = try ChildProcess.run(
      executable: "/bin/sh",
      [
        "-c", "umask 000; echo open | exec \"$0\" storage \"$1\"", try buildDirectory() + "/store-test-child",
        fixture.path,
      ])
    #expect(child.output.contains("ok"), "\(child)")
    for suffix in ["", "-wal", "-shm"] {
      #expect(status(ofPath: fixture.path + suffix)?.st_mode == S_IFREG | 0o600, "state.db\(suffix)")
    }
  }

  @Test("a path that holds nothing, or an empty file, is told apart from a database")
  func nothingThere() throws {
    let fixture = try Fixture()
    #expect(failure { try fixture.open() } == .missing)
    try write("", toPath: fixture.path)
    #expect(failure { try fixture.open() } == .incomplete)
    #expect(status(ofPath: fixture.path)?.st_size == 0)
    try fixture.create()
    #expect(try fixture.open().count() == 0)
  }

  @Test("creating again finds the database finished and leaves it alone")
  func createTwice() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 3)
    try fixture.create()
    #expect(try database.count() == 3)
    #expect(try fixture.open().count() == 3)
  }

  @Test("a creation whose schema fails leaves a file that the next one finishes")
  func failedCreation() throws {
    let fixture = try Fixture()
    #expect(throws: RecordingGate.Refused.self) {
      try Database.create(path: fixture.path, options: fixture.options, deadlineNanoseconds: soon) {
        connection in
        try connection.execute("CREATE TABLE item (id INTEGER)")
        throw RecordingGate.Refused()
      }
    }
    #expect(failure { try fixture.open() } == .incomplete)
    #expect(try fixture.opened(rows: 1).count() == 1)
  }

  @Test("a creation waits until its deadline for a foreign program that has locked the empty file")
  func creationBehindForeignLock() throws {
    let fixture = try Fixture()
    try write("", toPath: fixture.path, mode: 0o600)
    for foreign in ["BEGIN IMMEDIATE", "BEGIN; SELECT count(*) FROM sqlite_schema"] {
      let shell = try ChildProcess(executable: "/usr/bin/sqlite3", [fixture.path])
      try shell.send("\(foreign); SELECT 'begun';")
      while try shell.line() != "begun" {}
      let deadline = Deadline.after(.milliseconds(100))
      let code = failure {
        try Database.create(
          path: fixture.path, options: fixture.options, deadlineNanoseconds: deadline.nanoseconds
        ) { _ in }
      }
      #expect(code == .busy)
      #expect(deadline.isPast, "\(foreign)")
      shell.killGroup()
      try shell.waitForExit()
    }
    #expect(try fixture.opened(rows: 1).count() == 1)
  }

  @Test("a creation waits until its deadline for a foreign program that copies the new WAL back")
  func creationBehindForeignCheckpoint() throws {
    let fixture = try Fixture()
    let deadline = Deadline.after(.milliseconds(100))
    var foreign: ChildProcess?
    let code = failure {
      try Database.create(
        path: fixture.path, options: fixture.options, deadlineNanoseconds: deadline.nanoseconds
      ) { _ in
        // Byte 121 of the index is the lock of whoever copies back: https://sqlite.org/walformat.html#wal_locks
        foreign = try ChildProcess(role: "hold-byte", [fixture.path + "-shm", "121"])
        try foreign?.expect("holding")
      }
    }
    #expect(code == .busy)
    #expect(deadline.isPast)
    try foreign?.send("go")
    try foreign?.waitForExit()
    #expect(try fixture.open().readOne { $0.inTransaction } == false, "it is finished nevertheless")
  }

  @Test("a creator killed at any system call that changes a file leaves what the next opener completes")
  func killedCreator() throws {
    // The first creation is counted, then one is killed at each of its calls.
    let calls = "mknod,pwrite64,fdatasync,fsync,ftruncate,unlink"
    for n in 1...40 {
      let fixture = try Fixture()
      let killed = try ChildProcess.run(
        executable: "/usr/bin/strace",
        [
          "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(calls)", "-e",
          "inject=\(calls):signal=KILL:when=\(n)",
          try buildDirectory() + "/store-test-child", "storage", fixture.path,
        ],
        input: "open\n")
      let child = try fixture.child()
      #expect(try child.ask("open") == "ok ", "after a kill at call \(n)")
      #expect(try child.ask("add 1") == "ok 1", "after a kill at call \(n)")
      if killed.status == .code(0) {
        #expect(n > 8, "a creation makes more than \(n) such calls")
        return
      }
    }
    Issue.record("a creation never ended by itself")
  }

  @Test("eight processes that open first at the same moment all get one schema")
  func creationRace() throws {
    for _ in 0..<scaled(3) {
      let fixture = try Fixture()
      let children = try (0..<8).map { _ in try fixture.child() }
      for child in children { try child.send("open") }
      for child in children { try child.expect("ok") }
      for child in children { try child.send("add 5") }
      for child in children { try child.expect("ok 5") }
      #expect(try children[0].ask("count") == "ok 40")
    }
  }

  @Test("a database of another application is refused and not touched")
  func foreignDatabase() throws {
    let fixture = try Fixture()
    try fixture.shell("CREATE TABLE theirs (a);")
    let before = try readBytes(atPath: fixture.path)
    #expect(failure { try fixture.open() } == .wrongApplicationID(found: 0))
    #expect(failure { try fixture.create() } == .wrongApplicationID(found: 0))
    try fixture.shell("PRAGMA application_id=77;")
    #expect(failure { try fixture.open() } == .wrongApplicationID(found: 77))
    #expect(before.count == status(ofPath: fixture.path).map { Int($0.st_size) })
    #expect(entries(ofDirectory: fixture.directory.path) == ["state.db"])
  }

  @Test("a newer schema is refused, an older one too unless it may be migrated")
  func versions() throws {
    var fixture = try Fixture()
    try fixture.opened().close()
    try fixture.shell("PRAGMA user_version=2;")
    #expect(failure { try fixture.open() } == .schemaTooNew(found: 2, known: 1))
    fixture.options = DatabaseOptions(applicationID: fixture.options.applicationID, schemaVersion: 3)
    #expect(failure { try fixture.open() } == .schemaTooOld(found: 2, oldest: 3))
    fixture.options.oldestSchemaVersion = 1
    #expect(try fixture.open().count() == 0)
  }

  @Test("a database that is not in WAL mode any more is refused")
  func rollbackMode() throws {
    let fixture = try Fixture()
    try fixture.opened().close()
    try fixture.shell("PRAGMA journal_mode=DELETE;")
    #expect(failure { try fixture.open() } == .notWriteAheadLog)
  }

  @Test("bytes that are no database are refused")
  func garbage() throws {
    let fixture = try Fixture()
    try write(String(repeating: "no database ", count: 1_000), toPath: fixture.path)
    #expect(failure { try fixture.open() } == .notADatabase)
    #expect(failure { try fixture.create() } == .notADatabase)
  }

  @Test("a truncated database is corrupt, not empty")
  func truncated() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    #expect(try database.checkpoint(deadlineNanoseconds: soon).isComplete)
    try database.close()
    for suffix in ["-wal", "-shm"] { unlink(fixture.path + suffix) }
    #expect(truncate(fixture.path, 4096) == 0)
    #expect(failure { try fixture.open().count() } == .corrupt)
  }

  @Test(
    "links, directories and FIFOs in the place of the database are refused without hanging"
  )
  func unsafeFiles() throws {
    let fixture = try Fixture()
    try fixture.opened().close()
    let other = fixture.directory.path("other.db")
    let openOther = { try Database(path: other, gate: fixture.gate, options: fixture.options) }
    #expect(symlink(fixture.path, other) == 0)
    #expect(failure(of: openOther) == .unsafeFile)
    unlink(other)
    #expect(link(fixture.path, other) == 0)
    #expect(failure(of: openOther) == .unsafeFile)
    #expect(failure { try fixture.open() } == .unsafeFile)
    unlink(other)
    #expect(mkfifo(other, 0o600) == 0)
    #expect(failure(of: openOther) == .unsafeFile)
    unlink(other)
    #expect(mkdir(other, 0o700) == 0)
    #expect(failure(of: openOther) == .unsafeFile)
    #expect(try fixture.open().count() == 0)
  }

  @Test("no descriptor of the database is inherited over exec")
  func closedOnExec() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    let inherited = descriptors(below: fixture.path).filter { fcntl($0, F_GETFD) & FD_CLOEXEC == 0 }
    #expect(inherited.isEmpty)
    try database.close()
    #expect(descriptors(below: fixture.path).isEmpty, "a close leaves no descriptor")
  }

  @Test("on a read-only file system reads answer and writes say why not")
  func readOnlyFileSystem() throws {
    let (fixture, elsewhere) = (try Fixture(), try TemporaryDirectory())
    try fixture.opened(rows: 3).close()
    let mount = #"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$0" storage "$2" "$3""#
    let reader = try ChildProcess(
      executable: "/usr/bin/unshare",
      ["-rm", "/bin/sh", "-c", mount, try buildDirectory() + "/store-test-child"]
        + [fixture.directory.path, fixture.path, elsewhere.path("gate")])
    try reader.expect("ready")
    try reader.order("open")
    #expect(try reader.order("count") == "3")
    #expect(try reader.ask("add 1") == "error readOnly")
    #expect(try reader.order("count") == "3")
    try reader.order("close")
  }

  @Test("opening an existing database writes nothing and needs no gate")
  func openingWritesNothing() throws {
    let fixture = try Fixture()
    let first = try fixture.opened(rows: 1)
    let before = ["", "-wal"].map { status(ofPath: fixture.path + $0)?.st_mtim.tv_nsec }
    fixture.gate.change { $0.refuses = true }
    let second = try fixture.open()
    #expect(try second.count() == 1)
    try second.close()
    #expect(["", "-wal"].map { status(ofPath: fixture.path + $0)?.st_mtim.tv_nsec } == before)
    #expect(try first.count() == 1)
  }
}
