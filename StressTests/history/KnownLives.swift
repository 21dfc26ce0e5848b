/// The lives of one object as its writers and readers saw them.
struct KnownLives {
  /// A write that made a version, or the removal.
  struct Version {
    var revision: Int64
    var operation: Int32
    var began: UInt64
    /// `.max` where it was not seen to end.
    var ended: UInt64
  }

  /// One generation.
  struct Life {
    var generation: Int64
    var versions: [Version] = []
    var removal: Version?
  }

  /// What the sequence of changes has to tell of a life.
  struct Demand {
    var life: Life
    /// The highest revision that had been acknowledged.
    var revision: Int64
    var isRemoved: Bool
    /// The operation that made it, or the removal.
    var operation: Int32

    func fits(_ told: RecordedLives.Life) -> Bool {
      told.revisions.count >= revision && (!isRemoved || told.removed != nil)
    }
  }

  let object: Int
  private(set) var lives: [Life] = []
  /// How many additions, updates and removals there can have been.
  private(set) var additions = 0
  private(set) var updates = 0
  private(set) var removals = 0

  init(_ timeline: Timeline) {
    object = timeline.object.number
    for write in timeline.object.writes {
      switch write.kind {
      case .add: additions += 1
      case .update: updates += 1
      case .remove: removals += 1
      }
    }
    for slot in timeline.slots.dropFirst() {
      let isNew = slot.place != nil && (lives.isEmpty || lives[lives.count - 1].generation != slot.generation)
      if isNew { lives.append(Life(generation: slot.generation)) }
      let version = Version(
        revision: slot.place?.revision ?? 0, operation: slot.operation, began: slot.began,
        ended: slot.node < 0 ? .max : slot.ended)
      if slot.place != nil {
        lives[lives.count - 1].versions.append(version)
      } else if !lives.isEmpty, slot.operation >= 0 {
        lives[lives.count - 1].removal = version
      }
    }
  }
}

extension KnownLives.Life {
  /// What was acknowledged before a time; nil where nothing was.
  func demand(by horizon: UInt64) -> KnownLives.Demand? {
    let last = versions.last { $0.ended < horizon }
    let isRemoved = removal.map { $0.ended < horizon } ?? false
    guard last != nil || isRemoved else { return nil }
    return KnownLives.Demand(
      life: self, revision: isRemoved ? versions.last?.revision ?? 1 : last?.revision ?? 1,
      isRemoved: isRemoved,
      operation: isRemoved ? removal?.operation ?? -1 : last?.operation ?? -1)
  }
}

/// Writes of which the sequence of changes tells no revision: connections and exit codes.
struct CountedWrites {
  struct Writes {
    var certain: [(operation: Int32, ended: UInt64)] = []
    /// Those that may have taken effect.
    var uncertain = 0
    /// Whether others may have that nobody can count.
    var hasUncounted = false

    /// How many there can have been; nil where nobody knows.
    var most: Int? { hasUncounted ? nil : certain.count + uncertain }
  }

  private(set) var writes: [CountedAction: Writes] = [:]
  /// Whether somebody who was not seen to end may have removed any exit code.
  private var hasOpenPrunes = false

  init(_ history: History) {
    for (index, operation) in history.operations.enumerated() {
      hasOpenPrunes = hasOpenPrunes || (operation.verb == .prune && operation.outcome == .unknown)
      for action in Self.actions(operation) { add(action, operation, Int32(index)) }
    }
  }

  func writes(of action: CountedAction) -> Writes {
    var found = writes[action] ?? Writes()
    found.hasUncounted = hasOpenPrunes && action.action == .pruned
    return found
  }

  private mutating func add(_ action: CountedAction, _ operation: Operation, _ index: Int32) {
    switch operation.outcome {
    case .succeeded, .durabilityUnknown:
      writes[action, default: Writes()].certain.append((index, operation.ended))
    case .unknown: writes[action, default: Writes()].uncertain += 1
    case .failed, .refused, .changes: break
    }
  }

  /// What the sequence of changes tells of an operation without a revision.
  private static func actions(_ operation: Operation) -> [CountedAction] {
    let written = operation.accesses.filter { !$0.isOnlyLocked }.map(\.object)
    switch operation.verb {
    case .record:
      return written.map { CountedAction(object: $0, action: .recorded) }
    case .prune:
      guard case .succeeded(let seen) = operation.outcome else { return [] }
      return seen.filter { ObjectKind(of: $0.object) == .exitCode }
        .map { CountedAction(object: $0.object, action: .pruned) }
    case .add, .update, .remove:
      // A container takes its connections along without a word.
      guard written.count == 1, let object = written.first, ObjectKind(of: object) == .connection else {
        return []
      }
      let action: ChangeSeen.Action =
        operation.verb == .add ? .added : operation.verb == .update ? .updated : .removed
      let container = ObjectKind.number(of: object) / ObjectKind.partsPerContainer
      return [CountedAction(object: ObjectKind.networks.object(container), action: action)]
    default: return []
    }
  }
}
