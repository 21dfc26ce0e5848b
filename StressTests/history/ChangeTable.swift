/// All that readers were told of the sequence of changes, put together.
///
/// Each call says what stands between two places, so that all of them have to fit one sequence without a gap.
struct ChangeTable {
  /// One call of a reader.
  struct Batch {
    var operation: Int32
    var began: UInt64
    var ended: UInt64
    var position: Int64
    /// Whether it had reached the newest change.
    var isAtEnd: Bool
  }

  /// A change, and when a reader knew of it first.
  struct Entry {
    var change: ChangeSeen
    var operation: Int32
    var seen: UInt64
  }

  /// In the order of the sequence, each once.
  private(set) var entries: [Entry] = []
  /// Where `entries` begin anew after a place that nobody read.
  private(set) var breaks: [Int64] = []
  private(set) var batches: [Batch] = []
  /// Whether somebody read every change from the first to the last.
  private(set) var isComplete = false
  private(set) var anomalies: [Anomaly] = []
  private let history: History

  init(_ history: History) {
    self.history = history
    var spans: [(from: Int64, to: Int64)] = []
    for (index, operation) in history.operations.enumerated() {
      guard case .changes(let seen) = operation.outcome else { continue }
      batches.append(
        Batch(
          operation: Int32(index), began: operation.began, ended: operation.ended, position: seen.position,
          isAtEnd: seen.changes.count < seen.limit))
      check(seen, index)
      let first = seen.changes.first?.sequence ?? seen.after + 1
      spans.append((seen.wasTrimmed ? first : seen.after + 1, seen.position))
      for change in seen.changes {
        entries.append(Entry(change: change, operation: Int32(index), seen: operation.ended))
      }
    }
    mergeEntries()
    findBreaks(spans.sorted { $0.from < $1.from })
    checkTrimming()
    if let kept = history.keptChanges { checkRetention(kept) }
  }

  /// What one call returned, by itself.
  private mutating func check(_ seen: ChangesSeen, _ index: Int) {
    var last = seen.after
    for (number, change) in seen.changes.enumerated() {
      defer { last = change.sequence }
      let isNext = change.sequence == last + 1 || (change.sequence > last && change.action == .leapt)
      if number == 0, change.sequence > last, seen.wasTrimmed == isNext {
        let claim =
          seen.wasTrimmed ? "that changes are gone, and none is" : "nothing of changes that are gone"
        add(
          .wrongTrimming, change, [index],
          "Asked for what follows \(seen.after), operation \(index) began with \(change.sequence) and said"
            + " \(claim)."
        )
      } else if change.sequence == last {
        add(.repeatedChange, change, [index], "Operation \(index) was told of change \(last) twice.")
      } else if change.sequence < last {
        add(.changeOrder, change, [index], "Operation \(index) was told of \(change.sequence) after \(last).")
      } else if number > 0, !isNext {
        add(
          .missedChange, change, [index],
          "Operation \(index) was told of \(change.sequence) right after \(last).")
      }
    }
    if last != seen.position, seen.changes.last != nil || seen.position != seen.after {
      anomalies.append(
        Anomaly(
          .missedChange, objects: [], operations: [index],
          "Operation \(index) was told to go on after \(seen.position) and had been told of \(last) last."))
    }
  }

  /// Each change once, with the first end of a call that knew it.
  private mutating func mergeEntries() {
    entries.sort { ($0.change.sequence, $0.seen) < ($1.change.sequence, $1.seen) }
    var count = 0
    for index in entries.indices {
      if count > 0, entries[count - 1].change.sequence == entries[index].change.sequence {
        let (one, other) = (entries[count - 1], entries[index])
        if one.change != other.change {
          add(
            .changeClash, other.change, [Int(one.operation), Int(other.operation)],
            "Change \(one.change.sequence) is \(text(one.change)) and \(text(other.change)).")
        }
        continue
      }
      entries[count] = entries[index]
      count += 1
    }
    entries.removeLast(entries.count - count)
  }

  private mutating func findBreaks(_ spans: [(from: Int64, to: Int64)]) {
    var covered: Int64 = 0
    isComplete = !spans.isEmpty
    for span in spans {
      if span.from > covered + 1 {
        breaks.append(span.from)
        isComplete = false
      }
      covered = max(covered, span.to)
    }
  }

  /// Changes go from the oldest on: what was gone for one reader is for those who begin later.
  private mutating func checkTrimming() {
    var oldest: [(ended: UInt64, sequence: Int64, operation: Int32)] = []
    for batch in batches {
      guard case .changes(let seen) = history.operations[Int(batch.operation)].outcome, seen.wasTrimmed,
        let first = seen.changes.first
      else { continue }
      oldest.append((batch.ended, first.sequence, batch.operation))
    }
    guard !oldest.isEmpty else { return }
    oldest.sort { $0.ended < $1.ended }
    for index in oldest.indices.dropFirst() where oldest[index].sequence < oldest[index - 1].sequence {
      (oldest[index].sequence, oldest[index].operation) =
        (oldest[index - 1].sequence, oldest[index - 1].operation)
    }
    for batch in batches {
      guard case .changes(let seen) = history.operations[Int(batch.operation)].outcome,
        let first = seen.changes.first
      else { continue }
      let before = oldest.partitioningIndex { $0.ended >= batch.began }
      guard before > 0, oldest[before - 1].sequence > first.sequence else { continue }
      add(
        .wrongTrimming, first, [Int(oldest[before - 1].operation), Int(batch.operation)],
        "Change \(first.sequence) was gone for operation \(oldest[before - 1].operation) and there for a"
          + " later one."
      )
    }
  }

  /// As many changes are there as the store was asked to keep.
  ///
  /// Whoever is told that some are gone is told of the oldest that is there. The newest at that time is no
  /// later than what anybody finds who reads to the end then or afterwards.
  private mutating func checkRetention(_ kept: Int64) {
    let ends = batches.filter(\.isAtEnd).sorted { $0.began < $1.began }
    var newest = ends.map(\.position)
    for index in newest.indices.reversed().dropFirst() {
      newest[index] = min(newest[index], newest[index + 1])
    }
    for batch in batches {
      guard case .changes(let seen) = history.operations[Int(batch.operation)].outcome, seen.wasTrimmed,
        let first = seen.changes.first
      else { continue }
      let later = ends.partitioningIndex { $0.began >= batch.ended }
      let last = min(batch.isAtEnd ? batch.position : .max, later < ends.count ? newest[later] : .max)
      guard last < .max, last - first.sequence + 1 < kept else { continue }
      add(
        .wrongTrimming, first, [Int(batch.operation)],
        "Operation \(batch.operation) was told that what was before change \(first.sequence) is gone, when"
          + " there were no more than \(last): of \(kept) that are to be kept \(last - first.sequence + 1)"
          + " were.")
    }
  }

  private func text(_ change: ChangeSeen) -> String {
    "\(change.action) \(ObjectKind.name(of: change.object)) (revision \(change.revision))"
  }

  private mutating func add(_ kind: Anomaly.Kind, _ change: ChangeSeen, _ operations: [Int], _ text: String) {
    guard anomalies.count(where: { $0.kind == kind }) < Checker.limitPerObject else { return }
    anomalies.append(Anomaly(kind, objects: [change.object], operations: operations, text))
  }
}

extension Array {
  /// The first place from which on `belongs` holds, of an array in which it holds from some place on.
  func partitioningIndex(_ belongs: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if belongs(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
