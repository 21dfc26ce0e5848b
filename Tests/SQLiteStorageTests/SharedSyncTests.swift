internal import CPlatform
internal import Glibc
internal import Platform
@testable internal import SQLiteStorage
internal import StoreTestSupport
internal import Synchronization
internal import Testing

/// Two values over the same memory stand for two processes.
@Suite("Shared syncs: tickets and turns")
struct SharedSyncTests {
  private let memory = SharedMemory()
  private let ours: SharedSyncs
  private let theirs: SharedSyncs

  init() {
    ours = memory.syncs()
    theirs = memory.syncs()
    ours.makeCurrent()
  }

  /// The turn of somebody who has just come, and his ticket.
  private func led() throws -> (ticket: UInt64, turn: UInt32) {
    let ticket = ours.takeTicket()
    return (ticket, try #require(ours.nextStep(for: ticket).led))
  }

  /// What somebody who has just come waits with, and his ticket.
  private func awaited() throws -> (ticket: UInt64, turn: UInt32) {
    let ticket = theirs.takeTicket()
    return (ticket, try #require(theirs.nextStep(for: ticket).awaited))
  }

  @Test("D-1: a ticket is synced only by a sync that began after it was taken")
  func tickets() throws {
    #expect(theirs.isCurrent)
    let early = ours.takeTicket()
    let covered = theirs.lastTicket
    let late = ours.takeTicket()
    #expect(early < late)
    theirs.publish(upTo: covered)
    #expect(ours.lastSynced == early)
    #expect(ours.nextStep(for: early) == .nothing)
    #expect(ours.nextStep(for: late).led != nil)
    theirs.publish(upTo: theirs.lastTicket)
    #expect(ours.lastSynced == late)
    theirs.publish(upTo: covered)
    #expect(ours.lastSynced == late, "who publishes late takes nothing back")
    #expect(ours.nextStep(for: late) == .nothing)
  }

  @Test("D-1: numbers near their end are no tickets, whoever has written them")
  func numbersAtTheirEnd() {
    #expect(ours.isCurrent)
    ours.publish(upTo: 1 << 62)
    #expect(ours.isCurrent, "what is synced says nothing of tickets")
    ours.makeCurrent()
    #expect(!ours.isCurrent && !theirs.isCurrent)
    #expect(ours.takeTicket() > 1 << 62)
  }

  @Test("D-1: one has the turn to sync, and who is not covered by his sync has the next")
  func turns() throws {
    let leader = try led()
    let covered = try awaited()
    let noted = ours.lastTicket
    let late = try awaited()
    ours.publish(upTo: noted)
    ours.end(turn: leader.turn, count: 2)
    #expect(theirs.nextStep(for: covered.ticket) == .nothing)
    let next = try #require(theirs.nextStep(for: late.ticket).led)
    #expect(next != leader.turn)
    #expect(ours.nextStep(for: ours.takeTicket()).awaited != nil)
  }

  @Test("D-1: whoever loses patience takes the turn over; who had it is believed, and takes no turn away")
  func takingOver() throws {
    let leader = try led()
    let (first, second) = (try awaited(), try awaited())
    #expect(first.turn == second.turn)
    let noted = ours.lastTicket
    #expect(theirs.nextStep(for: first.ticket).awaited != nil, "nobody has lost patience yet")
    let taken = try #require(theirs.nextStep(for: first.ticket, after: first.turn).led)
    let awaited = try #require(theirs.nextStep(for: second.ticket, after: second.turn).awaited)
    #expect(awaited != second.turn, "the second one waits for the new turn")
    let late = theirs.takeTicket()

    ours.publish(upTo: noted)
    #expect(theirs.wait(for: second.ticket, turn: awaited), "there is nothing left to wait for")
    #expect(theirs.nextStep(for: second.ticket) == .nothing)
    ours.end(turn: leader.turn, count: 3)
    #expect(theirs.nextStep(for: late).awaited == awaited, "that turn goes on")
    theirs.publish(upTo: late)
    theirs.end(turn: taken, count: 1)
    #expect(ours.nextStep(for: ours.takeTicket()).led != nil)
  }

  @Test("a wait ends with the turn that it is for, even before it begins, or with patience")
  func waits() throws {
    let leader = try led()
    let awaited = try awaited()
    #expect(!theirs.wait(for: awaited.ticket, turn: awaited.turn), "nothing has happened")
    #expect(!theirs.wait(for: awaited.ticket, turn: awaited.turn), "it can be waited for again")
    ours.end(turn: leader.turn, count: 1)
    #expect(theirs.wait(for: awaited.ticket, turn: awaited.turn))
  }

  @Test("a wait sleeps, and its turn's end in another thread is its end")
  func waitInThread() throws {
    let leader = try led()
    let awaited = try awaited()
    let hasEnded = Mutex(false)
    try inParallel(2) { [self] number in
      if number == 1 {
        try waitUntil("a wait for the turn") { memory.isSleptOn }
        return ours.end(turn: leader.turn, count: 1)
      }
      let limit = Deadline.after(.seconds(20))
      while !limit.isPast, !hasEnded.withLock({ $0 }) {
        let isOver = theirs.wait(for: awaited.ticket, turn: awaited.turn)
        hasEnded.withLock { $0 = isOver }
      }
    }
    #expect(hasEnded.withLock { $0 })
  }

  @Test("the end of a turn wakes all who sleep until then")
  func wakes() throws {
    let leader = try led()
    let awaited = try awaited()
    let limit = Deadline.after(.seconds(20))
    let woken = Mutex(0)
    try inParallel(3) { [self] number in
      if number == 0 {
        try waitUntil("two sleepers") { memory.sleeperCount == 2 }
        return ours.end(turn: leader.turn, count: 1)
      }
      // Without the patience of `wait`, with which it would go on unwoken too.
      while memory.turn.pointee.load(ordering: .acquiring) == awaited.turn, !limit.isPast {
        platform_sleep_shared(memory.futex, awaited.turn, limit.nanoseconds)
      }
      if !limit.isPast { woken.withLock { $0 += 1 } }
    }
    #expect(woken.withLock { $0 } == 2)
  }

  @Test("D-1: the numbers of one WAL and boot are not another's, and no ticket is given twice")
  func anotherSubject() throws {
    let leader = try led()
    let old = ours.takeTicket()
    for next in [memory.syncs(inode: 8), memory.syncs(boot: 2), memory.syncs(device: 3)] {
      #expect(!next.isCurrent)
      next.makeCurrent()
      #expect(next.isCurrent && !ours.isCurrent)
      let ticket = next.takeTicket()
      #expect(ticket > old)
      #expect(next.nextStep(for: ticket).led != nil, "the turn that nobody ended is free")
      ours.publish(upTo: old)
      #expect(next.lastSynced < ticket, "what is published late is of the old numbers")
      ours.makeCurrent()
    }
    #expect(leader.ticket < old)
  }

  @Test("D-1: a page of which a crash has left the words of different moments makes no ticket look synced")
  func stalePage() throws {
    memory.set(SharedMemory.taken, to: 3)
    memory.set(SharedMemory.synced, to: 90)
    memory.turn.pointee.store(.max, ordering: .relaxed)
    let next = memory.syncs(boot: 2)
    next.makeCurrent()
    let ticket = next.takeTicket()
    #expect(next.lastSynced < ticket)
    let turn = try #require(next.nextStep(for: ticket).led)
    next.publish(upTo: next.lastTicket)
    next.end(turn: turn, count: 1)
    #expect(next.nextStep(for: ticket) == .nothing)
  }
}

/// The memory that processes share, with its words as `SharedSyncs` has them.
final class SharedMemory: Sendable {
  static let taken = 1
  static let synced = 2
  private static let turnOffset = 32

  nonisolated(unsafe) private let address: UnsafeMutableRawPointer

  init() {
    address = .allocate(byteCount: SharedSyncs.size, alignment: SharedSyncs.size)
    address.initializeMemory(as: UInt8.self, repeating: 0, count: SharedSyncs.size)
  }

  deinit { address.deallocate() }

  func syncs(boot: UInt64 = 1, device: UInt64 = 2, inode: UInt64 = 7) -> SharedSyncs {
    SharedSyncs(at: address, boot: boot, wal: FileIdentity(device: device, inode: inode))
  }

  func set(_ word: Int, to value: UInt64) {
    (address + 8 * word).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(value, ordering: .relaxed)
  }

  var turn: UnsafePointer<Atomic<UInt32>> {
    UnsafePointer((address + Self.turnOffset).assumingMemoryBound(to: Atomic<UInt32>.self))
  }

  var futex: UnsafePointer<UInt32> {
    UnsafePointer((address + Self.turnOffset).assumingMemoryBound(to: UInt32.self))
  }

  /// How many threads of this process the kernel has sleeping on the word of the turn.
  var sleeperCount: Int {
    // The number of the call and its arguments, the first of which is the address.
    let word = "0x" + String(UInt(bitPattern: address + Self.turnOffset), radix: 16)
    return entries(ofDirectory: "/proc/self/task").count { thread in
      let call = (try? readText(atPath: "/proc/self/task/\(thread)/syscall"))?.split(separator: " ") ?? []
      return call.count > 1 && call[1] == word
    }
  }

  var isSleptOn: Bool { sleeperCount > 0 }
}

extension SharedSyncs.Step {
  /// The caller's turn, where the step is to sync.
  var led: UInt32? { if case .sync(let turn) = self { turn } else { nil } }
  /// The turn of another, where the step is to wait.
  var awaited: UInt32? { if case .wait(let turn) = self { turn } else { nil } }
}
