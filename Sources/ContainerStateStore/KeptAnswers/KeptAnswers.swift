internal import Platform
internal import SQLiteStorage
internal import Synchronization

/// The answers of a store that are still true, as long as nobody commits anything.
///
/// DURABILITY D-9: an answer is given again only while the header of the WAL's index is what it was before
/// the answer was read. Errors are not kept.
package final class KeptAnswers: Sendable {
  private let maximumBytes: Int
  private let memory: Mutex<Memory>

  private struct Memory: ~Copyable {
    var table = KeptAnswerTable()
    /// Nil until something is kept, and whenever a connection closes: the mapping may go with it.
    var index: WALIndexAddress?
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
      guard let index = memory.index, let found = memory.table.answer(to: question, hash: hash) else {
        return nil
      }
      return found._withUnsafeGuaranteedRef { found in
        // The exact type, where a cast would ask for the classes it inherits from as well.
        guard index.isStill(found.header), type(of: found) == KeptValue<Value>.self else { return nil }
        memory.givenCount &+= 1
        return unsafeDowncast(found, to: KeptValue<Value>.self).value
      }
    }
  }

  /// Asks on a connection that is in no transaction which has read, and keeps the answer.
  func keep<Value: Keepable>(
    _ question: Question, in connection: Connection, _ ask: (Connection) throws -> Value
  ) throws -> Value {
    guard maximumBytes > 0, let index = connection.walIndex else { return try ask(connection) }
    let header = index.copyHeader()
    let value = try ask(connection)
    // FAILPOINT answer.read: what is committed from here on is neither in the answer nor in the header.
    failpoint("answer.read")
    if let header { memory.withLock { insert(value, of: question, header, index, into: &$0) } }
    return value
  }

  private func insert<Value: Keepable>(
    _ value: Value, of question: Question, _ header: WALIndexHeader, _ index: WALIndexAddress,
    into memory: inout Memory
  ) {
    let bytes = value.keptBytes + KeptAnswer.overheadBytes
    guard bytes <= maximumBytes else { return }
    memory.index = index
    if memory.table.bytes + bytes > maximumBytes { memory.table = KeptAnswerTable() }
    memory.table.insert(KeptValue(value, of: question, header, bytes: bytes))
  }

  /// Keeps what is known to be in the database as of a header, while nobody has committed since.
  func keep<Value: Keepable>(_ value: Value, of question: Question, asOf header: WALIndexHeader) {
    memory.withLock { memory in
      guard let index = memory.index, index.isStill(header) else { return }
      insert(value, of: question, header, index, into: &memory)
    }
  }

  /// The header as it is now, before a read on this connection, for what will be kept without one.
  func header(in connection: Connection) -> WALIndexHeader? {
    guard maximumBytes > 0, let index = connection.walIndex else { return nil }
    memory.withLock { $0.index = index }
    return index.copyHeader()
  }

  /// The header as it is now, where one commit alone lies between the earlier one and it, which the caller
  /// has made.
  func header(afterOwnCommit earlier: WALIndexHeader?) -> WALIndexHeader? {
    guard let earlier, let header = memory.withLock({ $0.index?.copyHeader() }) else { return nil }
    return header.follows(earlier) ? header : nil
  }

  /// Gives up the address of the index; the answers stay, and are compared again after the next read.
  func forgetIndex() { memory.withLock { $0.index = nil } }
}

/// What can be kept.
protocol Keepable: Sendable {
  /// About how many bytes a copy of it takes.
  var keptBytes: Int { get }
}

/// One answer, and the header of the WAL's index from before it was read.
class KeptAnswer {
  let question: Question
  let header: WALIndexHeader
  let bytes: Int

  /// The question, the header, the place in the table.
  static let overheadBytes = 256

  fileprivate init(_ question: Question, _ header: WALIndexHeader, bytes: Int) {
    self.question = question
    self.header = header
    self.bytes = bytes
  }
}

final class KeptValue<Value: Keepable>: KeptAnswer {
  let value: Value

  init(_ value: Value, of question: Question, _ header: WALIndexHeader, bytes: Int) {
    self.value = value
    super.init(question, header, bytes: bytes)
  }
}
