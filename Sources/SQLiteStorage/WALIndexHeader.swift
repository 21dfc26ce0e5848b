internal import CSQLite

/// What the index of the WAL said of the last commit at one moment.
///
/// Whoever commits changes it, foreign programs too. SQLite decides by it whether the pages that a connection
/// remembers are still those of the database.
package struct WALIndexHeader: Sendable, Equatable {
  fileprivate var copy = csqlite_wal_header()

  package static func == (left: WALIndexHeader, right: WALIndexHeader) -> Bool {
    withUnsafeBytes(of: left.copy) { left in
      withUnsafeBytes(of: right.copy) { left.elementsEqual($0) }
    }
  }

  /// Whether one commit alone lies between the other and this.
  ///
  /// Each adds one to the counter `iChange`, whoever commits.
  /// Source: https://sqlite.org/walformat.html#the_wal_index_header
  package func follows(_ other: WALIndexHeader) -> Bool {
    UInt32(truncatingIfNeeded: copy.words.1) == UInt32(truncatingIfNeeded: other.copy.words.1) &+ 1
  }
}

/// Where SQLite has the header of the WAL's index mapped in this process.
///
/// Good as long as the connection that gave it is open: who keeps it forgets it in
/// `DatabaseOptions.beforeConnectionCloses`.
package struct WALIndexAddress: Sendable {
  private let address: UInt

  fileprivate init(_ start: UnsafePointer<UInt64>) { address = UInt(bitPattern: start) }

  private var start: UnsafePointer<UInt64>? { UnsafePointer(bitPattern: address) }

  /// The header as it is now; nil while somebody changes it.
  ///
  /// DURABILITY D-9: what is read after this call is as new as the copy or newer. Copied after the read, an
  /// old answer would be taken for one of the new header, for ever.
  package func copyHeader() -> WALIndexHeader? {
    var header = WALIndexHeader()
    return csqlite_copy_wal_header(start, &header.copy) != 0 ? header : nil
  }

  /// Whether nobody has committed since the header was copied.
  ///
  /// DURABILITY D-9: a commit that has returned has changed both copies of the header in shared memory; one
  /// that has changed only one of them has not returned.
  package func isStill(_ header: WALIndexHeader) -> Bool {
    withUnsafePointer(to: header.copy) { csqlite_wal_header_is(start, $0) != 0 }
  }
}

extension Connection {
  /// Where the index of the WAL is mapped; nil before the first read.
  package var walIndex: WALIndexAddress? {
    if let knownWALIndex { return knownWALIndex }
    guard let start = csqlite_wal_index(handle) else { return nil }
    knownWALIndex = WALIndexAddress(UnsafePointer(start))
    return knownWALIndex
  }
}
