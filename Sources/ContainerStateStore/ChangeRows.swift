internal import FileLocking
internal import SQLiteStorage
internal import StateModel

/// How changes are recorded: one row each, in the transaction that makes them.
enum ChangeRows {
  /// A change to record; its sequence and time come with the row.
  struct Entry {
    let kind: RecordKind
    let id: String
    let action: ChangeAction
    var from: ContainerStatus?
    var to: ContainerStatus?
    var revision: Int64 = 0
  }

  /// Records a change and, every so often, removes the oldest (INVARIANT I-11); without `sequence` it is the
  /// next one.
  static func record(
    _ entry: Entry, sequence: Int64? = nil, retention: ChangeRetention, in connection: Connection
  ) throws {
    let row = try connection.statement(
      """
      INSERT INTO change (sequence, kind, id, what, from_status, to_status, revision, writer_pid, at_ns)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      """)
    // NULL is one more than the greatest there is.
    if let sequence { try row.bind(1, sequence) } else { try row.bindNull(1) }
    try row.bind(2, Int64(entry.kind.rawValue))
    try row.bind(3, entry.id)
    try row.bind(4, Int64(entry.action.rawValue))
    if let from = entry.from { try row.bind(5, Int64(from.rawValue)) } else { try row.bindNull(5) }
    if let to = entry.to { try row.bind(6, Int64(to.rawValue)) } else { try row.bindNull(6) }
    try row.bind(7, entry.revision)
    try row.bind(8, Int64(ProcessIdentity.current.pid))
    let now = Timestamp.now
    try row.bind(9, now.nanosecondsSinceEpoch)
    try row.run()
    let recorded = connection.lastInsertedRowID
    if recorded % trimInterval == 0 { try trim(to: recorded, now: now, retention, in: connection) }
  }

  /// Records a change beyond every sequence that anybody can have seen (INVARIANT I-11): a loss of power and
  /// a restoration take changes back.
  static func leap(_ entry: Entry, _ retention: ChangeRetention, in connection: Connection) throws {
    let (next, overflows) = try newest(in: connection).addingReportingOverflow(leapDistance)
    if overflows { throw StoreError.corrupt("change", "no store has seen so many changes as it says") }
    try record(entry, sequence: next, retention: retention, in: connection)
  }

  /// More changes than can be lost at once.
  private static let leapDistance: Int64 = 1 << 32

  /// How many changes there are between two looks for old ones.
  private static let trimInterval: Int64 = 64
  /// How many of the oldest are looked at then: more than come in between.
  private static let trimLimit: Int64 = 256

  /// Removes what is beyond a limit, from the oldest on and up to the first that is not: whoever reads on
  /// from a place can tell from the oldest change whether he has missed any.
  ///
  /// The newest row stays whatever its age: the next sequence is counted from it.
  private static func trim(
    to newest: Int64, now: Timestamp, _ retention: ChangeRetention, in connection: Connection
  ) throws {
    let row = try connection.statement(
      """
      DELETE FROM change WHERE sequence < coalesce(
        (SELECT min(sequence) FROM (SELECT sequence, at_ns FROM change ORDER BY sequence LIMIT ?1)
          WHERE sequence >= ?2 OR (sequence > ?3 AND at_ns >= ?4)),
        (SELECT max(sequence) FROM (SELECT sequence FROM change ORDER BY sequence LIMIT ?1)))
      """)
    try row.bind(1, trimLimit)
    try row.bind(2, newest)
    try row.bind(3, newest - Int64(retention.count))
    try row.bind(4, now.nanosecondsSinceEpoch - retention.ageNanoseconds)
    try row.run()
  }

  /// The greatest sequence there is; 0 where nothing was changed yet.
  static func newest(in connection: Connection) throws -> Int64 {
    let row = try connection.statement("SELECT coalesce(max(sequence), 0) FROM change")
    return try row.step() ? try row.int64(0) : 0
  }
}

extension StateStore {
  /// Records a change in the transaction that makes it.
  func record(_ change: ChangeRows.Entry, in connection: Connection) throws {
    try ChangeRows.record(change, retention: options.changeRetention, in: connection)
  }
}
