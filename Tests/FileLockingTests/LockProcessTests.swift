@testable import FileLocking
internal import Glibc
internal import Platform
internal import StoreTestSupport
internal import Testing

@Suite("Lock table: processes")
struct LockProcessTests {
  let locks: LockFixture
  init() throws { locks = try LockFixture() }

  @Test("L-1, L-2, L-7: a lockfile that many unlink and make anew has one holder, and tokens grow")
  func unlinkRace() throws {
    try contend(role: "lock-contend", rounds: scaled(1000))
  }

  @Test("L-1: of many processes one at a time is inside the gate, and all get in")
  func gateContention() throws {
    try contend(role: "gate-contend", rounds: scaled(1000))
  }

  private func contend(role: String, rounds: Int) throws {
    let children = try (0..<4).map { _ in
      try ChildProcess(role: role, [locks.directory.path, "\(rounds)"])
    }
    for child in children { try child.expect("ready") }
    for child in children { try child.send("go") }
    for child in children {
      try child.expect("done", within: .seconds(Int64(60 * scaled(1))))
      #expect(try child.waitForExit() == .code(0))
    }
  }

  @Test("L-5: a waiter that gives up on a stopped holder names its pid, command, operation and age")
  func stoppedHolder() throws {
    let child = try locks.session()
    try child.ask("acquire a none", "granted a")
    try child.stop()
    let error = lockError { () throws(LockError) in
      try locks.acquire("a", .upTo(.milliseconds(30))).release()
    }
    let holder = try #require(error?.timedOutHolder)
    #expect(holder.process == ProcessIdentity.running(pid: child.pid))
    #expect(holder.command == "store-test-child")
    #expect(holder.operation == "hold a")
    #expect(holder.isConfirmed)
    #expect(try #require(holder.age) > .zero)
    child.cont()
    try child.ask("release a", "released")
    let grant = try locks.acquire("a", .upTo(.seconds(10)))
    #expect(grant.isStillHeld() == true)
  }

  @Test("L-12: death of the holder frees its locks and the gate")
  func deathFreesLocks() throws {
    let gate = try WriteGate(directory: locks.directory.path)
    let child = try locks.session()
    try child.ask("acquire a none", "granted a")
    try child.ask("enter none", "entered")
    let threads = LockThreads()
    threads.start { [locks] in
      let grant = try locks.acquire("a", .upTo(.seconds(30)))
      return "\(grant.waitedFor?.process.pid ?? 0) \(grant.waitedNanoseconds > 0)"
    }
    threads.start {
      try gate.enter(operation: "after death", deadlineNanoseconds: Deadline.after(.seconds(30)).nanoseconds)
      gate.leave()
      return "entered"
    }
    try waitUntil("both threads to wait in the kernel") {
      try kernelLocks().count { try $0.isWaiting && $0.pid == getpid() && isOurs($0, gate: gate) } == 2
    }
    child.signal(SIGKILL)
    #expect(Set(try threads.waitForEnd(of: 2)) == ["\(child.pid) true", "entered"])
  }

  private func isOurs(_ lock: KernelLock, gate: WriteGate) throws -> Bool {
    try lock.file == gate.identity || lock.file == FileIdentity.of(path: locks.name("a").path)
  }

  @Test("L-16: a given-up wait lets go as soon as it is granted")
  func givenUpWaitLetsGo() throws {
    let child = try locks.session()
    try child.ask("acquire a none", "granted a")
    let file = try #require(try FileIdentity.of(path: locks.name("a").path))
    try leaveWaitInKernel(for: file)
    #expect(try locks.waitingThreads(for: "a") == 0)
    try child.ask("release a", "released")
    // Not what the kernel lists: between its wake-up and its grant a wait is in none of its lists.
    let entry = try #require(try locks.table.descriptors.checkOut(path: locks.name("a").path, creates: false))
    defer { locks.table.descriptors.checkIn(entry) }
    try waitUntil("the given-up wait to be over") { entry.begin(.current) == .turn }
    try #require(!entry.isLockedByThisProcess)
    entry.passOn()
    try child.ask("acquire a none", "granted a")
  }

  @Test("L-16: a given-up wait is taken over by the next who asks")
  func givenUpWaitIsTakenOver() throws {
    let child = try locks.session()
    try child.ask("acquire a none", "granted a")
    let file = try #require(try FileIdentity.of(path: locks.name("a").path))
    try leaveWaitInKernel(for: file)
    let threads = LockThreads()
    threads.start { [locks] in
      try locks.acquire("a", .upTo(.seconds(30))).release()
      return "granted"
    }
    try locks.waitUntilThreadsQueue(1, for: "a")
    #expect(try kernelLocks().count { $0.file == file && $0.isWaiting } <= 1)
    try child.ask("release a", "released")
    #expect(try threads.waitForEnd(of: 1) == ["granted"])
  }

