internal import Glibc
internal import Platform
internal import SQLiteStorage
internal import StoreTestSupport
internal import Testing

@Suite("Other code in the process, forks and closes")
struct ProcessTests {
  /// A write, and a sum over everything, by processes that had nothing to do with the trouble.
  private func expectHealthy(_ fixture: Fixture, rows: Int) throws {
    let witness = try fixture.child()
    try witness.order("open")
    try witness.order("add 1")
    #expect(try witness.order("count") == "\(rows + 1)")
    #expect(try fixture.shell("PRAGMA integrity_check;") == "ok\n")
  }

  @Test(
    "D-6: a stray open and close inside the process costs neither commits nor the process",
    arguments: ["", "-wal", "-shm"], [false, true])
  func strayClose(suffix: String, hasOtherOpener: Bool) throws {
    let fixture = try Fixture()
    let victim = try fixture.child()
    try victim.order("open")
    let other = hasOtherOpener ? try fixture.child() : nil
    try other?.order("open")
    try victim.order("add 50")
    try victim.order("stray \(suffix)")
    // A process that opens now must not believe it is the first one, which truncates -shm.
    let latecomer = try fixture.child()
    try latecomer.order("open")
    #expect(try latecomer.order("count") == "50")
    try latecomer.order("add 50")
    try latecomer.order("close")
    #expect(try victim.order("count") == "100")
    try victim.order("add 50")
    #expect(try (other ?? victim).order("count") == "150")
    try other?.order("close")
    try victim.order("add 1")
    try victim.order("close")
    try expectHealthy(fixture, rows: 151)
  }

  @Test("D-6: after a stray close of -shm the next opener does not truncate it under the process")
  func nextOpener() throws {
    let fixture = try Fixture()
    let victim = try fixture.child()
    try victim.order("open")
    try victim.order("add 3")
    try victim.order("stray -shm")
    // One who thinks it is the first truncates the index and writes it anew: this one dies in between, and
    // whoever reads the index then gets SIGBUS.
    let opener = try ChildProcess.run(
      executable: "/usr/bin/strace",
      ["-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", "inject=pwrite64:signal=KILL:when=1"]
        + [try buildDirectory() + "/store-test-child", "storage", fixture.path],
      input: "open\ncount\n")
    #expect(try victim.order("count") == "3")
    #expect(opener.status == .code(0) && opener.output.contains("ok 3"), "\(opener)")
  }

