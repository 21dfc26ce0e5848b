internal import Platform
internal import SQLiteStorage
internal import Synchronization

/// The answers of a store that are still true: nobody has committed anything since, or nothing about their
/// subject.
///
/// DURABILITY D-9: an answer is given again only as long as the moment lasts that was taken before it was
/// read. Errors are not kept.
package final class KeptAnswers: Sendable {
  private let maximumBytes: Int
  private let memory: Mutex<Memory>

  private struct Memory: ~Copyable {
    var table = KeptAnswerTable()
    /// Nil until something is kept, and whenever a connection closes: the mapping may go with it.
    var watch: CommitWatch?
    var givenCount = 0
  }

  /// - Parameter maximumBytes: what all answers together may take; 0 for none.
  init(maximumBytes: Int) {
    self.maximumBytes = maximumBytes
    memory = Mutex(Memory())
  }

  /// How many answers were given without asking the database.
  package var givenCount: Int { memory.withLock { $0.givenCount } }

  /// What all answers together take.
  package var bytes: Int { memory.withLock { $0.table.bytes } }

  /// The answer, where it is kept and still true.
  @inline(__always)
  func answer<Value: Keepable>(to question: Question) -> Value? {
    guard maximumBytes > 0 else { return nil }
    let hash = question.hash
    return memory.withLock { memory in
      guard let watch = memory.watch, let found = memory.table.answer(to: question, hash: hash) else {
        return nil
      }
      return found._withUnsafeGuaranteedRef { found in
        // The exact type, where a cast would ask for the classes it inherits from as well.
        guard watch.isStill(found.moment), type(of: found) == KeptValue<Value>.self else { return nil }
        memory.givenCount &+= 1
        return unsafeDowncast(found, to: KeptValue<Value>.self).value
      }
    }
  }

  /// Asks on a connection that is in no transaction which has read, and keeps the answer.
  func keep<Value: Keepable>(
    _ question: Question, in connection: Connection, _ ask: (Connection) throws -> Value
  ) throws -> Value {
    guard maximumBytes > 0, let watch = connection.commitWatch else { return try ask(connection) }
    let moment = watch.moment(of: question.subject)
    let value = try ask(connection)
    // FAILPOINT answer.read: what is committed from here on is neither in the answer nor in the moment.
    failpoint("answer.read")
    if let moment { memory.withLock { insert(value, of: question, moment, watch, into: &$0) } }
    return value
  }

  private func insert<Value: Keepable>(
    _ value: Value, of question: Question, _ moment: CommitMoment, _ watch: CommitWatch,
    into memory: inout Memory
  ) {
    let bytes = value.keptBytes + KeptAnswer.overheadBytes
    guard bytes <= maximumBytes else { return }
    memory.watch = watch
    if memory.table.bytes + bytes > maximumBytes { memory.table = KeptAnswerTable() }
    memory.table.insert(KeptValue(value, of: question, moment, bytes: bytes))
  }

  /// Keeps what is known to be in the database as of a moment, while that lasts.
  func keep<Value: Keepable>(_ value: Value, of question: Question, asOf moment: CommitMoment) {
    memory.withLock { memory in
      guard let watch = memory.watch, watch.isStill(moment) else { return }
      insert(value, of: question, moment, watch, into: &memory)
    }
  }

  /// The present moment, before a read on this connection of what will be kept later.
  func moment(of question: Question, in connection: Connection) -> CommitMoment? {
    guard maximumBytes > 0, let watch = connection.commitWatch else { return nil }
    memory.withLock { $0.watch = watch }
    return watch.moment(of: question.subject)
  }

  /// Gives up where commits can be seen; the answers stay, and are compared again after the next read.
  func forgetWatch() { memory.withLock { $0.watch = nil } }
}

/// What can be kept.
protocol Keepable: Sendable {
  /// About how many bytes a copy of it takes.
  var keptBytes: Int { get }
}

/// One answer, and the moment before it was read.
class KeptAnswer {
  let question: Question
  let moment: CommitMoment
  let bytes: Int

  /// The question, the moment, the place in the table.
  static let overheadBytes = 256

  fileprivate init(_ question: Question, _ moment: CommitMoment, bytes: Int) {
    self.question = question
    self.moment = moment
    self.bytes = bytes
  }
}

final class KeptValue<Value: Keepable>: KeptAnswer {
  let value: Value

  init(_ value: Value, of question: Question, _ moment: CommitMoment, bytes: Int) {
    self.value = value
    super.init(question, moment, bytes: bytes)
  }
}
