internal import CSQLite
internal import Glibc
internal import SQLiteStorage
internal import StoreTestSupport
internal import Synchronization
internal import Testing

@Suite("A failed sync, for the whole store")
struct FailedSyncTests {
  private let fixture: Fixture
  private static let failed = SQLITE_IOERR | 4 << 8
  private static let amends = "make up for a failed sync"

  init() throws {
    fixture = try Fixture()
    fixture.gate.change { $0.remembers = true }
  }

  /// A database whose last durable change met a failed sync.
  private func failedDatabase(rows: Int) throws -> Database {
    let database = try fixture.opened(rows: rows)
    let fault = try SyncFault(database) { Self.failed }
    #expect(failure { try database.add(durability: .durable) } == .durabilityUnknown)
    fault.remove()
    #expect(fixture.gate.hasFailedSync)
    return database
  }

  @Test("D-3: the next durable change, whoever's, first makes everything durable that is there")
  func madeUpByAnother() throws {
    let database = try failedDatabase(rows: 300)
    let other = try fixture.open()
    try other.add(durability: .durable)
    #expect(!fixture.gate.hasFailedSync)
    #expect(fixture.gate.operations.contains(Self.amends))
    try database.makeDurable(deadlineNanoseconds: soon)
    #expect(fixture.gate.operations.count { $0 == Self.amends } == 1)
    #expect(try other.checkpoint(deadlineNanoseconds: soon).isComplete)
    #expect(try fixture.shell("PRAGMA integrity_check; SELECT count(*) FROM item;") == "ok\n302\n")
  }

  @Test("D-3: where it cannot be made up for, nothing durable is acknowledged and nothing is copied back")
  func cannotBeMadeUp() throws {
    let database = try failedDatabase(rows: 300)
    let other = try fixture.open()
    let fault = try SyncFault(other) { Self.failed }
    for _ in 0..<2 { #expect(failure { try other.add(durability: .durable) } == .syncFailedEarlier) }
    #expect(failure { try other.checkpoint(deadlineNanoseconds: soon) } == .syncFailedEarlier)
    try other.add()
    #expect(try database.count() == 302, "what is refused was not done, and what need not be durable was")
    #expect(try database.facts().wal.copiedFrames == 0)
    #expect(try fixture.open().count() == 302, "an opening does not change that")
    #expect(fixture.gate.hasFailedSync)
    fault.remove()
    try database.add(durability: .durable)
    try other.add(durability: .durable)
    #expect(try other.count() == 304 && !fixture.gate.hasFailedSync)
  }

  @Test("D-3: a WAL that is not what was written is not made up from")
  func damagedWAL() throws {
    let database = try failedDatabase(rows: 100)
    let descriptor = open(fixture.path + "-wal", O_RDWR | O_CLOEXEC)
    defer { close(descriptor) }
    var byte: UInt8 = 0
    let place = off_t(32 + 40 * 4120 + 3_000)
    #expect(pread(descriptor, &byte, 1, place) == 1)
    byte ^= 1
    #expect(pwrite(descriptor, &byte, 1, place) == 1)
    #expect(failure { try database.add(durability: .durable) } == .syncFailedEarlier)
    #expect(fixture.gate.hasFailedSync)
    #expect(try database.facts().wal.copiedFrames == 0)
    byte ^= 1
    #expect(pwrite(descriptor, &byte, 1, place) == 1)
    try database.add(durability: .durable)
    #expect(!fixture.gate.hasFailedSync)
  }

  @Test("D-3: what was copied back before counts as not copied, and no reader is waited for")
  func copiedBefore() throws {
    let database = try fixture.opened(rows: 50)
    let reader = try fixture.child()
    try reader.order("open")
    try reader.send("snapshot")
    try reader.expect("reading")
    try database.add()
    #expect(try database.checkpoint(deadlineNanoseconds: soon).copiedFrames >= 50)
    let fault = try SyncFault(database) { Self.failed }
    #expect(failure { try database.makeDurable(deadlineNanoseconds: soon) } == .durabilityUnknown)
    fault.remove()
    try database.makeDurable(deadlineNanoseconds: soon)
    #expect(!fixture.gate.hasFailedSync)
    #expect(try database.facts().wal.copiedFrames == 0)
    try reader.send("")
    try reader.expect("ok")
    #expect(try database.checkpoint(deadlineNanoseconds: soon).isComplete)
    #expect(try fixture.shell("PRAGMA integrity_check; SELECT count(*) FROM item;") == "ok\n51\n")
  }

  @Test("D-3: a sync that succeeds while another one fails is not believed, and is made up for at once")
  func concurrentFailure() throws {
    let database = try fixture.opened(rows: 1)
    let gate = fixture.gate
    let syncs = Atomic<Int>(0)
    let fault = try SyncFault(database) {
      syncs.add(1, ordering: .relaxed)
      return gate.rememberFailedSync() ? SQLITE_OK : SQLITE_IOERR
    }
    try database.add(durability: .durable)
    #expect(!gate.hasFailedSync)
    #expect(
      syncs.load(ordering: .relaxed) == 3, "its own, one that takes the error away, one of what was rewritten"
    )
    fault.remove()
    #expect(try database.count() == 2)
  }

  @Test(
    "D-3: where another one's failed sync cannot be made up for, a commit that it met is durabilityUnknown")
  func concurrentFailureThatLasts() throws {
    let database = try fixture.opened(rows: 1)
    let gate = fixture.gate
    let syncs = Atomic<Int>(0)
    let fault = try SyncFault(database) {
      let isFirst = syncs.add(1, ordering: .relaxed).oldValue == 0
      return isFirst && gate.rememberFailedSync() ? SQLITE_OK : SQLITE_IOERR
    }
    #expect(failure { try database.add(durability: .durable) } == .durabilityUnknown)
    #expect(gate.hasFailedSync)
    fault.remove()
    #expect(try database.count() == 2)
    try database.makeDurable(deadlineNanoseconds: soon)
    #expect(!gate.hasFailedSync)
  }
}
