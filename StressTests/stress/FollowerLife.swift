internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// Reads the sequence of changes on from where its place stopped, whoever was killed there.
struct FollowerLife {
  private let plan: WorkerPlan
  private let hand: Hand
  private static let waitNanoseconds: UInt64 = 100_000_000

  init(_ plan: WorkerPlan, _ hand: Hand) {
    self.plan = plan
    self.hand = hand
  }

  func run() throws {
    guard hand.openPatiently(), let store = hand.store else { return }
    var reader: ChangeReader?
    while plan.board.load(.ending) == 0, !hand.isWorn {
      do { reader = try reader ?? FaultScope.suffering { try ChangeReader(store) } } catch {
        let code = (error as? StoreError)?.code
        if !(code.map(hand.excuse) ?? false) { hand.complaints.add("a reader of changes: \(error)") }
        continue
      }
      if let reader { step(reader) }
    }
    hand.close()
  }

  private func step(_ reader: ChangeReader) {
    if hand.draw(0...19) == 0 { return hand.changes() }
    let now = clockNanoseconds(CLOCK_MONOTONIC)
    let position = Int64(plan.board.load(plan.place, .position))
    // What was journalled is dealt with; who is killed before he says so reads it once more.
    if let next = hand.follow(reader, after: position, deadlineNanoseconds: now + Self.waitNanoseconds) {
      plan.board.store(plan.place, .position, UInt64(next))
    }
  }
}
