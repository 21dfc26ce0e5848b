/// Whether the sequence of changes tells what was done: everything, once, in the order of the commits, and at
/// once.
///
/// What one writer was told is the revision it made, and changes name revisions. So each version that has
/// been acknowledged has its place in the sequence, as soon as it is known which life of the record it
/// belongs to: lives are matched from the first and from the last one, and where both agree there is no other
/// way.
struct ChangeCheck {
  /// A change that somebody made, and between which places of the sequence it stands.
  private struct Event {
    var object: Int
    var operation: Int32
    var began: UInt64
    var ended: UInt64
    var low: Int64
    var high: Int64
  }

  private(set) var anomalies: [Anomaly]
  private let table: ChangeTable
  private let lives: RecordedLives
  private var events: [Event] = []
  /// What had ended by then must be in the sequence; 0 where nobody read it to its end.
  private let horizon: UInt64

  /// `known` are the lives of the records as their writers and readers saw them.
  init(_ history: History, known: [KnownLives]) {
    table = ChangeTable(history)
    lives = RecordedLives(table)
    anomalies = table.anomalies + lives.anomalies
    horizon = table.isComplete ? table.batches.lazy.filter(\.isAtEnd).map(\.began).max() ?? 0 : 0
    guard !table.batches.isEmpty else { return }
    for one in known {
      checkCounts(one)
      if anomalies.isEmpty { match(one) }
    }
    let counted = CountedWrites(history)
    let told = lives.counts.keys.filter { [.networks, .exitCode].contains(ObjectKind(of: $0.object)) }
    for action in Set(counted.writes.keys).union(told).sorted(by: { $0.object < $1.object }) {
      checkCounted(action, counted.writes(of: action))
    }
    checkTimes()
    checkReaders()
  }

  private mutating func add(
    _ kind: Anomaly.Kind, _ object: Int, _ operations: [Int32], _ text: String,
    _ reason: Dependency.Reason = .older
  ) {
    guard anomalies.count(where: { $0.kind == kind }) < Checker.limitPerObject else { return }
    let known = operations.filter { $0 >= 0 }.map(Int.init)
    anomalies.append(
      Anomaly(
        kind, objects: [object], operations: known,
        dependencies: known.count < 2 || known[0] == known[1]
          ? [] : [Dependency(from: known[0], to: known[1], reason: reason, object: object)], text))
  }
}

// MARK: - Versions

extension ChangeCheck {
  /// There are no more changes than there were writes that can have made them.
  private mutating func checkCounts(_ known: KnownLives) {
    for (action, count) in [
      (ChangeSeen.Action.added, known.additions), (.updated, known.updates), (.removed, known.removals),
    ] {
      guard let told = lives.counts[CountedAction(object: known.object, action: action)], told.count > count
      else { continue }
      add(
        .inventedChange, known.object, [table.entry(told[told.count - 1])?.operation ?? -1],
        "\(ObjectKind.name(of: known.object)) was \(action) \(told.count) times, and \(count) writes can have"
          + " done that.")
    }
  }

  /// Finds the places of the versions of one object.
  private mutating func match(_ known: KnownLives) {
    guard horizon > 0 else { return }
    let told = lives.lives(of: known.object)
    let wanted = known.lives.compactMap { $0.demand(by: horizon) }
    guard let low = Self.embedded(wanted, told), let high = Self.embedded(wanted.reversed(), told.reversed())
    else {
      let missed = wanted.last
      return add(
        .missedChange, known.object, [missed?.operation ?? -1],
        "The sequence tells \(told.count) lives of \(ObjectKind.name(of: known.object)), in which what was"
          + " acknowledged has no place; the last of it is operation \(missed?.operation ?? -1).")
    }
    for (index, demand) in wanted.enumerated() {
      let (first, last) = (told[low[index]], told[told.count - 1 - high[wanted.count - 1 - index]])
      for version in demand.life.versions {
        guard let place = Int(exactly: version.revision - 1),
          place < min(first.revisions.count, last.revisions.count)
        else { continue }
        addEvent(known.object, version, first.revisions[place], last.revisions[place])
      }
      if let removal = demand.life.removal, let one = first.removed, let other = last.removed {
        addEvent(known.object, removal, one, other)
      }
    }
  }

  private mutating func addEvent(_ object: Int, _ version: KnownLives.Version, _ low: Int64, _ high: Int64) {
    events.append(
      Event(
        object: object, operation: version.operation, began: version.began, ended: version.ended, low: low,
        high: high))
  }

