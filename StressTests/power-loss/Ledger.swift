internal import Glibc
internal import StressSupport

/// Which row of which container, and which state of it.
struct RowVersion: Hashable {
  var id: String
  var generation: Int64
  var revision: Int64
}

/// What a worker began, and what it was told.
struct LedgerEntry {
  enum Verb: String {
    case add, update, remove
    /// Read without a lock, then made durable: what was seen must stay.
    case sighting
  }

  /// What the return of the call promised, or what it had reached before it was stopped for ever.
  enum Promise: String {
    case durable, committed
    /// The call failed, or never returned.
    case none
  }

  let verb: Verb
  let id: String
  /// What was to be written, unique in the run; 0 for a removal.
  let value: UInt64
  let began: UInt64
  /// When the call returned, or was known to have come as far as `promise` says; nil where neither is so.
  var ended: UInt64?
  var promise = Promise.none
  /// 0 where the call never returned: then its value tells the version, since nobody else writes there.
  var generation: Int64 = 0
  var revision: Int64 = 0

  /// Whether the call returned.
  var isAnswered: Bool { generation > 0 }

  var version: RowVersion { RowVersion(id: id, generation: generation, revision: revision) }
}

/// A worker's own account, on a file system that keeps its power.
///
/// One line before the call and one after it, each by one write: a worker that is killed in between leaves
/// the first alone.
final class Ledger {
  private let descriptor: Int32
  private var number = 0

  init(path: String) throws(StressFailure) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .systemCall("open", path) }
  }

  deinit { close(descriptor) }

  func begin(_ verb: LedgerEntry.Verb, _ id: String, value: UInt64) {
    number += 1
    write("B \(number) \(clockNanoseconds(CLOCK_MONOTONIC)) \(verb.rawValue) \(id) \(value)")
  }

  /// The return of the call that began last.
  func end(_ promise: LedgerEntry.Promise, generation: Int64, revision: Int64) {
    write(
      "E \(number) \(clockNanoseconds(CLOCK_MONOTONIC)) \(promise.rawValue) \(generation) \(revision)")
  }

  /// How far the call that began last has come, which may never return.
  func reach(_ promise: LedgerEntry.Promise) {
    write("R \(number) \(clockNanoseconds(CLOCK_MONOTONIC)) \(promise.rawValue)")
  }

  /// This process is about to stop itself.
  func stop(at moment: Moment) { write("P \(number) \(moment.rawValue)") }

  /// It did not.
  func goOn() { write("N \(number)") }

  /// The call that began last failed and had no effect, so it is as if it had never been.
  func withdraw() { write("W \(number)") }

  /// Why this worker ended before it was killed.
  func fail(_ reason: String) { write("X \(clockNanoseconds(CLOCK_MONOTONIC)) \(reason)") }

  private func write(_ line: String) {
    guard writeAll(Array((line + "\n").utf8), to: descriptor) else { _exit(70) }
  }

  /// What a file says.
  struct Account {
    var entries: [LedgerEntry] = []
    var failures: [String] = []
    /// The moment at which the worker stopped itself.
    var stop: String?
  }

  /// Everything that a file says; returns from `cut` on are as if they had never been.
  ///
  /// - Throws: where it cannot be read or is no ledger.
  static func entries(
    path: String, before cut: UInt64
  ) throws(StressFailure) -> Account {
    guard let bytes = readFile(path) else { throw .systemCall("open", path) }
    var account = Account()
    var isWithdrawn: Set<Int> = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let text = String(decoding: line, as: UTF8.self)
      let words = text.split(separator: " ")
      guard words.count > 1, let number = Int(words[1]) else { throw StressFailure("\(path): no ledger") }
      switch words[0] {
      case "B":
        guard words.count == 6, let began = UInt64(words[2]), let value = UInt64(words[5]),
          let verb = LedgerEntry.Verb(rawValue: String(words[3]))
        else { throw StressFailure("\(path): no ledger") }
        account.entries.append(LedgerEntry(verb: verb, id: String(words[4]), value: value, began: began))
      case "E":
        guard words.count == 6, let ended = UInt64(words[2]), number == account.entries.count,
          let promise = LedgerEntry.Promise(rawValue: String(words[3])),
          let generation = Int64(words[4]), let revision = Int64(words[5])
        else { throw StressFailure("\(path): no ledger") }
        if ended >= cut { continue }
        account.entries[number - 1].ended = ended
        account.entries[number - 1].promise = promise
        account.entries[number - 1].generation = generation
        account.entries[number - 1].revision = revision
      case "R":
        guard words.count == 4, let reached = UInt64(words[2]), number == account.entries.count,
          let promise = LedgerEntry.Promise(rawValue: String(words[3]))
        else { throw StressFailure("\(path): no ledger") }
        if reached >= cut { continue }
        account.entries[number - 1].ended = reached
        account.entries[number - 1].promise = promise
      case "P": account.stop = words.dropFirst(2).joined(separator: " ")
      case "N": account.stop = nil
      case "W": isWithdrawn.insert(number)
      case "X": if UInt64(number) < cut { account.failures.append("failed before the cut: \(text)") }
      default: throw StressFailure("\(path): no ledger")
      }
    }
    account.entries = account.entries.indices.filter { !isWithdrawn.contains($0 + 1) }.map {
      account.entries[$0]
    }
    return account
  }
}
