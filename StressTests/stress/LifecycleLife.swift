internal import ContainerStateStore
internal import StoreHistory
internal import StressSupport

/// Whole lives of containers as fast as they go: added, created, started, stopped with an exit code, removed.
///
/// Each has a container of its own. Who is killed leaves one in the middle of its life, which the next at his
/// place brings to its end.
struct LifecycleLife {
  private let plan: WorkerPlan
  private let hand: Hand

  init(_ plan: WorkerPlan, _ hand: Hand) {
    self.plan = plan
    self.hand = hand
  }

  func run() {
    guard hand.openPatiently() else { return }
    while plan.board.load(.ending) == 0, !hand.isWorn {
      let left = plan.board.load(plan.place, .container)
      guard let object = left > 0 ? Int(left) - 1 : next() else { break }
      plan.board.store(plan.place, .container, UInt64(object) + 1)
      guard live(object) else { continue }
      plan.board.store(plan.place, .container, 0)
      plan.board.add(.lifecycles)
      if hand.draw(0...63) == 0 { look() }
    }
    hand.close()
  }

  /// A container that nobody has had; nil where there are no more.
  private func next() -> Int? {
    let number = plan.board.next(.lifecyclesBegun)
    return number < plan.options.lifecycles ? hand.objects.count + Int(number) : nil
  }

  /// Brings a container to its end.
  ///
  /// - Returns: whether it has come there.
  private func live(_ object: Int) -> Bool {
    if !hand.isThere(object) {
      // Where it was removed before, its exit code tells.
      if hand.hasCode(object) { return true }
      hand.add(object)
    }
    for _ in 0..<4 {
      guard let status = hand.status(of: object) else { return hand.hasCode(object) }
      switch status {
      case .configured, .created, .unknown: hand.update(object)
      case .running, .paused, .stopping: hand.end(object)
      case .stopped, .exited, .removing:
        hand.readCode(of: object)
        hand.remove(object)
        return !hand.isThere(object)
      }
    }
    return false
  }

  /// What all places are at, in one snapshot.
  private func look() {
    let objects = (0..<plan.options.processes).compactMap { place -> Int? in
      let word = plan.board.load(place, .container)
      return word > 0 ? Int(word) - 1 : nil
    }
    if !objects.isEmpty { hand.list(Array(Set(objects)).sorted()) }
  }

  /// Brings to their end those that are left, and looks that nothing is left of any.
  func endAll() {
    for place in 0..<plan.options.processes {
      let word = plan.board.load(place, .container)
      if word > 0, !live(Int(word) - 1) {
        hand.complaints.add("container \(word - 1) does not come to its end")
      }
    }
    let begun = min(plan.board.load(.lifecyclesBegun), plan.options.lifecycles)
    hand.list((0..<Int(begun)).map { hand.objects.count + $0 })
  }
}
