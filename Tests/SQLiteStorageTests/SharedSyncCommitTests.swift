internal import CSQLite
internal import Platform
@testable internal import SQLiteStorage
internal import StoreTestSupport
internal import Synchronization
internal import Testing

@Suite("Shared syncs of commits", .serialized)
struct SharedSyncCommitTests {
  private let fixture: Fixture
  private let database: Database
  private let syncs: SharedSyncs
  private static let amends = "make up for a failed sync"
  private static let syncPlaces = "sync.led=note,sync.awaited=note,sync.succeeded=note"

  /// A database of one row.
  init() throws {
    fixture = try Fixture()
    fixture.gate.change { ($0.remembers, $0.sharesSyncs) = (true, true) }
    database = try fixture.opened(rows: 1)
    syncs = try #require(fixture.gate.sharedSyncs(of: database.walIdentity))
    #expect(syncs.isCurrent)
  }

  private var isWatching: Bool { database.writebackErrors.isWatching }

  /// From now on syncs are shared, as where many wait and the disk is fast.
  private func beginSharing() {
    syncs.note(duration: 1)
    for _ in 0..<4 { _ = syncs.takeTicket() }
    #expect(syncs.isWorthSharing(for: syncs.lastTicket))
  }

  /// From now on syncs are shared, and the database, which has two rows, may follow.
  private func beginFollowing() throws {
    beginSharing()
    try database.add(durability: .durable)
    #expect(isWatching)
  }

  /// A durable change while another process, which is played by this test, syncs: it succeeds, and then
  /// `meanwhile` happens, before the change's thread sleeps.
  private func follow(
    _ failpoints: String = "", _ meanwhile: @escaping @Sendable () -> Void = {}
  ) throws -> [String] {
    let turn = try #require(syncs.nextStep(for: syncs.takeTicket()).led)
    return try passing(Self.syncPlaces + failpoints) { [syncs] name in
      guard name == "sync.awaited" else { return }
      syncs.publish(upTo: syncs.lastTicket)
      meanwhile()
      syncs.end(turn: turn, count: 2)
    } _: {
      try database.add(durability: .durable)
    }
  }

  private func expectRows(_ count: Int64) throws {
    #expect(try database.count() == count)
    #expect(try fixture.shell("PRAGMA integrity_check; SELECT count(*) FROM item;") == "ok\n\(count)\n")
  }

  @Test("D-1: where nobody else waits, a commit syncs for itself, and all that came before are synced")
  func alone() throws {
    let before = syncs.takeTicket()
    let passed = try passing(Self.syncPlaces) { try database.add(durability: .durable) }
    #expect(passed == ["sync.succeeded"])
    #expect(syncs.lastSynced > before && syncs.lastSynced == syncs.lastTicket)
    #expect(!isWatching)
  }

  @Test("D-3: a process's first commit among others syncs for itself, since errors before it were not seen")
  func firstUse() throws {
    beginSharing()
    let turn = try #require(syncs.nextStep(for: syncs.takeTicket()).led)
    let first = try passing(Self.syncPlaces) { try database.add(durability: .durable) }
    #expect(first == ["sync.succeeded"])
    #expect(isWatching)
    syncs.end(turn: turn, count: 2)
    #expect(try follow() == ["sync.awaited"], "the next one follows")
    try expectRows(3)
  }

  @Test("D-1: a sync is not for those who come while it is under way", arguments: [false, true])
  func late(isShared: Bool) throws {
    if isShared { try beginFollowing() }
    let late = Atomic<UInt64>(0)
    let fault = try SyncFault(database) { [syncs] in
      late.store(syncs.takeTicket(), ordering: .relaxed)
      return SQLITE_OK
    }
    let passed = try passing(Self.syncPlaces) { try database.add(durability: .durable) }
    fault.remove()
    #expect(passed == (isShared ? ["sync.led", "sync.succeeded"] : ["sync.succeeded"]))
    #expect(syncs.lastSynced == late.load(ordering: .relaxed) - 1)
  }

