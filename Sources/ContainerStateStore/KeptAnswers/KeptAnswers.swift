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
    if let header { keep(value, of: question, header, index) }
    return value
  }

  private func keep<Value: Keepable>(
    _ value: Value, of question: Question, _ header: WALIndexHeader, _ index: WALIndexAddress
  ) {
    let bytes = value.keptBytes + KeptAnswer.overheadBytes
    guard bytes <= maximumBytes else { return }
    memory.withLock { memory in
      memory.index = index
      if memory.table.bytes + bytes > maximumBytes { memory.table = KeptAnswerTable() }
      memory.table.insert(KeptValue(value, of: question, header, bytes: bytes))
    }
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
