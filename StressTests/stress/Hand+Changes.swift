internal import ContainerStateStore
internal import StoreHistory
internal import StressSupport

/// The sequence of changes (INVARIANT I-11).
extension Hand {
  private static let limit = 256

  /// A look at the changes from somewhere on, by one who follows nothing.
  func changes() {
    performChanges { store in
      let newest = try store.lastChange().rawValue
      let after =
        switch draw(0...3) {
        case 0: max(0, newest - Int64(draw(0...400)))
        case 1: draw(0...3) == 0 ? 0 : Int64.random(in: 0...newest, using: &random)
        default: max(0, newest - Int64(draw(0...20)))
        }
      return try read(ChangeReader(store), after: after)
    }
  }

  /// All changes from the beginning to the newest.
  func allChanges() {
    var (position, isOver) = (Int64(0), false)
    while !isOver {
      isOver = true
      performChanges { store in
        let seen = try read(ChangeReader(store), after: position)
        isOver = seen.changes.count < seen.limit
        position = seen.position
        return seen
      }
    }
  }

  /// What one who follows is told next, waiting for it.
  ///
  /// - Returns: the place to go on from; nil where the call failed.
  func follow(_ reader: ChangeReader, after position: Int64, deadlineNanoseconds: UInt64) -> Int64? {
    var next: Int64?
    performChanges { store in
      let batch = try reader.wait(
        after: ChangeSequence(rawValue: position), limit: Self.limit, deadlineNanoseconds: deadlineNanoseconds
      )
      let seen = seen(batch, after: position)
      next = seen.position
      return seen
    }
    return next
  }

  private func read(_ reader: ChangeReader, after position: Int64) throws -> ChangesSeen {
    seen(
      try reader.next(after: ChangeSequence(rawValue: position), limit: Self.limit), after: position)
  }

  private func seen(_ batch: ChangeBatch, after position: Int64) -> ChangesSeen {
    var changes = batch.changes.map(seen)
    if plan.plants(.missedChange), changes.count > 1, draw(0...3) == 0 {
      plan.board.add(.planted)
      changes.remove(at: draw(0...changes.count - 2))
    }
    for error in batch.corrupt { complaints.add("a change cannot be read: \(error)") }
    plan.board.add(.changesTold, UInt64(batch.changes.count))
    if batch.wasTrimmed { plan.board.add(.trimmings) }
    return ChangesSeen(
      after: position, position: batch.position.rawValue, limit: Self.limit, wasTrimmed: batch.wasTrimmed,
      changes: changes)
  }

  private func seen(_ change: Change) -> ChangeSeen {
    // INVARIANT I-4: what a commit did to a status, the table allows.
    if let from = change.fromStatus, let to = change.toStatus, !from.allows(to) {
      complaints.add("change \(change.sequence.rawValue): \(from.name) became \(to.name)")
    }
    return ChangeSeen(
      sequence: change.sequence.rawValue, object: object(of: change), action: action(of: change),
      revision: change.revision, from: UInt8(change.fromStatus?.rawValue ?? 0),
      to: UInt8(change.toStatus?.rawValue ?? 0))
  }

  private func object(of change: Change) -> Int {
    let container = objects.object(ofID: change.id)
    let object: Int? =
      switch change.kind {
      case .container: change.action == .rewritten ? container.map(objects.configuration) : container
      case .pod:
        objects.pod(ofID: change.id).map {
          change.action == .rewritten ? objects.podConfiguration(of: $0) : $0
        }
      case .execSession: objects.session(ofID: change.id)
      case .exitCode: container.map(objects.exitCode)
      case .network: container.map(ObjectKind.networks.object)
      case .volume:
        objects.volume(named: change.id).map {
          change.action == .rewritten ? objects.volumeConfiguration(of: $0) : $0
        }
      case .store: nil
      }
    return object ?? ObjectKind.other.object(0)
  }

  private func action(of change: Change) -> ChangeSeen.Action {
    switch change.action {
    case .added, .connected: .added
    case .updated, .rewritten: .updated
    case .removed, .disconnected: .removed
    case .recorded: .recorded
    case .pruned: .pruned
    case .recovered, .restored: change.kind == .store ? .leapt : .other
    case .repaired, .mounted, .unmounted: .other
    }
  }
}
