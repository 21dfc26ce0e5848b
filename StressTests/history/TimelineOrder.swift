/// Compares the order of one object's states with the times at which operations saw and made them.
struct TimelineOrder {
  /// A time in which an operation was, and the slots before and after it.
  struct Visit {
    var began: UInt64
    var ended: UInt64
    /// The last slot that may have been the object's state when it took effect.
    var before: Int32
    /// The first slot that may have been the object's state then; a write has made this one.
    var after: Int32
    var operation: Int32
    var isWrite = false
  }

  /// Visits, ready to be asked for what had ended, or had not begun, at a time.
  private struct Index {
    private var byEnd: [(time: UInt64, visit: Int32)]
    private var byBeginning: [(time: UInt64, visit: Int32)]
    /// For each place in `byEnd`, the visit up to there with the highest slot.
    private var highest: [Int32]
    /// For each place in `byBeginning`, the visit from there with the lowest slot.
    private var lowest: [Int32]

    init(_ visits: [Visit]) {
      byEnd = []
      byBeginning = []
      for (index, visit) in visits.enumerated() {
        if visit.ended != .max { byEnd.append((visit.ended, Int32(index))) }
        byBeginning.append((visit.began, Int32(index)))
      }
      byEnd.sort { $0.time < $1.time }
      byBeginning.sort { $0.time < $1.time }
      highest = byEnd.map(\.visit)
      for index in highest.indices.dropFirst()
      where visits[Int(highest[index - 1])].after >= visits[Int(highest[index])].after {
        highest[index] = highest[index - 1]
      }
      lowest = byBeginning.map(\.visit)
      for index in lowest.indices.dropLast().reversed()
      where visits[Int(lowest[index + 1])].before <= visits[Int(lowest[index])].before {
        lowest[index] = lowest[index + 1]
      }
    }

    /// The visit with the highest slot of those that had ended before a time.
    func highest(endedBefore time: UInt64) -> Int32? {
      let count = Self.count(byEnd) { $0 < time }
      return count > 0 ? highest[count - 1] : nil
    }

    /// The visit with the lowest slot of those that began after a time.
    func lowest(begunAfter time: UInt64) -> Int32? {
      let count = Self.count(byBeginning) { $0 <= time }
      return count < lowest.count ? lowest[count] : nil
    }

    private static func count(_ times: [(time: UInt64, visit: Int32)], _ isIn: (UInt64) -> Bool) -> Int {
      var (low, high) = (0, times.count)
      while low < high {
        let middle = (low + high) / 2
        if isIn(times[middle].time) { low = middle + 1 } else { high = middle }
      }
      return low
    }
  }

  private static let limit = 2 * Checker.limitPerObject
  private let timeline: Timeline
  private let history: History
  private var visits: [Visit] = []
  private(set) var anomalies: [Anomaly] = []

  init(_ timeline: Timeline, history: History, graph: inout DependencyGraph) {
    self.timeline = timeline
    self.history = history
    addWrites(&graph)
    addPlacedReads(&graph)
    addLooseReads(&graph)
    findViolations()
  }

  private var object: Steps.Object { timeline.object }

  private mutating func addWrites(_ graph: inout DependencyGraph) {
    let slots = timeline.slots
    visits.reserveCapacity(object.writes.count * 2 + object.reads.count)
    var last: Int32 = -1
    for (index, slot) in slots.enumerated().dropFirst() where slot.node >= 0 {
      if last >= 0 { graph.addWriteOrder(last, slot.node, object: object.number) }
      last = slot.node
      // Whether the last absence came to be is open while nobody is known to have brought it about.
      if index + 1 == slots.count, slot.isAbsence, slot.ended == .max { continue }
      visits.append(
        Visit(
          began: slot.began, ended: slot.ended, before: Int32(index) - 1, after: Int32(index),
          operation: slot.operation, isWrite: true))
    }
  }

  private mutating func addPlacedReads(_ graph: inout DependencyGraph) {
    for read in object.reads {
      switch read.sight {
      case .version(let version): addPlaced(read, version.value, &graph)
      case .value(let value): addPlaced(read, value, &graph)
      case .half:
        add(.halfDone, [read.operation], "\(object.name) was seen half.")
      case .present, .absent: break
      }
    }
  }

