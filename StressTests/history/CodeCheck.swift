/// Whether what was read of exit codes fits what was recorded.
///
/// Exit codes have no revisions: whoever records one replaces what was there, under no lock. But no two are
/// alike, so that each is a cluster: its record and the reads of it. From the first end in a cluster to its
/// last beginning nothing else can have been there (Gibbons and Korach, "Testing shared memories", 1997).
struct CodeCheck {
  /// A record of one exit code, or of one that the store chose the time of.
  struct Record {
    var operation: Int32
    var value: UInt64?
    var began: UInt64
    /// `.max` where it need not have taken effect.
    var ended: UInt64
    var isAborted = false
  }

  /// Something at one moment between two times.
  private struct Moment {
    var operation: Int32
    var began: UInt64
    var ended: UInt64
  }

  private struct Object {
    var records: [Record] = []
    var reads: [(moment: Moment, value: UInt64)] = []
    var absences: [Moment] = []
    /// Removals that are known to have been of this code.
    var prunes: [Moment] = []
  }

  /// All times at which a value was certainly the one.
  private struct Zone {
    var value: UInt64
    var from: UInt64
    var to: UInt64
    var first: Int32
    var last: Int32
    /// The beginning of its record.
    var began: UInt64

    var isForward: Bool { from < to }
  }

  private(set) var anomalies: [Anomaly] = []
  private var objects: [Int: Object] = [:]
  /// Removals of codes of which nobody knows.
  private var openPrunes: [Moment] = []

  /// `effectsSeen` says of operations without an end when they are known to have taken effect.
  init(_ history: History, effectsSeen: [Int32: UInt64]) {
    for (index, operation) in history.operations.enumerated() {
      add(operation, Int32(index), effectsSeen[Int32(index)] ?? .max)
    }
    for object in objects.keys.sorted() {
      if let found = objects[object] { check(object, found) }
    }
  }

  private mutating func add(_ operation: Operation, _ index: Int32, _ effectSeen: UInt64) {
    let moment = Moment(operation: index, began: operation.began, ended: operation.ended)
    if operation.verb == .prune, operation.outcome == .unknown { openPrunes.append(moment) }
    let isWrite = operation.verb == .record || operation.verb == .update
    for access in operation.accesses where ObjectKind(of: access.object) == .exitCode {
      if isWrite {
        objects[access.object, default: Object()].records.append(
          Self.record(access, operation, index, effectSeen))
      } else if operation.outcome == .failed("notFound") {
        objects[access.object, default: Object()].absences.append(moment)
      }
    }
    guard case .succeeded(let seen) = operation.outcome, !isWrite else { return }
    for one in seen where ObjectKind(of: one.object) == .exitCode { add(one, operation, moment) }
    if operation.verb == .listCodes {
      for access in operation.accesses where !seen.contains(where: { $0.object == access.object }) {
        objects[access.object, default: Object()].absences.append(moment)
      }
    }
  }

  private static func record(
    _ access: Access, _ operation: Operation, _ index: Int32, _ effectSeen: UInt64
  ) -> Record {
    var record = Record(
      operation: index, value: access.value, began: access.locked ?? operation.began, ended: operation.ended)
    if let committed = operation.accesses.compactMap(\.committed).min() { record.ended = committed }
    switch operation.outcome {
    case .failed, .refused: record.isAborted = operation.accesses.allSatisfy { $0.committed == nil }
    case .unknown: record.ended = min(record.ended, effectSeen)
    case .succeeded(let seen):
      if record.value == nil { record.value = seen.first { $0.object == access.object }?.value }
    case .durabilityUnknown, .changes: break
    }
    if operation.outcome == .unknown, operation.ended != .max, effectSeen == .max { record.ended = .max }
    return record
  }

  private mutating func add(_ seen: Seen, _ operation: Operation, _ moment: Moment) {
    if let value = seen.value {
      objects[seen.object, default: Object()].reads.append((moment, value))
    } else if seen.sight == .absent {
      if operation.verb == .prune {
        objects[seen.object, default: Object()].prunes.append(moment)
      } else {
        objects[seen.object, default: Object()].absences.append(moment)
      }
    }
  }
}

// MARK: - Checking

extension CodeCheck {
  private mutating func check(_ object: Int, _ found: Object) {
    let zones = zones(object, found).sorted { $0.from < $1.from }
    let forward = zones.filter(\.isForward)
    for (zone, before) in zip(forward.dropFirst(), forward) where zone.from < before.to {
      add(
        .staleRead, object, [zone.first, before.last],
        "had another value after operation \(zone.first) than before operation \(before.last)")
    }
    let table = IntervalTable(forward.map { ($0.from, $0.to, $0.last) })
    for zone in zones where !zone.isForward {
      guard let last = table.containing(zone.to, zone.from) else { continue }
      add(
        .staleRead, object, [zone.first, last],
        "was recorded anew by operation \(zone.first), and has its older value in operation \(last)")
    }
    for prune in found.prunes {
      guard let last = table.containing(prune.began, prune.ended) else { continue }
      add(
        .resurrected, object, [prune.operation, last],
        "was removed by operation \(prune.operation), and is there in operation \(last)")
    }
    checkAbsences(object, found, zones, table)
  }

