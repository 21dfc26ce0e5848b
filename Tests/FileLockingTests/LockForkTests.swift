internal import FileLocking
internal import Glibc
internal import Platform
internal import StoreTestSupport
internal import Testing

@Suite("Locks and fork")
struct LockForkTests {
  let locks: LockFixture
  init() throws { locks = try LockFixture() }

  @Test(
    "L-8: a forked child gets usedAfterFork, its own table works, and the parent's locks outlive its end",
    arguments: ["exit", "exec"])
  func fork(way: String) throws {
    let child = try ChildProcess(role: "lock-fork", [locks.directory.path, way])
    #expect(try child.expect("inherited table:") == "error usedAfterFork")
    #expect(try child.expect("inherited gate:") == "error usedAfterFork")
    #expect(try child.expect("inherited grant:") == "false")
    let holder = "timeout PARENT confirmed store-test-child parent"
    #expect(try child.expect("own table:") == holder)
    #expect(try child.expect("own identity:") == "true")
    if way == "exec" {
      // No descriptor of a lockfile goes through exec.
      #expect(try child.expect("open") == "0 1 2")
    }
    #expect(try child.expect("child ended:") == "0")
    #expect(try child.expect("parent holds") == "lock true gate true")
    #expect(try child.waitForExit() == .code(0))
    try locks.acquire("forked").release()
  }

  @Test("a forked child that goes on on a new thread may use mutexes on several threads")
  func newThread() throws {
    #expect(try ChildProcess(role: "fork-and-contend").waitForExit(within: .seconds(60)) == .code(0))
  }

  @Test("L-8: a detector is of the process that made it")
  func detector() {
    let detector = ForkDetector()
    #expect(detector.isSameProcess)
    #expect(ForkDetector() == detector)
  }
}