  @Test("D-3: a sync that succeeds while another one fails is published to nobody", arguments: [false, true])
  func concurrentFailure(isShared: Bool) throws {
    if isShared { try beginFollowing() }
    let before = syncs.lastSynced
    let fault = try SyncFault(database) { [gate = fixture.gate] in
      gate.rememberFailedSync() ? SQLITE_OK : SQLITE_IOERR
    }
    try database.add(durability: .durable)
    fault.remove()
    #expect(syncs.lastSynced == before)
    #expect(fixture.gate.operations.count { $0 == Self.amends } == 1)
    #expect(!fixture.gate.hasFailedSync)
  }

  @Test("D-1: a sync of another WAL makes nothing durable that waits for this one's")
  func anotherWAL() throws {
    try beginFollowing()
    let another = try #require(fixture.gate.sharedSyncs(of: FileIdentity(device: 1, inode: 1)))
    let ticket = Atomic<UInt64>(0)
    let passed = try passing(Self.syncPlaces) { name in
      guard name == "sync.led" else { return }
      another.makeCurrent()
      ticket.store(another.takeTicket(), ordering: .relaxed)
    } _: {
      try database.add(durability: .durable)
    }
    #expect(passed == ["sync.led", "sync.succeeded"])
    #expect(another.lastSynced < ticket.load(ordering: .relaxed))
    try database.add(durability: .durable)
    #expect(syncs.isCurrent, "whoever commits next claims the numbers")
  }

  @Test("D-1: commits that wait while one is about to sync need no sync but that one")
  func shared() throws {
    try beginFollowing()
    let passed = try leadOthers { [database] in try database.add(durability: .durable) }
    #expect(passed.filter { $0 == "sync.succeeded" }.count == 1)
    #expect(passed.filter { $0 == "sync.led" }.count == 1)
    #expect(syncs.lastSynced == syncs.lastTicket)
    try expectRows(6)
  }

  @Test("D-3: a sync that fails is nobody's; who waited for it makes up for it, and loses nothing")
  func failedLeader() throws {
    try beginFollowing()
    let before = syncs.lastSynced
    let failed = SQLITE_IOERR | 4 << 8
    let fault = try SyncFault(database) { failed }
    let passed = try leadOthers(whenPublished: { [syncs, gate = fixture.gate] in
      #expect(syncs.lastSynced == before)
      #expect(gate.hasFailedSync)
    }) { [database] in
      #expect(failure { try database.add(durability: .durable) } == .durabilityUnknown)
    }
    fault.remove()
    #expect(passed.filter { $0 == "sync.awaited" }.count >= 3, "one may wait for another turn as well")
    #expect(fixture.gate.operations.contains(Self.amends))
    #expect(!fixture.gate.hasFailedSync)
    try expectRows(6)
  }

  @Test("D-1: whoever had the turn and does nothing holds nobody up, and finishes too when he goes on")
  func stuckLeader() throws {
    try beginFollowing()
    let isLed = Atomic<Bool>(false)
    let isFollowed = Atomic<Bool>(false)
    let passed = try passing("sync.led=note,sync.awaited=note") { name in
      guard name == "sync.led" else { return }
      isLed.store(true, ordering: .releasing)
      expectSoon("the follower to be done") { isFollowed.load(ordering: .acquiring) }
    } _: {
      try inOwnThreads(2) { [database] number in
        if number == 1 { try waitUntil("a leader") { isLed.load(ordering: .acquiring) } }
        try database.add(durability: .durable)
        if number == 1 { isFollowed.store(true, ordering: .releasing) }
      }
    }
    #expect(passed == ["sync.led", "sync.awaited", "sync.led"])
    try expectRows(4)
  }

  @Test(
    "D-3: a follower who is told of a lost write makes up for it, and is durabilityUnknown where he cannot")
  func followerMeetsError() throws {
    try beginFollowing()
    let place = "sync.looked"
    #expect(try follow(",\(place)=error:EIO").contains("sync.awaited"))
    #expect(fixture.gate.operations.count { $0 == Self.amends } == 1)
    #expect(!fixture.gate.hasFailedSync)
    fixture.gate.change { $0.remembers = false }
    #expect(failure { try follow(",\(place)=error:EIO") } == .durabilityUnknown)
    fixture.gate.change { $0.remembers = true }
    try expectRows(4)
  }