  @Test("L-16: who asks without waiting is not refused because a given-up wait lets go that moment")
  func givenUpWaitEndsMeanwhile() throws {
    let entry = try #require(try locks.table.descriptors.checkOut(path: locks.name("a").path, creates: true))
    defer { locks.table.descriptors.checkIn(entry) }
    try leaveWait(at: entry)
    #expect(entry.begin(.current) == .busy)
    #expect(entry.isBeingLetGo)
    // This thread is the one that waits in the kernel, so nothing happens to the lock before it says so.
    entry.waitInKernel(announces: true)
    #expect(entry.isBeingLetGo)
    let child = try locks.session()
    try child.ask("acquire a none", "granted a")
    #expect(!entry.isBeingLetGo)
  }

  @Test("L-16: a given-up wait serves who asks without waiting, however late its thread runs, within a bound")
  func givenUpWaitIsLate() throws {
    let entry = try #require(try locks.table.descriptors.checkOut(path: locks.name("a").path, creates: true))
    defer { locks.table.descriptors.checkIn(entry) }
    try leaveWait(at: entry)
    let threads = LockThreads()
    func ask() {
      threads.start { [locks] in
        try locks.acquire("a").release()
        return "granted"
      }
    }
    ask()
    try locks.waitUntilThreadsQueue(1, for: "a")
    entry.waitInKernel(announces: true)
    #expect(try threads.waitForEnd(of: 1) == ["granted"])
    try leaveWait(at: entry)
    ask()
    #expect(try threads.waitForEnd(of: 2).last?.hasPrefix("timeout") == true)
    entry.waitInKernel(announces: true)
    try locks.acquire("a").release()
  }

  /// Leaves the entry as a wait does that was given up and whose thread has not run yet.
  private func leaveWait(at entry: LockEntry) throws {
    let waiter = LockWaiter(thread: .current, ticket: 1, beganNanoseconds: 0, holder: nil)
    #expect(entry.begin(.current) == .turn)
    entry.beginKernelWait(waiter)
    #expect(entry.withdraw(waiter) == nil)
  }

  /// Gives up on the lock until a wait of this process stays behind: one may be over before it gets there.
  private func leaveWaitInKernel(for file: FileIdentity) throws {
    try waitUntil("a given-up wait to be in the kernel") {
      let error = lockError { () throws(LockError) in
        try locks.acquire("a", .upTo(.milliseconds(5))).release()
      }
      #expect(error?.timedOutHolder != nil)
      return try kernelLocks().contains { $0.file == file && $0.isWaiting && $0.pid == getpid() }
    }
  }

  @Test("L-5: more waits at once than there are threads to wait on all end")
  func moreWaitsThanThreads() throws {
    // Not in this process, whose other tests need threads to wait on.
    let holder = try locks.session()
    let waiter = try locks.session()
    let keys = (0..<(WaitThreads.limit + 4)).map { "w\(100 + $0)" }
    for key in keys { try holder.ask("acquire \(key) none", "granted") }
    for key in keys {
      #expect(try waiter.ask("acquire \(key) 5", "timeout").hasPrefix("\(holder.pid) confirmed"))
    }
    let last = try #require(keys.last)
    try waiter.ask("background \(last) 30000", "started")
    for key in keys { try holder.ask("release \(key)", "released") }
    try waiter.expect("background granted \(last)")
  }

  @Test("L-3: a descriptor closed by other code in the process loses the lock, and isStillHeld tells")
  func strayClose() throws {
    let grant = try locks.acquire("a")
    #expect(grant.isStillHeld() == true)
    let stray = open(locks.name("a").path, O_RDONLY | O_CLOEXEC)
    #expect(stray >= 0)
    close(stray)
    #expect(grant.isStillHeld() == false)
    let child = try locks.session()
    try child.ask("acquire a none", "granted a")
    grant.release()
    #expect(
      try #require(try locks.report().first).holder?.process.pid == child.pid)
  }

  @Test("L-4: only a holder unlinks, and not what was put in the place of its file")
  func unlinkOfReplacedFile() throws {
    let grant = try locks.acquire("a")
    #expect(rename(locks.name("a").path, locks.directory.path("moved")) == 0)
    try write("other", toPath: locks.name("a").path)
    #expect(grant.isStillHeld() == false)
    #expect(grant.unlinkAndRelease() == false)
    #expect(try readText(atPath: locks.name("a").path) == "other")
  }

  @Test("L-2: a waiter never gets the lock of a file that was unlinked meanwhile")
  func waiterOfUnlinkedFile() throws {
    let child = try locks.session()
    try child.ask("acquire a none", "granted a")
    let threads = LockThreads()
    threads.start { [locks] in
      let grant = try locks.acquire("a", .indefinitely)
      return "\(grant.isStillHeld())"
    }
    try locks.waitUntilKernelListsWaiter(getpid(), for: "a")
    #expect(try child.ask("unlink a", "unlinked a") == "true")
    #expect(try threads.waitForEnd(of: 1) == ["true"])
  }

  @Test("a lock directory removed under a living process is an error, not a new truth")
  func directoryRemoved() throws {
    let grant = try locks.acquire("a")
    try locks.directory.remove()
    #expect(grant.isStillHeld() == false)
    #expect(
      lockError { () throws(LockError) in try locks.acquire("b").release() }
        == .directoryMissing(path: locks.name("b").path))
  }
}
