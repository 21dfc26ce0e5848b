@testable internal import FileLocking
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Write gate")
struct WriteGateTests {
  let locks: LockFixture
  let gate: WriteGate

  init() throws {
    locks = try LockFixture()
    gate = try WriteGate(directory: locks.directory.path)
  }

  private func enter(_ deadline: UInt64 = 0) throws(LockError) {
    try gate.enter(operation: "test", deadlineNanoseconds: deadline)
  }

  @Test("L-5: who cannot get in names who is inside")
  func holder() throws {
    let child = try locks.session()
    try child.ask("enter none", "entered")
    #expect(try !gate.tryEnter(operation: "test"))
    for wait in [LockWait.none, .upTo(.milliseconds(5))] {
      let error = lockError { () throws(LockError) in try enter(wait.deadlineNanoseconds) }
      let holder = try #require(error?.timedOutHolder)
      #expect(holder.process.pid == child.pid)
      #expect(holder.operation == "hold the gate")
      #expect(holder.isConfirmed)
    }
    try child.ask("leave", "left")
    try enter(Deadline.after(.seconds(10)).nanoseconds)
    #expect(try child.ask("enter 5", "timeout").hasPrefix("\(getpid()) confirmed"))
    gate.leave()
    try child.ask("enter none", "entered")
  }

  @Test(
    "L-5: who sleeps until the gate is left goes on to wait in the kernel, which a death without a ring frees"
  )
  func deathWithoutRing() throws {
    let child = try locks.session(failpoints: "gate.left=kill")
    try child.ask("enter none", "entered")
    let threads = LockThreads()
    threads.start { [self] in
      try enter(Deadline.after(.seconds(60)).nanoseconds)
      defer { gate.leave() }
      return gate.isStillHeld() ? "inside" : "outside"
    }
    try waitUntil("a wait for the gate in the kernel") {
      try kernelLocks().contains { $0.pid == getpid() && $0.isWaiting && $0.file == gate.identity }
    }
    try child.send("leave")
    #expect(try child.waitForExit() == .signal(SIGKILL))
    #expect(try threads.waitForEnd(of: 1) == ["inside"])
  }