  private mutating func addPlaced(_ read: Steps.Read, _ value: UInt64, _ graph: inout DependencyGraph) {
    guard let place = timeline.versions.places[value], let slot = timeline.slotOfPlace[place] else { return }
    visits.append(
      Visit(began: read.began, ended: read.ended, before: slot, after: slot, operation: read.operation))
    guard read.step >= 0 else { return }
    addEdges(read.step, from: slot, to: slot + 1, &graph)
  }

  /// From the change that made `slot` to a read, and from the read to the change that made `next`.
  private func addEdges(_ step: Int32, from slot: Int32, to next: Int32, _ graph: inout DependencyGraph) {
    let slots = timeline.slots
    if slot >= 0, slots[Int(slot)].node >= 0 {
      graph.addEdge(slots[Int(slot)].node, step, .seen, object: object.number)
    }
    var next = Int(next)
    while next < slots.count, slots[next].node < 0 { next += 1 }
    if next < slots.count { graph.addEdge(step, slots[next].node, .replaced, object: object.number) }
  }
}

// MARK: - Reads that fit several slots

extension TimelineOrder {
  /// Reads that saw only whether the object was there.
  ///
  /// What they had to come after and before is taken from all slots they fit in, so that whatever is
  /// concluded holds for each.
  private mutating func addLooseReads(_ graph: inout DependencyGraph) {
    let index = Index(visits)
    let placed = visits
    for read in object.reads {
      let isAbsent = read.sight == .absent
      guard isAbsent || read.sight == .present else { continue }
      // A container that nobody described may have been there.
      if !isAbsent, timeline.unplacedAddition <= read.ended { continue }
      let earlier = index.highest(endedBefore: read.began)
      let later = index.lowest(begunAfter: read.ended)
      let first = earlier.map { placed[Int($0)].after } ?? 0
      let last = later.map { placed[Int($0)].before } ?? Int32(timeline.slots.count - 1)
      let end = lastPossible(last, read)
      let low = (isAbsent ? timeline.nextAbsence : timeline.nextVersion)[Int(first)]
      let high = (isAbsent ? timeline.lastAbsence : timeline.lastVersion)[Int(end)]
      guard low >= 0, high >= low else {
        let end = lastPossible(Int32(timeline.slots.count - 1), read)
        if isAbsent, !isCondition(read), case let gap = timeline.nextAbsence[Int(first)], gap >= 0,
          gap <= end, let later
        {
          addReturn(read, placed[Int(later)])
        } else {
          addImpossible(read, earlier: earlier.map { placed[Int($0)] })
        }
        continue
      }
      visits.append(
        Visit(began: read.began, ended: read.ended, before: high, after: low, operation: read.operation))
      if isAbsent {
        addEdges(read.step, from: low, to: high + 1, &graph)
      } else {
        let after = timeline.nextAbsence[Int(high)]
        let next = after < 0 ? Int32(timeline.slots.count) : after
        addEdges(read.step, from: timeline.lastAbsence[Int(low)] + 1, to: next, &graph)
      }
    }
  }

  /// The last slot up to `last` that may have begun before the read ended.
  private func lastPossible(_ last: Int32, _ read: Steps.Read) -> Int32 {
    let slots = timeline.slots
    // Only the open end of the last generation is no visit yet.
    if Int(last) == slots.count - 1, slots[Int(last)].began > read.ended { return last - 1 }
    return last
  }

  /// A container that was absent, as it may have been, and is there again without an addition.
  private mutating func addReturn(_ read: Steps.Read, _ later: Visit) {
    guard anomalies.count < Self.limit else { return }
    add(
      .resurrected, [read.operation, later.operation],
      "Operation \(later.operation) found \(object.name) as of \(name(later.before)), although it had"
        + " been absent before.")
  }

  /// Whether a write says of another object what it relied on.
  private func isCondition(_ read: Steps.Read) -> Bool {
    let operation = history.operations[Int(read.operation)]
    guard operation.verb.isWrite, case .succeeded = operation.outcome else { return false }
    return !operation.accesses.contains { $0.object == object.number }
  }

