internal import SQLiteStorage
internal import StateModel

extension Verification {
  /// INVARIANT I-11: the changes grow strictly and without a gap, but for those that a reboot makes; each is
  /// of a kind that is known, and none says of a record more than the record itself.
  mutating func checkChanges() throws {
    let rows = try connection.statement(
      dynamic:
        "SELECT sequence, kind, id, what, from_status, to_status, revision FROM change ORDER BY sequence")
    var previous: Int64?
    var revisions: [String: Int64] = [:]
    while try rows.step() {
      let sequence = try rows.int64(0)
      let subject = "change \(sequence)"
      let (kind, action) = (try rows.optionalInt64(1), try rows.optionalInt64(3))
      if sequence < 1 { report("I-11", subject, "sequences count from 1") }
      checkKnown(kind, action, try rows.optionalInt64(4), try rows.optionalInt64(5), subject)
      let leaping = [ChangeAction.recovered, .restored].map { Int64($0.rawValue) }
      let isLeap = kind == Int64(RecordKind.store.rawValue) && action.map(leaping.contains) == true
      if let previous, sequence != previous + 1, sequence <= previous || !isLeap {
        report("I-11", subject, "it follows change \(previous), and what was between them is lost")
      }
      previous = sequence
      if kind == Int64(RecordKind.container.rawValue), let action {
        note(try rows.string(2), action, try rows.int64(6), in: &revisions)
      }
    }
    try checkRevisions(revisions)
  }

  private mutating func checkKnown(
    _ kind: Int64?, _ action: Int64?, _ from: Int64?, _ to: Int64?, _ subject: String
  ) {
    if RecordKind(stored: kind) == nil { report("I-11", subject, "its kind is not one this version knows") }
    if ChangeAction(stored: action) == nil {
      report("I-11", subject, "its action is not one this version knows")
    }
    for status in [from, to] where status != nil && ContainerStatus(stored: status) == nil {
      report("I-11", subject, "its status is not one this version knows")
    }
  }

  /// Remembers the newest state of a container that a change tells of, since it was last added.
  private func note(_ id: String, _ action: Int64, _ revision: Int64, in revisions: inout [String: Int64]) {
    switch ChangeAction(stored: action) {
    case .added, .removed: revisions[id] = nil
    case .updated, .recovered: revisions[id] = revision
    default: break
    }
  }

  private mutating func checkRevisions(_ revisions: [String: Int64]) throws {
    let state = try connection.statement(
      """
      SELECT s.revision FROM record r JOIN container_state s ON s.generation = r.generation
      WHERE r.id = ?1 AND r.kind = 1
      """)
    for (id, recorded) in revisions.sorted(by: { $0.key < $1.key }) {
      try state.bind(1, id)
      defer { state.reset() }
      guard try state.step() else { continue }
      if try state.int64(0) < recorded {
        report("I-11", id, "a change says that its state has revision \(recorded), which it never had")
      }
    }
  }
}

extension RawRepresentable where RawValue == Int32 {
  /// The value that a stored integer stands for; nil where it stands for none.
  fileprivate init?(stored: Int64?) {
    guard let stored, let value = Int32(exactly: stored) else { return nil }
    self.init(rawValue: value)
  }
}