  @Test("L-2: who waits at a gate file that was truncated is told so, and lives", arguments: [5, 500])
  func truncatedWhileAwaited(milliseconds: Int) throws {
    let child = try locks.session()
    try child.ask("enter none", "entered")
    #expect(truncate(gate.name.path, 0) == 0)
    let error = lockError { () throws(LockError) in
      try enter(Deadline.after(.milliseconds(milliseconds)).nanoseconds)
    }
    #expect(error?.timedOutHolder?.process.pid == child.pid)
    child.signal(SIGKILL)
    _ = try child.waitForExit()
    #expect(
      lockError { () throws(LockError) in try enter(Deadline.after(.seconds(10)).nanoseconds) }
        == .replaced(path: gate.name.path))
  }

  @Test(
    "who leaves rings where somebody said that he sleeps; who cannot get in says so, and how long he waited")
  func bellOfTheGate() throws {
    try setBellWord(0)
    try enter()
    gate.leave()
    #expect(try bellWord() == 0, "nobody was there to be woken")
    try setBellWord(1)
    try enter()
    gate.leave()
    #expect(try bellWord() == 2)

    let child = try locks.session()
    try child.ask("enter none", "entered")
    let error = lockError { () throws(LockError) in
      try enter(Deadline.after(.milliseconds(2)).nanoseconds)
    }
    let waited: Duration? = if case .timeout(_, _, let waited) = error { waited } else { nil }
    #expect(waited.map { $0 > .zero } == true)
    #expect(try bellWord() == 3)
    try child.ask("leave", "left")
    #expect(try bellWord() == 4)
  }

  @Test("L-10: whoever sleeps until the gate is left keeps his place before those who ask meanwhile")
  func orderOfSleepers() throws {
    let child = try locks.session()
    try child.ask("enter none", "entered")
    try setBellWord(0)
    let order = Guarded<[Int]>([])
    let threads = LockThreads()
    for number in 1...3 {
      threads.start { [self] in
        try enter(Deadline.after(.seconds(60)).nanoseconds)
        order.withLock { $0.append(number) }
        gate.leave()
        return ""
      }
      // The first sleeps; the others find that somebody of this process asks already.
      if number == 1 { try waitUntil("the first to sleep") { try bellWord() & 1 == 1 } }
      if number == 2 { try waitUntil("the second to queue") { try queueLength() >= 1 } }
    }
    try waitUntil("all three to queue") { try queueLength() == 3 }
    try child.ask("leave", "left")
    _ = try threads.waitForEnd(of: 3)
    #expect(order.withLock { $0 } == [1, 2, 3])
  }

  private func queueLength() throws -> Int { try withEntry { $0.queueLength } }

  private func bellWord() throws -> UInt32 { try withBell { $0.pointee } }

  private func setBellWord(_ word: UInt32) throws { try withBell { $0.pointee = word } }

  /// Lends the bell's word, through the descriptor that is open: to close another would drop the gate.
  private func withBell<R>(_ body: (UnsafeMutablePointer<UInt32>) -> R) throws -> R {
    try withEntry { entry in
      let page = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, entry.descriptor, 0)
      guard let page, page != MAP_FAILED else { throw TestSupportError.systemCall("mmap", gate.name.path) }
      defer { munmap(page, 4096) }
      return body((page + 264).assumingMemoryBound(to: UInt32.self))
    }
  }

  private func withEntry<R>(_ body: (LockEntry) throws -> R) throws -> R {
    let entry = try #require(try locks.table.descriptors.checkOut(path: gate.name.path, creates: false))
    defer { locks.table.descriptors.checkIn(entry) }
    return try body(entry)
  }

  @Test("a ring between the announcement and the sleep is not slept through, nor one for somebody else")
  func rings() throws {
    let word = UnsafeMutableRawPointer.allocate(byteCount: 4, alignment: 4)
    word.storeBytes(of: 0, as: UInt32.self)
    defer { word.deallocate() }
    let bell = GateBell(word)
    bell.ring()
    #expect(word.load(as: UInt32.self) == 0, "nobody was there to be woken")
    let announced = bell.announceSleep()
    #expect(!bell.awaitRing(since: announced, deadlineNanoseconds: 1), "a deadline is no ring")
    #expect(bell.announceSleep() == announced, "a second sleeper keeps nobody awake")
    bell.ring()
    #expect(word.load(as: UInt32.self) & 1 == 0)
    let threads = LockThreads()
    nonisolated(unsafe) let rung = bell
    threads.start {
      rung.awaitRing(since: announced, deadlineNanoseconds: .max) ? "awake" : "asleep"
    }
    #expect(try threads.waitForEnd(of: 1) == ["awake"])

    let next = bell.announceSleep()
    #expect(next != announced)
    for _ in 0..<2 {
      threads.start {
        _ = rung.awaitRing(since: next, deadlineNanoseconds: .max)
        // As whoever has been woken and finds the gate taken, or takes it.
        _ = rung.announceSleep()
        return "awake"
      }
    }
    for count in 2...3 {
      try waitUntil("sleeper \(count) to be awake") {
        bell.ring()
        return threads.ended.count >= count
      }
      _ = bell.announceSleep()
    }
  }

  @Test("L-1: two gate objects of one file are one gate")
  func twoGates() throws {
    let other = try WriteGate(directory: locks.directory.path)
    #expect(other.identity == gate.identity)
    try enter()
    let threads = LockThreads()
    threads.start {
      try other.tryEnter(operation: "other") ? "inside" : "outside"
    }
    #expect(try threads.waitForEnd(of: 1) == ["outside"])
    gate.leave()
    try other.enter(operation: "other", deadlineNanoseconds: 0)
    #expect(other.isStillHeld())
    other.leave()
    #expect(!other.isStillHeld())
  }

  @Test("L-2: a gate file that was unlinked, replaced or truncated is noticed at the grant", arguments: 0..<3)
  func replaced(way: Int) throws {
    let path = gate.name.path
    try enter()
    gate.leave()
    switch way {
    case 0: #expect(unlink(path) == 0)
    case 1:
      #expect(unlink(path) == 0)
      try write("another", toPath: path)
    default: #expect(truncate(path, 0) == 0)
    }
    for _ in 0..<2 {
      #expect(lockError { () throws(LockError) in try enter() } == .replaced(path: path))
      #expect(
        lockError { () throws(LockError) in _ = try gate.tryEnter(operation: "") } == .replaced(path: path))
    }
    #expect(!gate.isStillHeld())
  }

  @Test("L-9: an unsafe gate path is refused at opening")
  func unsafeGate() throws {
    let path = locks.directory.path("fifo")
    #expect(mkfifo(path, 0o600) == 0)
    #expect(
      lockError { () throws(LockError) in
        _ = try WriteGate(directory: locks.directory.path, fileName: "fifo")
      } == .unsafePath(path: path, reason: .fifo))
  }

  @Test("opening an existing gate writes nothing")
  func openingWritesNothing() throws {
    try enter()
    gate.leave()
    let before = try #require(status(ofPath: gate.name.path))
    let bytes = try readBytes(atPath: gate.name.path)
    let child = try locks.session()
    child.closeInput()
    try child.waitForExit()
    let after = try #require(status(ofPath: gate.name.path))
    #expect(after.st_mtim.tv_nsec == before.st_mtim.tv_nsec && after.st_size == before.st_size)
    #expect(try readBytes(atPath: gate.name.path) == bytes)
  }
}
