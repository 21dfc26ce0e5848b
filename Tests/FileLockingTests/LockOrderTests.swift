internal import FileLocking
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Lock order")
struct LockOrderTests {
  let locks: LockFixture
  init() throws { locks = try LockFixture() }

  @Test("L-6: asking out of order throws wouldDeadlock at once, however long the caller would wait")
  func outOfOrder() throws {
    let grant = try locks.acquire("b")
    for key in ["a", "b"] {
      for wait in [LockWait.none, .upTo(.seconds(60)), .indefinitely] {
        let error = lockError { () throws(LockError) in try locks.acquire(key, wait).release() }
        #expect(
          error == .wouldDeadlock(path: locks.name(key).path, heldPath: locks.name("b").path))
      }
    }
    #expect(grant.isStillHeld() == true)
    try locks.acquire("c").release()
  }

  @Test("L-6: a lock let go in any order no longer counts")
  func releaseOrder() throws {
    let first = try locks.acquire("a")
    let second = try locks.acquire("b")
    first.release()
    #expect(lockError { () throws(LockError) in try locks.acquire("a").release() } != nil)
    second.release()
    try locks.acquire("a").release()
  }

  @Test("L-6: a refused request leaves nothing behind on the thread")
  func refusedRequest() throws {
    let child = try locks.session()
    try child.ask("acquire b none", "granted b")
    #expect(
      lockError { () throws(LockError) in try locks.acquire("b").release() }?.timedOutHolder?.process.pid
        == child.pid)
    try locks.acquire("a").release()
  }

  @Test("L-6: rank comes before key, key before path")
  func order() {
    let directory = "/d"
    let ascending = [
      LockName(directory: directory, fileName: "z", rank: 0, key: "z"),
      LockName(directory: directory, fileName: "b", rank: 1, key: "a"),
      LockName(directory: directory, fileName: "c", rank: 1, key: "a"),
      LockName(directory: directory, fileName: "a", rank: 1, key: "b"),
      LockName(directory: directory, fileName: "gate", rank: 255, key: ""),
    ]
    #expect(ascending.shuffled().sorted() == ascending)
  }

  @Test("L-6: AB in one process, BA in another: the second of them is refused, nobody hangs")
  func crossedProcesses() throws {
    let child = try locks.session()
    try child.ask("acquire b none", "granted b")
    let grant = try locks.acquire("a")
    #expect(try child.ask("acquire a forever", "error").hasPrefix("wouldDeadlock"))
    try child.ask("release b", "released")
    try locks.acquire("b", .upTo(.seconds(10))).release()
    grant.release()
  }

  @Test("L-6: processes crossed over several threads are no deadlock, whatever the kernel says")
  func crossedThreads() throws {
    let grant = try locks.acquire("a")
    let child = try locks.session()
    try child.ask("acquire b none", "granted b")
    try child.ask("background a 30000", "started")
    try locks.waitUntilKernelListsWaiter(child.pid, for: "a")
    let threads = LockThreads()
    for _ in 0..<2 {
      threads.start { [locks] in
        try locks.acquire("b", .upTo(.seconds(30))).release()
        return "granted"
      }
    }
    try locks.waitUntilThreadsQueue(2, for: "b")
    try child.ask("release b", "released")
    #expect(try threads.waitForEnd(of: 2) == ["granted", "granted"])
    grant.release()
    try child.expect("background granted a")
  }

  @Test("L-14: no lock is asked for inside the gate, and the gate not twice")
  func insideTheGate() throws {
    let gate = try WriteGate(directory: locks.directory.path)
    let grant = try locks.acquire("a")
    try gate.enter(operation: "test", deadlineNanoseconds: .max)
    let gatePath = gate.name.path
    #expect(
      lockError { () throws(LockError) in try locks.acquire("b").release() }
        == .wouldDeadlock(path: locks.name("b").path, heldPath: gatePath))
    #expect(
      lockError { () throws(LockError) in try gate.enter(operation: "again", deadlineNanoseconds: .max) }
        == .wouldDeadlock(path: gatePath, heldPath: gatePath))
    gate.leave()
    try locks.acquire("b").release()
    grant.release()
  }
}