  private mutating func checkAbsences(
    _ object: Int, _ found: Object, _ zones: [Zone], _ table: IntervalTable
  ) {
    let prunes = (found.prunes + openPrunes).sorted { $0.began < $1.began }
    var latest: [UInt64] = []
    for prune in prunes { latest.append(max(latest.last ?? 0, prune.ended)) }
    // From the first end in a cluster on the code was there. Of those the latest record says the most.
    var known: [Zone] = []
    for zone in zones { known.append(known.last.map { $0.began > zone.began ? $0 : zone } ?? zone) }
    for absence in found.absences {
      if let last = table.containing(absence.began, absence.ended) {
        add(
          .lostWrite, object, [absence.operation, last],
          "was absent in operation \(absence.operation), and has its older value in operation \(last)")
        continue
      }
      let count = Self.count(zones.count) { zones[$0].from < absence.began }
      guard count > 0, case let zone = known[count - 1] else { continue }
      let begun = Self.count(prunes.count) { prunes[$0].began <= absence.ended }
      if begun > 0, latest[begun - 1] >= zone.began { continue }
      add(
        .lostWrite, object, [zone.first, absence.operation],
        "was absent in operation \(absence.operation), although it had been recorded and nobody removed it")
    }
  }

  /// One zone for each value that took effect.
  private mutating func zones(_ object: Int, _ found: Object) -> [Zone] {
    var zones: [UInt64: Zone] = [:]
    var aborted: [UInt64: Int32] = [:]
    // Of those the store chose a time that nobody could claim.
    var unclaimed: UInt64 = .max
    for record in found.records {
      guard let value = record.value else {
        if !record.isAborted { unclaimed = min(unclaimed, record.began) }
        continue
      }
      if record.isAborted {
        aborted[value] = record.operation
      } else {
        zones[value] = Zone(
          value: value, from: record.ended, to: record.began, first: record.operation, last: record.operation,
          began: record.began)
      }
    }
    for (moment, value) in found.reads {
      guard var zone = zones[value] else {
        if let writer = aborted[value] {
          add(.g1a, object, [writer, moment.operation], "has a value of which the record failed")
        } else if unclaimed > moment.ended {
          add(.inventedValue, object, [moment.operation], "has the value \(value), which nobody recorded")
        }
        continue
      }
      if moment.ended < zone.began {
        add(.futureRead, object, [moment.operation, zone.first], "was read before it was recorded")
      }
      if moment.ended < zone.from { (zone.from, zone.first) = (moment.ended, moment.operation) }
      if moment.began > zone.to { (zone.to, zone.last) = (moment.began, moment.operation) }
      zones[value] = zone
    }
    return zones.values.filter { $0.from != .max }
  }

  private mutating func add(_ kind: Anomaly.Kind, _ object: Int, _ operations: [Int32], _ what: String) {
    guard anomalies.count(where: { $0.kind == kind && $0.objects == [object] }) < Checker.limitPerObject
    else {
      return
    }
    var unique: [Int] = []
    for operation in operations.map(Int.init) where !unique.contains(operation) { unique.append(operation) }
    anomalies.append(
      Anomaly(
        kind, objects: [object], operations: unique,
        dependencies: unique.count < 2
          ? [] : [Dependency(from: unique[0], to: unique[1], reason: .older, object: object)],
        "The exit code \(ObjectKind.name(of: object)) \(what)."))
  }

  /// How many of the first so many hold.
  private static func count(_ count: Int, _ holds: (Int) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Intervals, to be asked which of them holds another one.
private struct IntervalTable {
  private var starts: [UInt64] = []
  /// For each place, the interval up to there with the latest end.
  private var latest: [(end: UInt64, operation: Int32)] = []

  /// `intervals` are sorted by their beginnings.
  init(_ intervals: [(from: UInt64, to: UInt64, operation: Int32)]) {
    for (from, to, operation) in intervals {
      starts.append(from)
      if let last = latest.last, last.end >= to {
        latest.append(last)
      } else {
        latest.append((to, operation))
      }
    }
  }

  /// The operation that ends an interval which begins before `from` and ends after `to`.
  func containing(_ from: UInt64, _ to: UInt64) -> Int32? {
    var (low, high) = (0, starts.count)
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] < from { low = middle + 1 } else { high = middle }
    }
    guard low > 0, latest[low - 1].end > to else { return nil }
    return latest[low - 1].operation
  }
}
