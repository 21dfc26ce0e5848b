internal import CSQLite

/// What the index of the WAL said of the last commit at one moment.
///
/// Whoever commits changes it, foreign programs too. SQLite decides by it whether the pages that a connection
/// remembers are still those of the database.
/// Source: https://sqlite.org/walformat.html#the_wal_index_header
struct WALIndexHeader: Sendable {
  private var copy = csqlite_wal_header()

  /// The header as it is now; nil while somebody changes it.
  init?(at start: UnsafePointer<UInt64>?) {
    guard csqlite_copy_wal_header(start, &copy) != 0 else { return nil }
  }

  /// Whether both copies of the header are still this one.
  func isStill(at start: UnsafePointer<UInt64>?) -> Bool {
    withUnsafePointer(to: copy) { csqlite_wal_header_is(start, $0) != 0 }
  }

  /// Another one with each commit, restart and recovery of the WAL.
  ///
  /// Of all but the format: the counter of commits, the length of WAL and database, the checksums of the last
  /// frame and of the header, the salts.
  var fingerprint: UInt64 {
    let words = [copy.words.1, copy.words.2, copy.words.3, copy.words.4, copy.words.5]
    let hash = words.reduce(Self.notesVersion) { hash, word in
      let product = (hash ^ word).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
      return product.high ^ product.low
    }
    // What no header has is what a new file holds.
    return max(1, hash)
  }

  /// A version in which the notes of commits mean something else has another number, so that those of one
  /// never fit a header to the other.
  private static let notesVersion: UInt64 = 0xA076_1D64_78BD_642F

  /// Whether the one commit that lies between the other and this left the WAL with so many frames, and did
  /// not restart it.
  func follows(_ other: WALIndexHeader, frames: Int32) -> Bool {
    // The counter of commits goes up by one with each, and begins anew with a recovery.
    UInt32(truncatingIfNeeded: copy.words.1) == UInt32(truncatingIfNeeded: other.copy.words.1) &+ 1
      && UInt32(truncatingIfNeeded: copy.words.2) == UInt32(bitPattern: frames)
      && copy.words.4 == other.copy.words.4
  }
}
