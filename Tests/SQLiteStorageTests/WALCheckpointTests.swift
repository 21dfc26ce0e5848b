internal import CSQLite
internal import Glibc
@testable import SQLiteStorage
internal import StoreTestSupport
internal import Synchronization
internal import Testing

@Suite("WAL checkpoints")
struct WALCheckpointTests {
  @Test("L-13: the WAL changes and is copied back only while the gate is held")
  func onlyUnderTheGate() throws {
    var fixture = try Fixture()
    fixture.options.walCheckpointFrames = 20
    let gate = fixture.gate
    let database = try fixture.opened()
    let observer = try fixture.open()
    let observed = { @Sendable in try? observer.facts().wal }
    // What the gate's last holder left is what its next holder finds: nothing happened in between.
    let left = Mutex<CheckpointOutcome?>(observed())
    let violations = Mutex<[String]>([])
    gate.change { state in
      state.onEnter = {
        let (before, now) = (left.withLock { $0 }, observed())
        if now == nil || before != now {
          violations.withLock { $0.append("\(String(describing: before)) → \(String(describing: now))") }
        }
      }
      state.onLeave = { left.withLock { $0 = observed() } }
    }
    for _ in 0..<100 { try database.add(durability: .durable) }
    try database.makeDurable(deadlineNanoseconds: soon)
    #expect(try database.count() == 100)
    gate.change { ($0.onEnter, $0.onLeave) = (nil, nil) }
    try database.close()
    #expect(observed() == left.withLock { $0 }, "a close outside the gate leaves the WAL alone")
    #expect(violations.withLock { $0 } == [])
    #expect(gate.operations.filter { $0 == "checkpoint" }.count >= 3)
  }

