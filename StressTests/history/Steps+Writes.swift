extension Steps {
  /// A write of one commit, whatever number of objects it is of: all of them, or none.
  mutating func addWrites(_ operation: Operation, _ index: Int32) {
    let fate = Fate(of: operation)
    guard fate != .aborted else {
      addRefusal(operation, index)
      for access in operation.accesses { note(access, operation: index, write: -1) }
      return
    }
    if operation.outcome == .unknown { addBases(operation, index) }
    let ended = fate == .certain ? operation.accesses.compactMap(\.committed).min() ?? operation.ended : .max
    let began = operation.accesses.compactMap(\.locked).max() ?? operation.began
    let step = addStep(index, began, max(began, ended))
    let written = operation.accesses.filter { !$0.isOnlyLocked && !operation.isAbsent($0.object) }
    for access in written {
      let isNamed = written.count == 1 || access.base != nil || operation.names(access.object)
      let isCertain = fate == .certain && (operation.verb != .remove || isNamed)
      addWrite(access, operation, step, isCertain: isCertain, isShared: written.count > 1)
    }
    guard fate == .certain else { return }
    for access in operation.accesses where access.isOnlyLocked {
      if let base = access.base { addRead(Seen(object: access.object, version: base), step) }
    }
    guard case .succeeded(let seen) = operation.outcome else { return }
    for one in seen where !written.contains(where: { $0.object == one.object }) { addRead(one, step) }
  }

  /// A batch, in which each write is a commit of its own.
  mutating func addSeveralWrites(_ operation: Operation, _ index: Int32) {
    switch operation.outcome {
    case .failed, .refused: addRefusal(operation, index)
    case .unknown: addBases(operation, index)
    default: break
    }
    let first = Int32(steps.count)
    for access in operation.accesses {
      _ = place(of: access.object)
      guard access.value != nil else { continue }
      let fate = Fate(of: access, in: operation)
      guard fate != .aborted else {
        note(access, operation: index, write: -1)
        continue
      }
      let began = access.locked ?? operation.began
      let ended = fate == .certain ? access.committed ?? operation.ended : .max
      let step = addStep(index, began, max(began, ended))
      addWrite(access, operation, step, isCertain: fate == .certain, isShared: false)
    }
    if steps.count > Int(first) + 1 { addBatch(from: first) }
    addCrossReads(operation, index, first: first)
  }

  /// What became of a write.
  private enum Fate {
    case certain, unknown, aborted

    /// Of a write that is one commit.
    init(of operation: Operation) {
      switch operation.outcome {
      case .failed, .refused: self = .aborted
      case .unknown: self = operation.accesses.contains { $0.committed != nil } ? .certain : .unknown
      case .durabilityUnknown, .succeeded, .changes: self = .certain
      }
      if operation.accesses.contains(where: { $0.committed != nil }) { self = .certain }
    }

    /// Of one write of a batch.
    init(of access: Access, in operation: Operation) {
      if access.committed != nil {
        self = .certain
        return
      }
      switch operation.outcome {
      // A batch may have failed at another object, after this one.
      case .failed, .refused: self = operation.accesses.count { $0.value != nil } > 1 ? .unknown : .aborted
      case .unknown, .durabilityUnknown, .changes: self = .unknown
      // A batch need not write all that it could have written.
      case .succeeded: self = operation.names(access.object) ? .certain : .unknown
      }
    }
  }

  private mutating func addWrite(
    _ access: Access, _ operation: Operation, _ step: Int32, isCertain: Bool, isShared: Bool
  ) {
    guard let object = place(of: access.object) else { return }
    let kind: Write.Kind =
      switch operation.verb {
      case .add: .add
      case .remove: .remove
      default: .update
      }
    var place = Self.seenPlace(access, operation)
    if place == nil, let base = access.base { place = Place(base).next(kind) }
    let index = steps[Int(step)].operation
    let write = add(
      Write(
        kind: kind, step: step, operation: index, value: access.value, place: place, isCertain: isCertain,
        base: access.base, isShared: isShared), at: object)
    note(access, operation: index, write: write)
    if isCertain, let base = access.base, let locked = access.locked {
      addPlainRead(
        Read(step: -1, operation: index, began: operation.began, ended: locked, sight: .version(base)),
        of: access.object)
    }
  }

  /// The version that the store said it wrote.
  private static func seenPlace(_ access: Access, _ operation: Operation) -> Place? {
    if let written = access.written { return Place(written) }
    guard case .succeeded(let seen) = operation.outcome else { return nil }
    for one in seen where one.object == access.object {
      if case .version(let version) = one.sight { return Place(version) }
    }
    return nil
  }

  private mutating func note(_ access: Access, operation: Int32, write: Int32) {
    guard let object = place(of: access.object) else { return }
    var values = access.intermediateValues.map { ($0, Origin.Fate.intermediate) }
    if let value = access.value { values.append((value, write < 0 ? .aborted : .written)) }
    for (value, fate) in values {
      addOrigin(
        Origin(object: Int32(object), operation: operation, write: write, fate: fate), of: value,
        object: access.object)
    }
  }

  /// While a batch writes one object, the locks of the others keep what it saw there true.
  private mutating func addCrossReads(_ operation: Operation, _ index: Int32, first: Int32) {
    guard operation.outcome != .unknown else { return }
    let written = operation.accesses.filter { $0.value != nil && Fate(of: $0, in: operation) != .aborted }
    guard steps.count == Int(first) + written.count else { return }
    for (offset, access) in written.enumerated() where Fate(of: access, in: operation) == .certain {
      let step = first + Int32(offset)
      for other in operation.accesses where other.object != access.object {
        // An object that the batch writes too is as before, or as after, by the order of the commits.
        let isBefore =
          if other.value == nil {
            true
          } else if let mine = access.committed, let later = other.committed {
            mine < later
          } else {
            false
          }
        guard isBefore, let base = other.base else { continue }
        addPlainRead(
          Read(
            step: step, operation: index, began: operation.began, ended: steps[Int(step)].ended,
            sight: .version(base)), of: other.object)
      }
    }
  }
}

extension Operation {
  /// What it saw, where it succeeded.
  fileprivate var seen: [Seen] {
    if case .succeeded(let seen) = outcome { return seen }
    return []
  }

  fileprivate func names(_ object: Int) -> Bool { seen.contains { $0.object == object } }

  /// Whether it found that the object was not there.
  fileprivate func isAbsent(_ object: Int) -> Bool {
    seen.contains { $0.object == object && $0.sight == .absent }
  }
}
