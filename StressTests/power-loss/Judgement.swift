/// A container as it was found after the power came back.
struct FoundContainer {
  let generation: Int64
  let revision: Int64
  let value: UInt64
}

/// Decides, from the ledgers of a round, what was there before it and what was found after it, whether
/// anything is missing that was promised.
///
/// It knows nothing of how the store works: only that changes of one container are ordered by generation
/// and revision, and that a call which returned before another began came first.
struct Judgement {
  private let entries: [LedgerEntry]
  private let before: [String: FoundContainer]
  private let found: [String: FoundContainer]
  /// The generations that somebody has begun to remove.
  private let removals: [String: Set<Int64>]
  private let hasUnknownRemoval: Set<String>
  private(set) var violations: [String] = []
  /// Changes that were acknowledged and are there.
  private(set) var kept = 0
  /// Changes that were only committed and are gone, as they may be.
  private(set) var lost = 0

  private enum Fate { case present, lost, unclear }

  init(entries: [LedgerEntry], before: [String: FoundContainer], found: [String: FoundContainer]) {
    self.entries = entries
    self.before = before
    self.found = found
    var removals: [String: Set<Int64>] = [:]
    var unknown: Set<String> = []
    for entry in entries where entry.verb == .remove {
      if entry.ended == nil {
        unknown.insert(entry.id)
      } else {
        removals[entry.id, default: []].insert(entry.generation)
      }
    }
    self.removals = removals
    hasUnknownRemoval = unknown
    judge()
  }

  private mutating func judge() {
    checkContents()
    checkUntouched()
    var latestPresent: (began: UInt64, what: String) = (0, "")
    for entry in entries where fate(of: entry) == .present {
      kept += entry.verb == .sighting ? 0 : 1
      if entry.began > latestPresent.began { latestPresent = (entry.began, describe(entry)) }
    }
    for entry in entries where fate(of: entry) == .lost {
      if entry.promise == .durable {
        violations.append("known to be durable and gone: \(describe(entry))")
      } else {
        lost += 1
      }
      // What is there is a prefix in the order of commits.
      if let ended = entry.ended, ended < latestPresent.began {
        violations.append(
          "\(describe(entry)) is gone, and what came after it is there: \(latestPresent.what)")
      }
    }
    checkOrderOfAdditions()
  }

  private func describe(_ entry: LedgerEntry) -> String {
    let isFound = found[entry.id].map { "\($0.generation).\($0.revision)" } ?? "absent"
    return
      "\(entry.verb.rawValue) of \(entry.id) \(entry.generation).\(entry.revision) value \(entry.value) "
      + "(\(entry.promise.rawValue), \(entry.began)–\(entry.ended ?? 0); found \(isFound))"
  }

  private func fate(of entry: LedgerEntry) -> Fate {
    guard entry.ended != nil, entry.promise != .none else {
      // Nobody was told: it is known to be there by its value alone.
      return entry.value != 0 && found[entry.id]?.value == entry.value ? .present : .unclear
    }
    if !entry.isAnswered { return found[entry.id]?.value == entry.value ? .present : .lost }
    guard let there = found[entry.id] else { return fateOfAbsent(entry) }
    if there.generation != entry.generation { return there.generation > entry.generation ? .present : .lost }
    if entry.verb == .remove { return .lost }
    return there.revision >= entry.revision ? .present : .lost
  }

  /// Of a change of a container that is not there: removed, or never added as far as the disk knows.
  private func fateOfAbsent(_ entry: LedgerEntry) -> Fate {
    let wasThere =
      before[entry.id].map { $0.generation >= entry.generation } ?? false
      || entries.contains {
        $0.id == entry.id && $0.generation >= entry.generation && $0.promise == .durable
      }
    let mayBeRemoved =
      hasUnknownRemoval.contains(entry.id)
      || removals[entry.id].map { $0.contains { $0 >= entry.generation } } ?? false
    if !mayBeRemoved { return .lost }
    return wasThere ? .present : .unclear
  }

  /// Every value is one that somebody wrote, whole, in the place he was told.
  private mutating func checkContents() {
    var known: [RowVersion: UInt64] = [:]
    for (id, container) in before {
      known[RowVersion(id: id, generation: container.generation, revision: container.revision)] =
        container.value
    }
    for entry in entries where entry.isAnswered && [.add, .update].contains(entry.verb) {
      known[entry.version] = entry.value
    }
    let unknown = Set(entries.filter { !$0.isAnswered && $0.value != 0 }.map(\.value))
    for (id, container) in found {
      let version = RowVersion(id: id, generation: container.generation, revision: container.revision)
      let isRight = known[version].map { $0 == container.value } ?? unknown.contains(container.value)
      if !isRight { violations.append("\(id) \(version) holds \(container.value), which nobody wrote there") }
    }
  }

  /// What was there before the round and was not touched in it is as it was.
  private mutating func checkUntouched() {
    let touched = Set(entries.filter { $0.verb != .sighting }.map(\.id))
    for (id, container) in before where !touched.contains(id) {
      let isSame = found[id].map {
        ($0.generation, $0.revision) == (container.generation, container.revision)
      }
      if isSame != true { violations.append("\(id) was there before and nobody touched it: it changed") }
    }
  }

  /// Generations are given out in the order of commits.
  private mutating func checkOrderOfAdditions() {
    let last = found.values.map(\.generation).max() ?? 0
    let additions = entries.filter { $0.verb == .add && $0.isAnswered && fate(of: $0) == .lost }
    for entry in additions where entry.generation < last {
      violations.append("\(describe(entry)) is gone, and generation \(last) is there")
    }
  }
}
