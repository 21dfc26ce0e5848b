internal import SQLiteStorage
internal import StateModel

extension StateStore {
  /// The kept answer where it is still true, else what `ask` reads in one statement.
  func answer<Value: Keepable>(
    _ operation: String, _ question: Question, _ ask: (Connection) throws -> Value
  ) throws(StoreError) -> Value {
    try checkUsable(operation)
    if let value: Value = keptAnswers.answer(to: question) { return value }
    return try StoreError.mapping(operation) {
      try database.readOne { try keptAnswers.keep(question, in: $0, ask) }
    }
  }

  /// As `answer`, where it takes several statements, which read one snapshot.
  func snapshotAnswer<Value: Keepable>(
    _ operation: String, _ question: Question, _ ask: (Connection) throws -> Value
  ) throws(StoreError) -> Value {
    try answer(operation, question) { try $0.snapshot(ask) }
  }
}
