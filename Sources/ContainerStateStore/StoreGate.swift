internal import FileLocking
internal import Platform
internal import SQLiteStorage
internal import StateModel

/// The write gate's lockfile as the storage layer wants to see it.
final class StoreGate: SQLiteStorage.WriteGate {
  let lock: FileLocking.WriteGate
  /// A number of this boot.
  ///
  /// In the gate's mark it says that a sync has failed; after another boot recovery reads what the disk
  /// really has.
  private let bootMark: UInt64
  let vouchesForDirectory: Bool

  /// A gate vouches for its directory where it is beside the database, so that every grant finds it under its
  /// one name (L-2), on a file system that stamps directories by this kernel's clock.
  init(_ lock: FileLocking.WriteGate, bootID: String, vouchesForDirectory: Bool = false) {
    self.lock = lock
    self.vouchesForDirectory = vouchesForDirectory
    bootMark = Self.mark(of: bootID)
  }

  var hasFailedSync: Bool { lock.mark == bootMark }

  func rememberFailedSync() -> Bool { lock.setMark(bootMark) }

  func forgetFailedSync() { _ = lock.setMark(0) }

  func sharedSyncs(of wal: FileIdentity) -> SharedSyncs? {
    lock.lentBytes.map { SharedSyncs(at: $0, boot: bootMark, wal: wal) }
  }

  var commitNotes: CommitNotes? {
    assert(SharedSyncs.size + CommitNotes.size <= FileLocking.WriteGate.lentSize)
    return lock.lentBytes.map { CommitNotes(at: $0 + SharedSyncs.size) }
  }

  /// FNV-1a over the boot id, never 0: the ids of two boots differ in all of their bits.
  private static func mark(of bootID: String) -> UInt64 {
    let hash = bootID.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return max(1, hash)
  }

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
