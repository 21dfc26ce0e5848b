@testable internal import ContainerStateStore
internal import Glibc
@testable internal import SQLiteStorage
internal import StoreTestSupport
internal import Testing

/// One process has committed and is about to sync for all, and is stopped there; another has committed too
/// and is stopped before it sleeps until then: only then one of them is killed, or goes on.
@Suite("Shared syncs of processes that are killed")
struct SharedSyncKillTests {
  private let fixture: StoreFixture
  private let store: StateStore
  private let syncs: SharedSyncs
  private let first: ContainerID
  private let second: ContainerID

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    first = try store.add("a")
    second = try store.add("b")
    syncs = try #require(store.gate.sharedSyncs(of: store.database.walIdentity))
    #expect(syncs.isCurrent)
  }

  /// A process that may follow another's sync, since it has made a change while syncs were shared; they are.
  private func sharer(_ id: ContainerID, _ failpoints: String) throws -> ChildProcess {
    let child = try fixture.child(failpoints: failpoints)
    // As where many wait and the disk is fast.
    syncs.note(duration: 1)
    for _ in 0..<4 { _ = syncs.takeTicket() }
    #expect(syncs.isWorthSharing(for: syncs.lastTicket))
    #expect(try child.succeed("count \(id) 1") == "1")
    return child
  }

  /// A process that is stopped where it is about to sync for all.
  private func stoppedLeader(_ failpoints: String = "") throws -> ChildProcess {
    let leader = try sharer(first, "sync.led=stop" + failpoints)
    try leader.send("count a 1")
    try leader.waitUntilStopped()
    return leader
  }

  private func expectCounts(_ first: Int32, _ second: Int32) throws {
    #expect(try store.state(of: self.first).restartCount == first)
    #expect(try store.state(of: self.second).restartCount == second)
    try expectClean(store)
  }

  /// Where who has the turn dies, and whether others need a sync after that.
  static let places = [("sync.led", true), ("sync.succeeded", true), ("sync.published", false)]

  @Test(
    "D-1: whoever has the turn is killed before, in or after his sync, and who waits is durable",
    arguments: places)
  func leaderKilled(place: String, needsAnother: Bool) throws {
    // The first sync of each is its own.
    let time = place == "sync.succeeded" ? 2 : 1
    let leader = try stoppedLeader(place == "sync.led" ? "" : ",\(place)=kill@\(time)")
    let follower = try sharer(second, "sync.awaited=stop" + (needsAnother ? "" : ",sync.led=kill"))
    try follower.send("count b 1")
    try follower.waitUntilStopped()
    let ticket = syncs.lastTicket
    if place == "sync.led" { leader.signal(SIGKILL) } else { leader.cont() }
    #expect(try leader.waitForExit() == .signal(SIGKILL))
    #expect((syncs.lastSynced >= ticket) == !needsAnother)
    follower.cont()
    #expect(try follower.expect("ok") == "2")
    #expect(syncs.lastSynced >= ticket)
    try expectCounts(2, 2)
    let next = try sharer(try store.add("c"), "")
    #expect(try next.succeed("count a 1") == "3", "nothing of the dead is in the way")
  }

  @Test("D-1: one who waits is killed, and who has the turn and who comes later are durable")
  func followerKilled() throws {
    let leader = try stoppedLeader()
    let follower = try sharer(second, "sync.awaited=kill")
    try follower.send("count b 1")
    #expect(try follower.waitForExit() == .signal(SIGKILL))
    leader.cont()
    #expect(try leader.expect("ok") == "2")
    #expect(syncs.lastSynced == syncs.lastTicket)
    try expectCounts(2, 2)
    let next = try sharer(try store.add("c"), "")
    #expect(try next.succeed("count b 1") == "3")
  }

  @Test("D-1: whoever has the turn and is stopped holds nobody up, and is durable when he goes on")
  func leaderStopped() throws {
    let leader = try stoppedLeader()
    let follower = try sharer(second, "sync.awaited=note")
    for count in 2...4 { #expect(try follower.succeed("count b 1") == "\(count)") }
    try expectCounts(2, 4)
    leader.cont()
    #expect(try leader.expect("ok") == "2")
    #expect(try leader.succeed("count b 1") == "5")
    #expect(syncs.lastSynced == syncs.lastTicket)
    try expectClean(store)
  }

  @Test("D-3: who has the turn is killed after an error, and who waits makes up for it")
  func leaderFails() throws {
    let leader = try stoppedLeader(",commit.before-sync=error:EIO@2,sync.published=kill")
    let follower = try sharer(second, "sync.awaited=stop")
    try follower.send("count b 1")
    try follower.waitUntilStopped()
    let ticket = syncs.lastTicket
    leader.cont()
    #expect(try leader.waitForExit() == .signal(SIGKILL))
    #expect(syncs.lastSynced < ticket && store.gate.hasFailedSync)
    follower.cont()
    #expect(try follower.expect("ok") == "2")
    #expect(!store.gate.hasFailedSync)
    try expectCounts(2, 2)
  }
}
