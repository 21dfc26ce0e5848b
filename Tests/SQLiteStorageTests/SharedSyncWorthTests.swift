@testable internal import SQLiteStorage
internal import Testing

@Suite("Shared syncs: alone or together")
struct SharedSyncWorthTests {
  private let memory = SharedMemory()
  private let syncs: SharedSyncs

  init() {
    syncs = memory.syncs()
    syncs.makeCurrent()
  }

  private func areWorthSharing(after count: Int) -> Bool {
    for _ in 1..<count { _ = syncs.takeTicket() }
    return syncs.isWorthSharing(for: syncs.takeTicket())
  }

  @Test("few sync side by side; many share, until a turn ends that was for one alone")
  func countsWhoWaits() throws {
    syncs.note(duration: 1)
    #expect(!areWorthSharing(after: 2))
    #expect(areWorthSharing(after: 20))
    for count: UInt64 in [20, 2, 1] {
      let ticket = syncs.takeTicket()
      let turn = try #require(syncs.nextStep(for: ticket).led)
      syncs.publish(upTo: ticket)
      #expect(syncs.isWorthSharing(for: syncs.takeTicket()), "while somebody has the turn")
      syncs.publish(upTo: syncs.lastTicket)
      syncs.end(turn: turn, count: count)
      #expect(areWorthSharing(after: 1) == (count > 1), "after a turn for \(count)")
      syncs.publish(upTo: syncs.lastTicket)
    }
  }

  @Test("those whose tickets are synced wait for nothing")
  func countsOutstanding() {
    syncs.note(duration: 1)
    for _ in 0..<20 { syncs.publish(upTo: syncs.takeTicket()) }
    #expect(!areWorthSharing(after: 1))
    let ticket = syncs.takeTicket()
    for _ in 0..<20 { _ = syncs.takeTicket() }
    syncs.publish(upTo: syncs.lastTicket)
    #expect(!syncs.isWorthSharing(for: ticket))
  }

  @Test("where the disk takes long nobody shares; what counts is the shortest sync of late, of this WAL")
  func usualDuration() throws {
    let second: UInt64 = 1_000_000_000
    syncs.note(duration: second)
    #expect(!areWorthSharing(after: 100))
    let next = memory.syncs(inode: 8)
    next.makeCurrent()
    for _ in 0..<20 { _ = next.takeTicket() }
    #expect(next.isWorthSharing(for: next.lastTicket), "nothing is known of its disk")
    syncs.makeCurrent()
    syncs.publish(upTo: syncs.lastTicket)
    syncs.note(duration: 1_000)
    syncs.note(duration: second)
    #expect(areWorthSharing(after: 100), "one that took long was in somebody's way")
    syncs.makeCurrent()
    syncs.note(duration: 1_000)
    for _ in 0..<1_500 { syncs.note(duration: second) }
    #expect(!areWorthSharing(after: 100), "and many that did are the disk")
  }
}
