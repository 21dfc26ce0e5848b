internal import CPlatform
internal import Glibc
package import Platform
internal import Synchronization

/// How those who wait for a sync of the WAL at one time share one, over all processes: words of memory that
/// all of them have mapped.
///
/// Who has committed and wants that durable takes a *ticket*. Whoever is about to sync notes the last
/// ticket that is taken, and publishes that number when his sync has succeeded: up to it all are durable,
/// since each of those commits was written before that sync began. Where few wait, each of them syncs at
/// once, side by side with the others; where many do, one has the *turn*, and the others sleep until it
/// ends.
///
/// Nobody depends on anybody: who has the turn and ends it not, killed or stopped or on a slow disk, has it
/// taken from him, and is believed where he publishes after all.
package struct SharedSyncs: Sendable {
  /// How many bytes it has, from an address that is divisible by that.
  package static let size = 64

  /// What has to be done before a ticket's commit is known to be durable.
  enum Step: Equatable {
    /// It is.
    case nothing
    /// A sync, by the caller, who has the turn that this word is about.
    case sync(turn: UInt32)
    /// To wait for the turn of somebody else, while the word is this one.
    case wait(turn: UInt32)
  }

  // SAFETY: all of it is touched by atomic operations and futexes alone; the memory outlives this value,
  // which is the duty of whoever gave it (`WriteGate.sharedSyncs`).
  private nonisolated(unsafe) let address: UnsafeMutableRawPointer
  /// Which WAL it is about, in which boot.
  private let subject: UInt64

  /// - Parameters:
  ///   - address: of `size` bytes, which hold zeros at first, and anything after a reboot or a copy.
  ///   - boot: differs from one boot to the next.
  ///   - wal: the WAL that is synced.
  package init(at address: UnsafeMutableRawPointer, boot: UInt64, wal: FileIdentity) {
    self.address = address
    subject = (boot &* Self.spread ^ wal.device) &* Self.spread ^ wal.inode | 1
  }

  // MARK: What it is about

  /// Whether the numbers are about this WAL in this boot.
  ///
  /// Tickets of another WAL are never taken for ours: whoever takes one of ours has seen that this is true
  /// before, and who syncs another WAL looks here after he has noted the last ticket.
  var isCurrent: Bool {
    // Numbers near their end are no tickets: the file was overwritten, and each syncs for himself.
    word(0).pointee.load(ordering: .acquiring) == subject && lastTicket < 1 << 62
  }

  /// Makes the numbers be about this WAL; called inside the gate.
  ///
  /// None is ever taken back, so whoever publishes late publishes nothing of ours.
  func makeCurrent() {
    // What a reboot or a copy of the file has left may be of different moments.
    raise(Self.taken, to: lastSynced)
    // A turn that nobody has ended is free, and none has a number that was given before.
    let next = turn.pointee.load(ordering: .relaxed) &+ Self.oneTurn
    turn.pointee.store(next & ~(Self.oneTurn - 1), ordering: .relaxed)
    word(Self.usual).pointee.store(0, ordering: .relaxed)
    word(0).pointee.store(subject, ordering: .releasing)
  }

  // MARK: Tickets

  /// A ticket for all that has been committed so far.
  func takeTicket() -> UInt64 {
    word(Self.taken).pointee.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue
  }

  /// The last ticket; a sync that begins after this covers all up to it.
  var lastTicket: UInt64 { word(Self.taken).pointee.load(ordering: .acquiring) }

  /// The last ticket after which a sync has begun that succeeded.
  var lastSynced: UInt64 { word(Self.synced).pointee.load(ordering: .acquiring) }

  /// Says that a sync has succeeded that began after this ticket was the last.
  func publish(upTo ticket: UInt64) { raise(Self.synced, to: ticket) }

  // MARK: Alone or together

  /// Whether as many wait for a sync as make sharing one worth its wait.
  ///
  /// A sync of one's own costs the processors some 120 µs and takes as long as the disk does. A shared one
  /// costs next to nothing, and takes twice that: who comes while one is under way waits for the next. So
  /// sharing pays where the processors have more to do with all those syncs than the disk. Whether it does
  /// is found out when somebody comes, and again at the end of each turn, so the answer stays for a while.
  func isWorthSharing(for ticket: UInt64) -> Bool {
    if turn.pointee.load(ordering: .relaxed) & Self.isShared != 0 { return true }
    let synced = lastSynced
    let waiting = ticket > synced ? ticket - synced : 0
    guard waiting >= Self.fewest, isProfitable(waiting) else { return false }
    turn.pointee.bitwiseOr(Self.isShared, ordering: .relaxed)
    return true
  }

  /// Notes how long a sync took, in nanoseconds.
  ///
  /// Kept is what it takes when nothing is in its way: the shortest of late, which ages by a 16th with each.
  /// A guess: whoever overwrites another's note does no harm.
  func note(duration: UInt64) {
    let usual = word(Self.usual)
    let before = usual.pointee.load(ordering: .relaxed)
    let isShortest = before == 0 || duration < before
    usual.pointee.store(isShortest ? max(1, duration) : before &+ before / 16 &+ 1, ordering: .relaxed)
  }

  private func isProfitable(_ count: UInt64) -> Bool {
    count &* Self.worthOfSync >= word(Self.usual).pointee.load(ordering: .relaxed)
  }

  // MARK: Turns

  /// What is to be done next for a ticket.
  ///
  /// - Parameters:
  ///   - ticket: the caller's.
  ///   - silent: the word that the caller waited with until he lost patience: that turn becomes his.
  /// - Returns: the step; a turn that it gives has to be ended (`end`).
  func nextStep(for ticket: UInt64, after silent: UInt32? = nil) -> Step {
    var found = turn.pointee.load(ordering: .acquiring)
    while lastSynced < ticket {
      let isFree = found & Self.isTaken == 0 || found == silent
      let wanted = isFree ? (found &+ Self.oneTurn) | Self.isTaken : found | Self.isAwaited
      if wanted != found {
        let (isDone, other) = turn.pointee.compareExchange(
          expected: found, desired: wanted, ordering: .acquiringAndReleasing)
        guard isDone else {
          found = other
          continue
        }
      }
      return isFree ? .sync(turn: wanted) : .wait(turn: wanted)
    }
    return .nothing
  }

  /// Sleeps until the turn ends, the ticket is synced, or patience ends.
  ///
  /// - Parameters:
  ///   - ticket: the caller's.
  ///   - awaited: the turn, as `nextStep` gave it.
  /// - Returns: false where patience has ended: the next step is to take the turn over.
  func wait(for ticket: UInt64, turn awaited: UInt32) -> Bool {
    let end = Clock.monotonicNanoseconds + Self.patienceNanoseconds
    while turn.pointee.load(ordering: .acquiring) == awaited, lastSynced < ticket {
      guard Clock.monotonicNanoseconds < end else { return false }
      platform_sleep_shared(futex, awaited, end)
    }
    return true
  }

  /// Ends a turn, after what it has achieved was published, and wakes those who wait.
  ///
  /// - Parameters:
  ///   - mine: the turn, as `nextStep` gave it.
  ///   - count: how many tickets have become durable since it began.
  func end(turn mine: UInt32, count: UInt64) {
    let staysShared = count > 1 && isProfitable(2 * count)
    var found = turn.pointee.load(ordering: .acquiring)
    // Somebody who lost patience may have the turn by now. Those who wait are woken in any case.
    while (found ^ mine) < Self.oneTurn {
      let flags = Self.isTaken | Self.isAwaited | (staysShared ? 0 : Self.isShared)
      let (isDone, other) = turn.pointee.compareExchange(
        expected: found, desired: (found &+ Self.oneTurn) & ~flags, ordering: .acquiringAndReleasing)
      if isDone { break }
      found = other
    }
    if found & Self.isAwaited != 0 { platform_wake_shared(futex, .max) }
  }

  // MARK: Words

  private static let isTaken: UInt32 = 1
  private static let isAwaited: UInt32 = 2
  private static let isShared: UInt32 = 4
  private static let oneTurn: UInt32 = 8

  private static let taken = 1
  private static let synced = 2
  private static let usual = 3
  private static let turnWord = 4

  /// How long somebody waits for the turn of another.
  private static let patienceNanoseconds: UInt64 = 10_000_000
  /// So many wait at least; fewer gain nothing, whatever the disk.
  private static let fewest: UInt64 = 4
  /// How much longer the disk may take for each that is spared a sync of his own, in nanoseconds: measured
  /// with two processors, and half as much with twice as many.
  private static let worthOfSync = 120_000 / UInt64(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  private static let spread: UInt64 = 0x9e37_79b9_7f4a_7c15

  private func word(_ number: Int) -> UnsafePointer<Atomic<UInt64>> {
    UnsafeRawPointer(address + 8 * number).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  private var turn: UnsafePointer<Atomic<UInt32>> {
    UnsafeRawPointer(word(Self.turnWord)).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  private var futex: UnsafePointer<UInt32> { UnsafeRawPointer(turn).assumingMemoryBound(to: UInt32.self) }

  private func raise(_ number: Int, to value: UInt64) {
    word(number).pointee.max(value, ordering: .acquiringAndReleasing)
  }
}
