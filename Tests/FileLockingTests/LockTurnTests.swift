@testable import FileLocking
internal import Glibc
internal import Platform
internal import StoreTestSupport
internal import Testing

@Suite("Lock table: turns of processes")
struct LockTurnTests {
  let locks: LockFixture
  init() throws { locks = try LockFixture() }

  @Test("L-18: a process that has had its turn does not take a lock again before one that waits for it")
  func givesWay() throws {
    let child = try locks.session()
    for _ in 0..<scaled(10) {
      let first = try locks.acquire("a", .upTo(.seconds(10)))
      try waitInBackground(child)
      try waitUntilTurnEnds(first.bootTimeNanoseconds)
      let before = first.bootTimeNanoseconds
      first.release()
      let second = try locks.acquire("a", .upTo(.seconds(60)))
      let token = try #require(UInt64(try child.expect("background granted a")))
      #expect(before < token && token < second.bootTimeNanoseconds)
      second.release()
    }
  }

  @Test("L-18: nor does another thread of it")
  func otherThreadGivesWay() throws {
    let child = try locks.session()
    for round in 1...scaled(10) {
      let first = try locks.acquire("a", .upTo(.seconds(10)))
      try waitInBackground(child)
      let threads = LockThreads()
      threads.start { [locks] in
        let grant = try locks.acquire("a", .upTo(.seconds(60)))
        return "\(grant.bootTimeNanoseconds)"
      }
      try locks.waitUntilThreadsQueue(1, for: "a")
      try waitUntilTurnEnds(first.bootTimeNanoseconds)
      first.release()
      let token = try #require(UInt64(try child.expect("background granted a")))
      let other = try #require(UInt64(try threads.waitForEnd(of: 1)[0]), "round \(round)")
      #expect(token < other)
    }
  }

  @Test("L-18: a waiter that is stopped keeps nobody from the lock, and gets it when it goes on")
  func stoppedWaiter() throws {
    let child = try stoppedWaiterForFreeLock()
    #expect(try withEntry { $0.isMarked && $0.isWaitedForElsewhere })
    for _ in 0..<10 { try locks.acquire("a", .upTo(.seconds(60))).release() }
    #expect(try withEntry { !$0.isMarked && $0.isWaitedForElsewhere })
    child.cont()
    try child.expect("background granted a")
  }

  @Test("L-18: a waiter that is stopped does not cost each of those a whole deadline who have a short one")
  func stoppedWaiterAndShortDeadlines() throws {
    let child = try stoppedWaiterForFreeLock()
    // Ten times the pause, in deadlines that are each a tenth of it.
    for _ in 0..<100 {
      try locks.acquire("a", .upTo(.nanoseconds(LockPause.givingWayLimitNanoseconds / 10))).release()
      if try withEntry({ !$0.isMarked }) { break }
    }
    #expect(try withEntry { !$0.isMarked && $0.isWaitedForElsewhere })
    child.cont()
    try child.expect("background granted a")
  }

  @Test("L-18: the death of one that waits, and his end of waiting, leave the lockfile as it was")
  func deadWaiter() throws {
    let child = try locks.session()
    let first = try locks.acquire("a", .upTo(.seconds(10)))
    try waitInBackground(child)
    child.signal(SIGKILL)
    #expect(try child.waitForExit() == .signal(SIGKILL))
    first.release()
    #expect(try withEntry { $0.isMarked && !$0.isWaitedForElsewhere })
    try waitUntilTurnEnds(Clock.bootTimeNanoseconds)
    try locks.acquire("a", .upTo(.seconds(60))).release()
    #expect(try withEntry { !$0.isMarked })
  }

  @Test("L-18: who waits is no holder: the report and errors name him as little as before")
  func waiterIsNoHolder() throws {
    let holder = try locks.session()
    let waiter = try locks.session()
    try holder.ask("acquire a none", "granted a")
    try waitInBackground(waiter)
    let report = try #require(try locks.report().first { $0.fileName == "a.lock" })
    #expect(report.holder?.process.pid == holder.pid && report.waiterPIDs == [waiter.pid])
    try holder.ask("release a", "released")
    try waiter.expect("background granted a")
    let end = try #require(try locks.report().first { $0.fileName == "a.lock" })
    #expect(end.holder == nil && end.waiterPIDs.isEmpty)
  }

  /// A process that waits for a lock which nobody has by now, and is stopped; this one has had its turn.
  private func stoppedWaiterForFreeLock() throws -> ChildProcess {
    let child = try locks.session()
    let first = try locks.acquire("a", .upTo(.seconds(10)))
    try waitInBackground(child)
    try child.stop()
    try waitUntil("the kernel to take the stopped process from the queue") {
      try !kernelLocks().contains { $0.pid == child.pid && $0.isWaiting }
    }
    try waitUntilTurnEnds(first.bootTimeNanoseconds)
    first.release()
    return child
  }

  private func waitInBackground(_ child: ChildProcess) throws {
    try child.ask("background a 60000", "started")
    try locks.waitUntilKernelListsWaiter(child.pid, for: "a")
  }

  private func waitUntilTurnEnds(_ begunNanoseconds: UInt64) throws {
    try waitUntil("the turn of this process to end") {
      Clock.bootTimeNanoseconds >= begunNanoseconds + LockPause.turnNanoseconds
    }
  }

  private func withEntry<Result>(_ body: (LockEntry) -> Result) throws -> Result {
    let path = locks.name("a").path
    let entry = try #require(try locks.table.descriptors.checkOut(path: path, creates: false))
    defer { locks.table.descriptors.checkIn(entry) }
    return body(entry)
  }
}