  /// The earliest lives that can be those that are wanted, in this order; nil where there are none.
  private static func embedded(_ wanted: [KnownLives.Demand], _ told: [RecordedLives.Life]) -> [Int]? {
    var places: [Int] = []
    var next = 0
    for demand in wanted {
      while next < told.count, !demand.fits(told[next]) { next += 1 }
      guard next < told.count else { return nil }
      places.append(next)
      next += 1
    }
    return places
  }
}

// MARK: - What has no revisions

extension ChangeCheck {
  private mutating func checkCounted(_ action: CountedAction, _ writes: CountedWrites.Writes) {
    let told = lives.counts[action] ?? []
    if let most = writes.most, told.count > most {
      add(
        .inventedChange, action.object, [table.entry(told[told.count - 1])?.operation ?? -1],
        "\(ObjectKind.name(of: action.object)) was \(action.action) \(told.count) times, and \(most) writes"
          + " can have done that.")
    }
    guard horizon > 0 else { return }
    let certain = writes.certain.sorted { $0.ended < $1.ended }
    for (index, write) in certain.enumerated() where write.ended < horizon {
      guard index < told.count else {
        return add(
          .missedChange, action.object, [write.operation],
          "The sequence says \(told.count) times that \(ObjectKind.name(of: action.object)) was"
            + " \(action.action), which is less than was acknowledged.")
      }
      // Of so many writes that have ended as many are told, so this one at least is.
      events.append(
        Event(
          object: action.object, operation: write.operation, began: 0, ended: write.ended, low: told[index],
          high: .max))
    }
  }
}

// MARK: - Times

extension ChangeCheck {
  /// Whoever had ended before another began has the earlier place; nobody reads what is not yet begun.
  private mutating func checkTimes() {
    events.sort { $0.ended < $1.ended }
    var highest: [Int32] = []
    for (index, event) in events.enumerated() {
      if let last = highest.last, events[Int(last)].low >= event.low {
        highest.append(last)
      } else {
        highest.append(Int32(index))
      }
    }
    for event in events {
      let count = events.partitioningIndex { $0.ended >= event.began }
      if count > 0, case let earlier = events[Int(highest[count - 1])], earlier.low > event.high {
        add(
          .changeOrder, event.object, [earlier.operation, event.operation],
          "Operation \(earlier.operation) had ended before operation \(event.operation) began, and has"
            + " the later place in the sequence (\(earlier.low), \(event.high)).", .realTime)
      }
      if event.low == event.high, let entry = table.entry(event.low), entry.seen < event.began {
        add(
          .inventedChange, event.object, [entry.operation, event.operation],
          "Operation \(entry.operation) was told of change \(event.low) before operation"
            + " \(event.operation), which made it, had begun.", .realTime)
      }
    }
    checkFreshness(highest)
  }

  /// A reader that begins after a commit has returned finds it.
  private mutating func checkFreshness(_ highest: [Int32]) {
    for batch in table.batches where batch.isAtEnd {
      let count = events.partitioningIndex { $0.ended >= batch.began }
      guard count > 0, case let event = events[Int(highest[count - 1])], event.low > batch.position else {
        continue
      }
      add(
        .lateChange, event.object, [event.operation, batch.operation],
        "Operation \(batch.operation) began after operation \(event.operation) had ended, and was told"
          + " of nothing beyond change \(batch.position), although that made \(event.low) or a later one.",
        .realTime)
    }
  }

  /// What one reader was told, those that begin later are told too.
  private mutating func checkReaders() {
    let told = table.batches.sorted { $0.ended < $1.ended }
    var highest: [ChangeTable.Batch] = []
    for batch in told {
      if let last = highest.last, last.position >= batch.position {
        highest.append(last)
      } else {
        highest.append(batch)
      }
    }
    for batch in table.batches where batch.isAtEnd {
      let count = told.partitioningIndex { $0.ended >= batch.began }
      guard count > 0, case let earlier = highest[count - 1], earlier.position > batch.position,
        let entry = table.entry(earlier.position)
      else { continue }
      add(
        .lateChange, entry.change.object, [earlier.operation, batch.operation],
        "Operation \(batch.operation) was told of nothing beyond change \(batch.position), although operation"
          + " \(earlier.operation) had known \(earlier.position) before.", .realTime)
    }
  }
}

extension ChangeTable {
  /// The change at a place, where somebody read it.
  fileprivate func entry(_ sequence: Int64) -> Entry? {
    let index = entries.partitioningIndex { $0.change.sequence >= sequence }
    return index < entries.count && entries[index].change.sequence == sequence ? entries[index] : nil
  }
}