  @Test("L-13: who cannot enter the gate writes nothing and copies nothing back, whichever way he comes")
  func nothingWithoutTheGate() throws {
    var fixture = try Fixture()
    let database = try fixture.opened(rows: 300)
    fixture.options = DatabaseOptions(
      applicationID: fixture.options.applicationID, schemaVersion: 2, oldestSchemaVersion: 1)
    let migrator = try fixture.open()
    let wal = try database.facts().wal
    fixture.gate.change { $0.refuses = true }
    #expect(throws: RecordingGate.Refused.self) { try database.add() }
    #expect(throws: RecordingGate.Refused.self) { try database.checkpoint(deadlineNanoseconds: soon) }
    #expect(throws: RecordingGate.Refused.self) {
      try migrator.migrate(deadlineNanoseconds: soon) { connection, _ in
        try connection.execute("ALTER TABLE item ADD COLUMN more TEXT")
      }
    }
    #expect(try database.facts().wal == wal)
    try database.close()
    try migrator.close()
    let next = try fixture.open()
    #expect(try next.facts().wal.walFrames == wal.walFrames, "the last one out did not restart the WAL")
    #expect(try next.facts().schemaVersion == 1)
  }

  @Test("a WAL beyond the limit is copied back after the commit, and starts again")
  func limit() throws {
    var fixture = try Fixture()
    fixture.options.walCheckpointFrames = 50
    let database = try fixture.opened(rows: 500)
    #expect(try database.facts().wal.walFrames < 60)
    #expect(try #require(status(ofPath: fixture.path + "-wal")).st_size < 60 * 4200)
    let checkpoints = fixture.gate.operations.filter { $0 == "checkpoint" }.count
    #expect((10...30).contains(checkpoints), "\(checkpoints)")
  }

  @Test(
    "D-10: a new database's WAL has the length it keeps, and is empty to SQLite", arguments: [true, false])
  func filledWAL(withShell: Bool) throws {
    var fixture = try Fixture()
    fixture.options.fillsNewWAL = true
    fixture.options.walCheckpointFrames = 200
    try fixture.create()
    let bytes = 32 + 250 * (24 + 4096)
    func size() -> Int { status(ofPath: fixture.path + "-wal").map { Int($0.st_size) } ?? 0 }
    #expect(size() == bytes)
    // Nobody has it open: the index is made anew from a WAL that ends in zeros.
    #expect(try fixture.open().facts().wal.walFrames < 10)
    if withShell { #expect(try fixture.shell("PRAGMA integrity_check;") == "ok\n") }
    let child = try fixture.child()
    try child.order("open")
    try child.order("add 7")
    child.signal(SIGKILL)
    #expect(try child.waitForExit() == .signal(SIGKILL))
    let database = try fixture.open()
    #expect(try database.count() == 7)
    for _ in 0..<500 { try database.add() }
    #expect(try database.count() == 507)
    try database.close()
    #expect(size() == bytes || withShell, "the shell deletes the WAL when it is the last one out")
  }

  @Test("a reader that keeps the WAL from restarting is not tried again at every commit")
  func pinnedReader() throws {
    var fixture = try Fixture()
    fixture.options.walCheckpointFrames = 50
    let database = try fixture.opened()
    let reader = try fixture.child()
    try reader.order("open")
    try database.add()
    try reader.send("snapshot")
    try reader.expect("reading")
    for _ in 0..<200 { try database.add() }
    let wal = try database.facts().wal
    #expect(wal.walFrames > 200 && !wal.isComplete)
    let tries = fixture.gate.operations.filter { $0 == "checkpoint" }.count
    #expect(tries <= wal.walFrames / 50, "\(tries) tries for \(wal.walFrames) frames")
    try reader.send("")
    #expect(try reader.expect("ok") == "1 1")
    for _ in 0..<60 { try database.add() }
    #expect(try database.facts().wal.walFrames < 100)
  }

  @Test("D-8: snapshots that overlap without a gap do not keep the WAL from starting again")
  func overlappingReaders() throws {
    var fixture = try Fixture()
    fixture.options.walCheckpointFrames = 20
    let database = try fixture.opened(rows: 1)
    let turns = Counter()
    let isDone = Flag()
    let longest = Mutex(0)
    try inParallel(3) { number in
      if number == 0 {
        defer { isDone.set() }
        for _ in 0..<2_000 {
          try database.add()
          let frames = try database.facts().wal.walFrames
          longest.withLock { $0 = max($0, frames) }
        }
        return
      }
      // Each of the two readers stays in its snapshot until the other has begun a later one.
      while !isDone.isSet {
        try database.read { connection in
          _ = try connection.countItems()
          let mine = turns.next()
          let end = Deadline.after(.milliseconds(200))
          while turns.value == mine, !isDone.isSet, !end.isPast { sched_yield() }
        }
      }
    }
    let frames = longest.withLock(\.self)
    #expect(turns.value > 10, "they read at all")
    #expect(frames > 20 && frames < 20 * 40, "\(frames) frames")
  }

  @Test("D-8: which commit waits for readers, and for how long, follows from the lengths of the WAL alone")
  func overdue() {
    let wal = OverdueWAL(limit: 100)
    for (before, after, milliseconds) in [
      (0, 10, nil), (700, 799, nil), (799, 801, 80), (801, 1_500, nil), (1_599, 1_600, 160), (0, 5_000, 500),
      (12_799, 12_800, 1_000), (200_000, 210_000, 1_000), (198_400, 204_000, nil), (900, 3, nil),
      (12_800, 19_199, nil),
      (19_100, 19_200, 1_000),
    ] as [(Int, Int, UInt64?)] {
      #expect(wal.patienceNanoseconds(before: before, after: after) == milliseconds.map { $0 * 1_000_000 })
    }
  }

  @Test("a WAL checkpoint that cannot have the gate does not fail the commit that found it due")
  func refusedGate() throws {
    var fixture = try Fixture()
    fixture.options.walCheckpointFrames = 1
    let gate = fixture.gate
    let database = try fixture.opened()
    let entries = Mutex(0)
    gate.change { state in state.onEnter = { entries.withLock { $0 += 1 } } }
    // The state's lock is held during the callbacks, so the refusal is armed from the body.
    try database.write("add", durability: .committed, deadlineNanoseconds: soon) { connection in
      try connection.insert()
      gate.change { $0.refuses = true }
    }
    #expect(entries.withLock { $0 } == 1)
    #expect(try database.count() == 1)
    #expect(try database.facts().wal.copiedFrames == 0)
  }

  @Test("D-5: the last one out leaves one frame in a WAL that keeps its size")
  func lastOneOut() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 300)
    let size = status(ofPath: fixture.path + "-wal")?.st_size
    #expect(try database.facts().wal.walFrames >= 300)
    try database.close()
    #expect(status(ofPath: fixture.path + "-wal")?.st_size == size)
    let next = try fixture.open()
    #expect(try next.facts().wal.walFrames == 1)
    #expect(try next.count() == 300)
    #expect(try fixture.shell("PRAGMA integrity_check;") == "ok\n")
  }

  @Test("D-5: a close while another process has the database open leaves the WAL as it is")
  func notTheLastOne() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 300)
    let other = try fixture.child()
    try other.order("open")
    #expect(try database.isOpenElsewhere() == true)
    try database.close()
    #expect(try other.order("elsewhere") == "false")
    #expect(try other.order("count") == "300")
    try other.order("close")
    #expect(try fixture.open().facts().wal.walFrames == 1)
  }

  @Test("D-5: a close does not wait for the gate, and a short WAL is not worth it", arguments: [300, 20])
  func notWorthWaiting(rows: Int) throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: rows)
    let frames = try database.facts().wal.walFrames
    if rows > 100 { fixture.gate.change { $0.refuses = true } }
    try database.close()
    #expect(try fixture.open().facts().wal.walFrames == frames)
  }

  @Test("the SQLite releases with the WAL-reset race are known")
  func walResetRace() throws {
    let fixture = try Fixture()
    let facts = try fixture.opened().facts()
    let parts = facts.sqliteVersion.split(separator: ".").compactMap { Int($0) }
    let isOld = (parts[0], parts[1], parts[2]) < (3, 51, 3)
    #expect(facts.hasWALResetRace == isOld)
    #expect(facts.pageSize == 4096 && facts.journalMode == "wal" && facts.schemaVersion == 1)
  }
}

/// Numbers that threads count up together.
private final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  var value: Int { count.load(ordering: .acquiring) }
  func next() -> Int { count.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue }
}

/// Set once, seen by all threads.
private final class Flag: Sendable {
  private let flag = Atomic<Bool>(false)
  var isSet: Bool { flag.load(ordering: .acquiring) }
  func set() { flag.store(true, ordering: .releasing) }
}