  @Test("D-1: who waits for a sync is not durable by that of another WAL")
  func anotherWALMeanwhile() throws {
    try beginFollowing()
    let another = try #require(fixture.gate.sharedSyncs(of: FileIdentity(device: 1, inode: 1)))
    let fault = try SyncFault(database) { SQLITE_IOERR | 4 << 8 }
    let error = failure {
      try follow {
        another.makeCurrent(); another.publish(upTo: another.lastTicket)
      }
    }
    fault.remove()
    #expect(error == .durabilityUnknown, "it has made its own sync")
    try database.makeDurable(deadlineNanoseconds: soon)
    try expectRows(3)
  }

  @Test("D-3: a follower whose process is told nothing looks whether another was, and makes up for it")
  func followerSeesMark() throws {
    try beginFollowing()
    let passed = try follow { [gate = fixture.gate] in _ = gate.rememberFailedSync() }
    #expect(passed == ["sync.awaited"])
    #expect(fixture.gate.operations.count { $0 == Self.amends } == 1)
    #expect(!fixture.gate.hasFailedSync)
    try expectRows(3)
  }

  @Test("D-3: where a follower cannot make up for another's failed sync, it is durabilityUnknown")
  func followerCannotMakeUp() throws {
    try beginFollowing()
    let fault = try SyncFault(database) { SQLITE_IOERR | 4 << 8 }
    let error = failure {
      try follow { [gate = fixture.gate] in _ = gate.rememberFailedSync() }
    }
    fault.remove()
    #expect(error == .durabilityUnknown)
    #expect(fixture.gate.hasFailedSync)
    try database.makeDurable(deadlineNanoseconds: soon)
    try expectRows(3)
  }

  @Test("D-6: the descriptor that watches the WAL is closed with the database, and none watches another file")
  func descriptorOfWAL() throws {
    let wal = fixture.path + "-wal"
    let errors = WritebackErrors()
    errors.watch(wal, database.identity)
    let watchesAnother = errors.isWatching
    #expect(!watchesAnother)
    #expect(descriptors(below: wal).count == 1, "SQLite's own")
    try beginFollowing()
    try database.add(durability: .durable)
    #expect(descriptors(below: wal).count == 2)
    try database.close()
    #expect(descriptors(below: wal).isEmpty)
    #expect(!isWatching)
  }

  /// Has one thread lead, by `lead`, while three others have committed and wait for his sync.
  ///
  /// Who leads is held up before his sync until all wait, and those before they sleep until he has published
  /// what came of it: so nobody loses patience.
  private func leadOthers(
    whenPublished: @escaping @Sendable () -> Void = {}, _ lead: @escaping @Sendable () throws -> Void
  ) throws -> [String] {
    let isLed = Atomic<Bool>(false)
    let isPublished = Atomic<Bool>(false)
    let waiting = Atomic<Int>(0)
    let places = "sync.published=note,sync.awaited=note@2,sync.awaited=note@3," + Self.syncPlaces
    return try passing(places) { name in
      switch name {
      case "sync.led":
        isLed.store(true, ordering: .releasing)
        expectSoon("three to wait") { waiting.load(ordering: .acquiring) == 3 }
      case "sync.awaited":
        waiting.add(1, ordering: .acquiringAndReleasing)
        expectSoon("the leader's sync") { isPublished.load(ordering: .acquiring) }
      case "sync.published":
        whenPublished()
        isPublished.store(true, ordering: .releasing)
      default: break
      }
    } _: {
      try inOwnThreads(4) { [database] number in
        guard number > 0 else { return try lead() }
        try waitUntil("a leader") { isLed.load(ordering: .acquiring) }
        try database.add(durability: .durable)
      }
    }
  }
}

/// Holds a thread up at a failpoint until the condition holds.
private func expectSoon(_ what: String, _ condition: () -> Bool) {
  do { try waitUntil(what, condition) } catch { Issue.record("\(error)") }
}
