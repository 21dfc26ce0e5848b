/// What SQLite means by a record lock at a byte of one of its files, for reading `/proc/locks`.
///
/// Source: https://sqlite.org/walformat.html#wal_locks, https://sqlite.org/lockingv3.html
package enum SQLiteLock: Equatable, Sendable {
  /// On the database: held for reading while a connection is open in WAL mode.
  case shared
  /// On the database: a rollback-journal writer, which a WAL database has for moments only.
  case reserved, pending
  /// On `-shm`: one writer, one WAL checkpoint, one recovery of the index at a time.
  case write, checkpoint, recovery
  /// On `-shm`: a snapshot that is being read.
  case read(Int)
  /// On `-shm`: held for reading by everybody who has the database open.
  case open
}

/// Where SQLite's locks lie.
enum LockedByte {
  static let deadManSwitch: UInt64 = 128
  private static let pending: UInt64 = 0x4000_0000

  static func onDatabase(_ start: UInt64) -> SQLiteLock? {
    switch start {
    case pending: .pending
    case pending + 1: .reserved
    case pending + 2..<pending + 512: .shared
    default: nil
    }
  }

  static func onSharedMemory(_ start: UInt64) -> SQLiteLock? {
    switch start {
    case 120: .write
    case 121: .checkpoint
    case 122: .recovery
    case 123...127: .read(Int(start - 123))
    case deadManSwitch: .open
    default: nil
    }
  }
}
