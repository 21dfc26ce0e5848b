internal import FileLocking
internal import SQLiteStorage
internal import StateModel

/// The write gate's lockfile as the storage layer wants to see it.
final class StoreGate: SQLiteStorage.WriteGate {
  let lock: FileLocking.WriteGate

  init(_ lock: FileLocking.WriteGate) { self.lock = lock }

  func enter(_ operation: String, deadlineNanoseconds: UInt64) throws {
    try lock.enter(operation: operation, deadlineNanoseconds: deadlineNanoseconds)
  }

  func tryEnter(_ operation: String) throws -> Bool { try lock.tryEnter(operation: operation) }

  func leave() { lock.leave() }
}

extension Durability {
  /// The same promise in the storage layer's terms.
  var inStorage: CommitDurability {
    switch self {
    case .durable: .durable
    case .committed: .committed
    }
  }
}