  private mutating func addImpossible(_ read: Steps.Read, earlier: Visit?) {
    guard anomalies.count < Self.limit else { return }
    let operations = [earlier?.operation ?? -1, read.operation]
    if isCondition(read) {
      let what = read.sight == .present ? "was not there" : "was there"
      return add(
        .brokenRule, operations,
        "\(object.name) \(what) at the moment of operation \(read.operation), which that"
          + " excludes.")
    }
    if read.sight == .present {
      let wasRemoved = earlier.map { timeline.slots[Int($0.after)].isAbsence && $0.after > 0 } ?? false
      return add(
        wasRemoved ? .resurrected : .futureRead, operations,
        "\(object.name) was seen there at a time at which it was not.")
    }
    guard let earlier else {
      return add(
        .lostWrite, operations, "\(object.name) was absent while it had to be there.")
    }
    let seenLater = visits.contains { $0.began > read.began && $0.after >= earlier.after && !$0.isWrite }
    let kind = kind(
      of: read.operation, missing: earlier.after, otherwise: seenLater ? .staleRead : .lostWrite)
    add(
      kind, operations,
      "\(object.name) was absent, although \(name(earlier.after)) was known before and nobody had"
        + " removed it.")
  }
}

// MARK: - Violations

extension TimelineOrder {
  /// Pairs of which the later one saw or replaced an older state than the earlier one saw or made.
  ///
  /// One lost write makes thousands of reads stale; the first ones tell enough.
  private mutating func findViolations() {
    let index = Index(visits)
    for visit in visits {
      guard anomalies.count < Self.limit else { return }
      guard let found = index.highest(endedBefore: visit.began) else { continue }
      let earlier = visits[Int(found)]
      if earlier.after > visit.before { addViolation(earlier, visit) }
    }
  }

  private mutating func addViolation(_ earlier: Visit, _ later: Visit) {
    let text =
      "Operation \(later.operation) found \(object.name) as of \(name(later.before)), although"
      + " \(name(earlier.after)) was there before it began."
    guard !later.isWrite else {
      let isFuture = !earlier.isWrite && earlier.after == later.after
      return add(
        earlier.isWrite ? .g0 : isFuture ? .futureRead : .g1c, [earlier.operation, later.operation], text)
    }
    let slot = timeline.slots[Int(later.before)]
    let end = timeline.nextAbsence[Int(later.before)]
    if !slot.isAbsence, end >= 0, end <= earlier.after {
      return add(.resurrected, [earlier.operation, later.operation], text)
    }
    let isLost =
      earlier.isWrite
      && !visits.contains { $0.began > later.began && !$0.isWrite && $0.after >= earlier.after }
    let kind = kind(
      of: later.operation, missing: later.before + 1, otherwise: isLost ? .lostWrite : .staleRead)
    add(kind, [earlier.operation, later.operation], text)
  }

  /// What it is called when a read misses `slot`: by whether the same session had seen or written it.
  private func kind(of read: Int32, missing slot: Int32, otherwise: Anomaly.Kind) -> Anomaly.Kind {
    let operation = history.operations[Int(read)]
    let own = visits.filter { visit in
      guard visit.operation >= 0, visit.after >= slot, visit.ended < operation.began else { return false }
      return history.operations[Int(visit.operation)].session == operation.session
    }
    if otherwise == .lostWrite { return own.contains { !$0.isWrite } ? .nonMonotoneRead : otherwise }
    if own.contains(where: \.isWrite) { return .readYourWrites }
    return own.isEmpty ? otherwise : .nonMonotoneRead
  }

  private func name(_ slot: Int32) -> String {
    let slot = timeline.slots[Int(slot)]
    guard let place = slot.place else {
      return slot.generation == .min ? "its absence at first" : "its removal (generation \(slot.generation))"
    }
    return "revision \(place)"
  }

  private mutating func add(_ kind: Anomaly.Kind, _ operations: [Int32], _ text: String) {
    let known = operations.filter { $0 >= 0 }.map(Int.init)
    var dependencies: [Dependency] = []
    if known.count > 1 {
      dependencies = [
        Dependency(from: known[0], to: known[1], reason: .realTime),
        Dependency(from: known[1], to: known[0], reason: .older, object: object.number),
      ]
    }
    anomalies.append(
      Anomaly(kind, objects: [object.number], operations: known, dependencies: dependencies, text))
  }
}