  @Test("D-6: the guard holds on to the byte of -shm that a stray close takes from SQLite")
  func guardHolds() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    let stranger = try fixture.child()
    try stranger.order("open")
    #expect(try database.isOpenElsewhere() == true)
    try stranger.order("stray -shm")
    #expect(try database.isOpenElsewhere() == true, "the guard still holds the byte that SQLite lost")
    try stranger.order("close")
    #expect(try database.isOpenElsewhere() == false)
  }

  @Test("D-6: two handles of one process do not take each other's locks when one closes")
  func twoHandles() throws {
    let fixture = try Fixture()
    try fixture.create()
    let child = try fixture.child()
    try child.order("open")
    let (first, second) = (try fixture.open(), try fixture.open())
    try first.add()
    try first.close()
    #expect(try child.order("elsewhere") == "true")
    #expect(try second.count() == 1)
    try second.close()
    #expect(try child.order("elsewhere") == "false")
  }

  @Test(
    "a forked child gets usedAfterFork from everything, and the parent is unharmed",
    arguments: ["read", "write", "close", "open", "forget"])
  func fork(use: String) throws {
    let fixture = try Fixture()
    let parent = try fixture.child()
    try parent.order("open")
    try parent.order("add 20")
    #expect(try parent.order("fork \(use)") == "0")
    let stranger = try fixture.child()
    try stranger.order("open")
    try stranger.order("add 1")
    #expect(try stranger.order("elsewhere") == "true", "the parent still has it open")
    #expect(try parent.order("count") == "21")
    try parent.order("add 1")
    try parent.order("close")
    #expect(try stranger.order("elsewhere") == "false")
    try expectHealthy(fixture, rows: 22)
  }

  @Test("a forked child that lives on does not keep the database open for its parent")
  func lingeringChild() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    let parent = try fixture.child()
    try parent.order("open")
    let child = try #require(Int32(try parent.order("linger")))
    #expect(try database.isOpenElsewhere() == true)
    try parent.order("close")
    #expect(kill(child, 0) == 0)
    #expect(try database.isOpenElsewhere() == false)
  }

  @Test("after a close every call is closed, a second close too")
  func closed() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    try database.close()
    #expect(failure { try database.close() } == .closed)
    #expect(failure { try database.count() } == .closed)
    #expect(failure { try database.read { _ in } } == .closed)
    #expect(failure { try database.add() } == .closed)
    #expect(failure { try database.makeDurable(deadlineNanoseconds: soon) } == .closed)
    #expect(failure { try database.checkpoint(deadlineNanoseconds: soon) } == .closed)
  }

  @Test("a close lets an operation that is under way finish")
  func closeUnderWay() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 2)
    try database.read { connection in
      #expect(try connection.countItems() == 2)
      try database.close()
      #expect(try connection.countItems() == 2)
    }
    let next = try fixture.open()
    #expect(try next.isOpenElsewhere() == false, "and then nothing is left open")
  }

  @Test(
    "an open waits for another process's recovery of the WAL, not for ever, and takes over from a dead one")
  func recovery() throws {
    var fixture = try Fixture()
    fixture.options.walFramesLeftAtClose = .max
    try fixture.opened(rows: 10).close()
    // Stopped when it reads the WAL to index it, with the locks that keep others from doing the same.
    let recoverer = try ChildProcess(
      executable: "/usr/bin/strace",
      ["-qq", "-o", "/dev/null", "-P", fixture.path + "-wal", "-e", "inject=pread64:signal=STOP:when=1"]
        + [try buildDirectory() + "/store-test-child", "storage", fixture.path])
    try recoverer.send("open")
    try waitUntil("the recoverer to hold SQLite's recovery lock") {
      let inode = try #require(status(ofPath: fixture.path + "-shm")).st_ino
      return try readText(atPath: "/proc/locks").split(separator: "\n").contains { line in
        line.contains("WRITE") && line.contains(":\(inode) 120 122")
      }
    }
    fixture.options.recoveryWaitMilliseconds = 20
    #expect(failure { try fixture.open() } == .busy)
    recoverer.killGroup()
    fixture.options.recoveryWaitMilliseconds = 10_000
    #expect(try fixture.open().count() == 10)
  }

  @Test("last closes against opens by six processes lose nothing")
  func closeAgainstOpen() throws {
    let fixture = try Fixture()
    let children = try (0..<6).map { _ in try fixture.child() }
    let rounds = scaled(15)
    for round in 0..<rounds {
      for child in children { for command in ["open", "add 40", "close"] { try child.send(command) } }
      for child in children { for _ in 0..<3 { try child.expect("ok", within: .seconds(30)) } }
      if round == 0 { #expect(try fixture.open().count() == 240) }
    }
    try expectHealthy(fixture, rows: 6 * 40 * rounds)
  }

  @Test("many threads read and write one handle, and idle connections stay few")
  func threads() async throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<20 {
            try database.add()
            #expect(try database.count() > 0)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try database.count() == 160)
    #expect(descriptors(below: fixture.path).count <= 3 * fixture.options.idleConnections + 1)
  }

  @Test("who holds SQLite's locks can be read from /proc/locks")
  func locks() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    let writer = try fixture.child()
    try writer.order("open")
    try writer.send("hold")
    try writer.expect("holding")
    let index = database.sharedMemoryIdentity
    let holders = try readText(atPath: "/proc/locks").split(separator: "\n").compactMap { line -> Int32? in
      let words = line.split(separator: " ")
      guard words.count == 8, words[5].split(separator: ":").last == "\(index.inode)",
        let start = UInt64(words[6]), words[3] == "WRITE",
        database.meaning(ofLockOn: index, startByte: start) == .write
      else { return nil }
      return Int32(words[4])
    }
    #expect(holders == [writer.pid])
    #expect(database.meaning(ofLockOn: index, startByte: 128) == .open)
    #expect(database.meaning(ofLockOn: database.identity, startByte: 0x4000_0002) == .shared)
    #expect(database.meaning(ofLockOn: FileIdentity(device: 0, inode: 0), startByte: 120) == nil)
    try writer.send("")
    try writer.expect("ok")
  }
}
