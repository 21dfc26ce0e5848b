@testable import FileLocking
internal import Glibc
internal import StoreTestSupport
internal import Synchronization
internal import Testing

@Suite("Lock table: threads and stores of one process")
struct LockTableTests {
  let locks: LockFixture
  init() throws { locks = try LockFixture() }

  @Test("L-1: of many threads one at a time is inside")
  func mutualExclusionOfThreads() throws {
    let inside = Atomic<Int>(0)
    let threads = LockThreads()
    let rounds = scaled(200)
    for _ in 0..<4 {
      threads.start { [locks] in
        for _ in 0..<rounds {
          let grant = try locks.acquire("one", .upTo(.seconds(30)))
          if inside.add(1, ordering: .relaxed).oldValue != 0 { return "two inside" }
          inside.subtract(1, ordering: .relaxed)
          grant.release()
        }
        return "done"
      }
    }
    #expect(try threads.waitForEnd(of: 4) == ["done", "done", "done", "done"])
  }

  @Test("L-1: two paths of one directory are one lock")
  func twoPaths() throws {
    #expect(symlink(locks.directory.path, locks.directory.path("again")) == 0)
    let other = LockName(
      directory: locks.directory.path("again"), fileName: "a.lock", rank: 2, key: "a")
    let grant = try locks.acquire("a")
    let threads = LockThreads()
    threads.start { [locks] in
      let error = lockError { () throws(LockError) in
        try locks.table.acquire(other, wait: .none, operation: "other path").release()
      }
      return "\(error?.timedOutHolder?.operation ?? "nobody")"
    }
    #expect(try threads.waitForEnd(of: 1) == ["test a"])
    #expect(grant.isStillHeld() == true)
  }

  @Test("L-3: looking at lockfiles drops no lock of this process")
  func lookingDropsNothing() throws {
    let grant = try locks.acquire("a")
    for _ in 0..<3 { _ = try locks.report() }
    #expect(grant.isStillHeld() == true)
    let child = try locks.session()
    #expect(try child.ask("acquire a none", "timeout").hasPrefix("\(getpid()) confirmed"))
  }

  @Test("L-3: more lockfiles than stay open are closed without a lock being dropped")
  func boundedDescriptors() throws {
    let grant = try locks.acquire("kept")
    for index in 0..<(LockDescriptors.idleLimit + 20) {
      let name = LockName(directory: locks.directory.path, fileName: "\(index)", rank: 2, key: "\(index)")
      try locks.table.acquire(name, wait: .none, operation: "once").release()
    }
    #expect(grant.isStillHeld() == true)
    #expect(locks.table.descriptors.counts.idle <= LockDescriptors.idleLimit)
  }

  @Test("L-3: a second descriptor of a locked file is parked until its lock is released")
  func parkedDescriptor() throws {
    let grant = try locks.acquire("a")
    let open = try openDescriptors(of: "a.lock")
    let second = try #require(
      try locks.table.descriptors.checkOutByOpening(path: locks.name("a").path, creates: false))
    #expect(try openDescriptors(of: "a.lock") == open + 1)
    locks.table.descriptors.checkIn(second)
    #expect(grant.isStillHeld() == true)
    grant.release()
    #expect(try openDescriptors(of: "a.lock") == open)
  }

  @Test("L-7: fencing tokens grow from grant to grant, over unlinked files and other locks")
  func tokensGrow() throws {
    var last: UInt64 = 0
    for round in 0..<200 {
      let grant = try locks.acquire(round % 2 == 0 ? "a" : "b")
      #expect(grant.bootTimeNanoseconds > last)
      last = grant.bootTimeNanoseconds
      if round % 3 == 0 { #expect(grant.unlinkAndRelease() == true) }
    }
  }

  @Test("L-10: threads get the lock in the order in which they asked")
  func orderOfArrival() throws {
    let grant = try locks.acquire("a")
    let threads = LockThreads()
    let order = Guarded<[Int]>([])
    for index in 0..<6 {
      threads.start { [locks] in
        let grant = try locks.acquire("a", index % 2 == 0 ? .indefinitely : .upTo(.seconds(30)))
        order.withLock { $0.append(index) }
        grant.release()
        return "done"
      }
      try locks.waitUntilThreadsQueue(index + 1, for: "a")
    }
    grant.release()
    #expect(try threads.waitForEnd(of: 6) == Array(repeating: "done", count: 6))
    #expect(order.withLock { $0 } == [0, 1, 2, 3, 4, 5])
  }

  @Test("L-2: those who queued for an unlinked file get the new one, each in turn")
  func restartAfterUnlink() throws {
    let grant = try locks.acquire("a")
    let threads = LockThreads()
    for index in 0..<4 {
      threads.start { [locks] in
        let grant = try locks.acquire("a", .upTo(.seconds(30)))
        guard grant.isStillHeld() else { return "not held" }
        return grant.unlinkAndRelease() ? "unlinked" : "not there"
      }
      try locks.waitUntilThreadsQueue(index + 1, for: "a")
    }
    #expect(grant.unlinkAndRelease() == true)
    #expect(try threads.waitForEnd(of: 4) == Array(repeating: "unlinked", count: 4))
    #expect(status(ofPath: locks.name("a").path) == nil)
  }

  @Test("L-5, L-16: a thread that gives up names the holder and leaves the queue")
  func threadGivesUp() throws {
    let grant = try locks.acquire("a")
    let threads = LockThreads()
    threads.start { [locks] in
      let error = lockError { () throws(LockError) in
        try locks.acquire("a", .upTo(.milliseconds(20))).release()
      }
      guard let holder = error?.timedOutHolder else { return "\(String(describing: error))" }
      return "\(holder.process == .current) \(holder.isConfirmed) \(holder.operation) \(holder.age != nil)"
    }
    #expect(try threads.waitForEnd(of: 1) == ["true true test a true"])
    #expect(try locks.waitingThreads(for: "a") == 0)
    #expect(grant.isStillHeld() == true)
  }

  @Test("several locks are taken all or none, and once each")
  func severalLocks() throws {
    let child = try locks.session()
    try child.ask("acquire b none", "granted b")
    let names = ["c", "a", "b", "a"].map(locks.name)
    let error = lockError { () throws(LockError) in
      try locks.table.acquire(names, wait: .none, operation: "several").release()
    }
    #expect(error?.timedOutHolder?.process.pid == child.pid)
    let other = try locks.session()
    for key in ["a", "c"] { try other.ask("acquire \(key) none", "granted \(key)") }
    for key in ["a", "c"] { try other.ask("release \(key)", "released") }
    try child.ask("release b", "released")
    var grants = try locks.table.acquire(names, wait: .none, operation: "several")
    #expect(grants.names == ["a", "b", "c"].map(locks.name))
    let tokens = grants.names.compactMap { grants.bootTimeNanoseconds(of: $0) }
    #expect(tokens == tokens.sorted() && Set(tokens).count == 3)
    #expect(grants.unlinkAndRelease(locks.name("b")) == true)
    #expect(grants.names == ["a", "c"].map(locks.name))
    grants.release()
    #expect(entries(ofDirectory: locks.directory.path) == ["a.lock", "c.lock", "gate"])
  }

  private func openDescriptors(of fileName: String) throws -> Int {
    entries(ofDirectory: "/proc/self/fd").count { number in
      var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
      return length > 0
        && String(decoding: buffer.prefix(length), as: UTF8.self) == locks.directory.path(fileName)
    }
  }
}
