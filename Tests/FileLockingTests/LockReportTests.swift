@testable import FileLocking
internal import Glibc
internal import Platform
internal import StoreTestSupport
internal import Testing

@Suite("Lock report and reaping")
struct LockReportTests {
  let locks: LockFixture
  init() throws { locks = try LockFixture() }

  @Test("the report names holders, waiters and what is free")
  func report() throws {
    let child = try locks.session()
    try child.ask("acquire a none", "granted a")
    let other = try locks.session()
    try other.ask("background a 30000", "started")
    try locks.waitUntilKernelListsWaiter(other.pid, for: "a")
    let grant = try locks.acquire("b")
    try locks.acquire("c").release()
    let report = try locks.report()
    #expect(report.map(\.fileName) == ["a.lock", "b.lock", "c.lock", "gate"])
    #expect(report[0].holder?.process == ProcessIdentity.running(pid: child.pid))
    #expect(report[0].holder?.operation == "hold a")
    #expect(report[0].waiterPIDs == [other.pid])
    #expect(report[1].holder?.process == .current)
    #expect(report[2].holder == nil && report[2].waiterPIDs.isEmpty)
    #expect(grant.isStillHeld() == true)
    try child.ask("release a", "released")
    try other.expect("background granted a")
  }

  @Test("L-15: orphaned lockfiles are reaped under their lock; held and wanted ones stay")
  func reaping() throws {
    let child = try locks.session()
    for key in ["held", "wanted", "orphan"] {
      try child.ask("acquire \(key) none", "granted")
      if key != "held" { try child.ask("release \(key)", "released") }
    }
    #expect(mkfifo(locks.name("strange").path, 0o600) == 0)
    var asked: [String] = []
    let report = try locks.table.reapOrphans(
      among: entries(ofDirectory: locks.directory.path), in: locks.directory.path
    ) { fileName in
      guard fileName != "gate" else { return false }
      asked.append(fileName)
      let other = try? child.ask("acquire \(fileName.dropLast(5)) none", "timeout")
      #expect(other?.hasPrefix("\(getpid()) ") == true, "asked under the lock")
      return fileName == "orphan.lock"
    }
    #expect(asked == ["orphan.lock", "wanted.lock"])
    #expect(report.reaped == ["orphan.lock"])
    #expect(report.held == ["held.lock"])
    #expect(
      report.failures == [
        "strange.lock": .unsafePath(path: locks.name("strange").path, reason: .fifo)
      ])
    #expect(
      entries(ofDirectory: locks.directory.path) == ["gate", "held.lock", "strange.lock", "wanted.lock"])
  }

  @Test("L-15: a lock that was waited for while its file was reaped is granted on a new file")
  func reapedUnderWaiter() throws {
    try locks.acquire("a").release()
    let child = try locks.session()
    _ = try locks.table.reapOrphans(
      among: entries(ofDirectory: locks.directory.path), in: locks.directory.path
    ) { fileName in
      guard fileName == "a.lock" else { return false }
      #expect(throws: Never.self) {
        try child.ask("background a 30000", "started")
        try locks.waitUntilKernelListsWaiter(child.pid, for: "a")
      }
      return true
    }
    try child.expect("background granted a")
  }

  @Test("a lock that moved in the list while it was read, and is shown twice, is given once")
  func repeatedLines() throws {
    let path = locks.directory.path("locks")
    let waiting = "1: -> POSIX  ADVISORY  WRITE 13 08:01:77 0 EOF\n"
    let invisible = "1: -> POSIX  ADVISORY  WRITE 0 08:01:77 0 EOF\n"
    try write(
      "1: POSIX  ADVISORY  WRITE 12 08:01:77 0 EOF\n" + waiting + invisible + waiting + invisible,
      toPath: path)
    #expect(try kernelLocks(path: path).map(\.pid) == [12, 13, 0, 0])
  }

  @Test("lines of /proc/locks are read, waiters and open file descriptions included")
  func kernelLockLines() throws {
    let text = """
      1: POSIX  ADVISORY  WRITE 12 08:01:77 0 EOF
      1: -> POSIX  ADVISORY  READ 13 08:01:77 128 255
      2: OFDLCK ADVISORY  READ -1 fd:00:9 128 128
      3: FLOCK  ADVISORY  WRITE 14 00:19:5 0 EOF
      4: LEASE  ACTIVE    READ 15 103:02:6 0 EOF
      no lock at all
      """
    let path = locks.directory.path("locks")
    try write(text, toPath: path)
    let found = try kernelLocks(path: path)
    #expect(found.map(\.pid) == [12, 13, -1, 14, 15])
    #expect(found.map(\.isWaiting) == [false, true, false, false, false])
    #expect(found.map(\.isWrite) == [true, false, false, true, false])
    #expect(found.map(\.kind) == [.posix, .posix, .openFileDescription, .other, .other])
    #expect(found[0].file == FileIdentity(device: 0x801, inode: 77))
    #expect(found[1].start == 128 && found[1].end == 255)
    #expect(found[0].end == .max)
    #expect(found[4].device == UInt64(0x103) << 8 | 2)
    #expect(throws: LockError.self) { try kernelLocks(path: locks.directory.path("none")) }
  }
}
