internal import SQLiteStorage
internal import StateModel

extension ChangeRows {
  /// The changes after a place, oldest first, as one snapshot has them.
  ///
  /// - Throws: `invalidArgument` where the store has never given that place out.
  static func batch(
    after position: ChangeSequence, limit: Int, in connection: Connection
  ) throws -> ChangeBatch {
    let rows = try connection.statement(
      """
      SELECT sequence, kind, id, what, from_status, to_status, revision, writer_pid, at_ns
      FROM change WHERE sequence > ?1 ORDER BY sequence LIMIT ?2
      """)
    try rows.bind(1, position.rawValue)
    try rows.bind(2, Int64(max(1, limit)))
    var (read, corrupt) = ([ReadChange](), [StoreError]())
    var (first, last) = (Int64?.none, position)
    var ids: [UInt8] = []
    read.reserveCapacity(max(1, min(limit, 256)))
    while try rows.step() {
      last = ChangeSequence(rawValue: try rows.int64(0))
      if first == nil { first = last.rawValue }
      do { read.append(try change(rows, last, ids: &ids)) } catch {
        let damage = StoreError.mapped(error)
        guard damage.code == .corrupt else { throw damage }
        corrupt.append(damage)
      }
    }
    guard let first else {
      try checkWasGivenOut(position, in: connection)
      return ChangeBatch(position: position)
    }
    // INVARIANT I-11: what is removed is removed from the oldest on, so where the place or anything before it
    // is left a gap is one that a reboot made.
    let wasTrimmed = try first > position.rawValue + 1 && !hasChange(upTo: position, in: connection)
    // The ids have their place only now.
    let changes = read.map { $0.change(ids) }
    return ChangeBatch(changes: changes, wasTrimmed: wasTrimmed, corrupt: corrupt, position: last)
  }

  private static func hasChange(upTo position: ChangeSequence, in connection: Connection) throws -> Bool {
    let row = try connection.statement("SELECT 1 FROM change WHERE sequence <= ?1 LIMIT 1")
    try row.bind(1, position.rawValue)
    return try row.step()
  }

  private static func checkWasGivenOut(_ position: ChangeSequence, in connection: Connection) throws {
    let newest = try newest(in: connection)
    guard position.rawValue <= newest else {
      throw StoreError.invalidArgument(
        "change \(position.rawValue)",
        "the newest change of this store is \(newest), so this place is another store's; "
          + "read the records and go on from the newest")
    }
  }

  private static func change(
    _ row: borrowing Statement, _ sequence: ChangeSequence, ids: inout [UInt8]
  ) throws -> ReadChange {
    func damaged(_ what: String) -> StoreError {
      .corrupt("change \(sequence.rawValue)", "its \(what) is not one this version knows")
    }
    guard let kind = RecordKind(rawValue: try row.int32(1)) else { throw damaged("kind") }
    guard let action = ChangeAction(rawValue: try row.int32(3)) else { throw damaged("action") }
    func status(_ column: Int32) throws -> ContainerStatus? {
      guard let value = try row.optionalInt32(column) else { return nil }
      guard let status = ContainerStatus(rawValue: value) else { throw damaged("status") }
      return status
    }
    let (from, to) = (try status(4), try status(5))
    let (revision, writerPID, moment) = (try row.int64(6), try row.int32(7), try row.int64(8))
    let start = ids.count
    try row.appendText(2, to: &ids)
    return ReadChange(
      sequence: sequence, kind: kind, id: start..<ids.count, action: action, fromStatus: from, toStatus: to,
      revision: revision, writerPID: writerPID, changedAt: Timestamp(nanosecondsSinceEpoch: moment))
  }

  /// The last change that was made before a moment, by the clocks of the writers.
  static func last(before moment: Timestamp, in connection: Connection) throws -> ChangeSequence {
    // Times are not in order, so nothing but a scan finds it; retention bounds that.
    let row = try connection.statement("SELECT coalesce(max(sequence), 0) FROM change WHERE at_ns < ?1")
    try row.bind(1, moment.nanosecondsSinceEpoch)
    return ChangeSequence(rawValue: try row.step() ? try row.int64(0) : 0)
  }

  /// The place just before the oldest change that is kept.
  static func beforeOldest(in connection: Connection) throws -> ChangeSequence {
    let row = try connection.statement("SELECT coalesce(min(sequence) - 1, 0) FROM change")
    return ChangeSequence(rawValue: try row.step() ? try row.int64(0) : 0)
  }
}

/// A change whose id is not a text yet.
private struct ReadChange {
  let sequence: ChangeSequence
  let kind: RecordKind
  /// Where its id is among those of the batch.
  let id: Range<Int>
  let action: ChangeAction
  let fromStatus: ContainerStatus?
  let toStatus: ContainerStatus?
  let revision: Int64
  let writerPID: Int32
  let changedAt: Timestamp

  func change(_ ids: [UInt8]) -> Change {
    Change(
      sequence: sequence, kind: kind, id: SharedText(id, of: ids), action: action, fromStatus: fromStatus,
      toStatus: toStatus, revision: revision, writerPID: writerPID, changedAt: changedAt)
  }
}
