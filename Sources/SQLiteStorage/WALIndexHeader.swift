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

  /// Another one with each commit, restart and recovery of the WAL.
  ///
  /// Of all but the format: the counter of commits, the length of WAL and database, the checksums of the last
  /// frame and of the header, the salts.
  var fingerprint: UInt64 {
    let words = [copy.words.1, copy.words.2, copy.words.3, copy.words.4, copy.words.5]
    let hash = words.reduce(0xA076_1D64_78BD_642F as UInt64) { hash, word in
      let product = (hash ^ word).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
      return product.high ^ product.low
    }
    // What no header has is what a new file holds.
    return max(1, hash)
  }

  /// Whether one commit alone lies between the other and this.
  ///
  /// Each adds one to the counter `iChange`, whoever commits.
  /// Source: https://sqlite.org/walformat.html#the_wal_index_header
  func follows(_ other: WALIndexHeader) -> Bool {
    UInt32(truncatingIfNeeded: copy.words.1) == UInt32(truncatingIfNeeded: other.copy.words.1) &+ 1
  }
}

/// The moment just before something was read, or just after it was committed.
package struct CommitMoment: Sendable {
  fileprivate let header: WALIndexHeader
  /// What it was about, where it was about one subject alone and others may say what they commit.
  fileprivate let subject: CommitSubject?
  fileprivate let mark: CommitMark?
}

/// Where what was committed can be seen: the header of the WAL's index, as SQLite has it mapped in this
/// process, and the marks of commits.
///
/// Good as long as the connection that gave it is open: who keeps it forgets it in
/// `DatabaseOptions.beforeConnectionCloses`.
package struct CommitWatch: Sendable {
  private let address: UInt
  private let marks: CommitMarks?

  fileprivate init(_ start: UnsafePointer<UInt64>, _ marks: CommitMarks?) {
    address = UInt(bitPattern: start)
    self.marks = marks
  }

  private var start: UnsafePointer<UInt64>? { UnsafePointer(bitPattern: address) }

  /// The header as it is now; nil while somebody changes it.
  fileprivate func copyHeader() -> WALIndexHeader? {
    var header = WALIndexHeader()
    return csqlite_copy_wal_header(start, &header.copy) != 0 ? header : nil
  }

  /// What there is to compare with later; nil while somebody commits.
  ///
  /// DURABILITY D-9: what is read after this call is as new as the moment or newer. Taken after the read, an
  /// old answer would be taken for one of the new moment, for ever.
  ///
  /// - Parameter subject: what will be read is about it alone; nil for anything.
  package func moment(of subject: CommitSubject? = nil) -> CommitMoment? {
    let mark = subject.flatMap { marks?.mark(of: $0) }
    return copyHeader().map { CommitMoment(header: $0, subject: subject, mark: mark) }
  }

  /// Whether nobody has committed anything since, or nothing about its subject.
  ///
  /// DURABILITY D-9: a commit that has returned has changed both copies of the header in shared memory; one
  /// that has changed only one of them has not returned.
  package func isStill(_ moment: CommitMoment) -> Bool {
    let isUnchanged = withUnsafePointer(to: moment.header.copy) { csqlite_wal_header_is(start, $0) != 0 }
    return isUnchanged || isUnchangedByMarks(moment)
  }

  private func isUnchangedByMarks(_ moment: CommitMoment) -> Bool {
    guard let marks, let subject = moment.subject, let mark = moment.mark, let header = copyHeader() else {
      return false
    }
    return marks.isStill(mark, of: subject, at: header)
  }

  /// Called in a write transaction that will say what it was about.
  ///
  /// - Returns: the header before it.
  func prepareNote() -> WALIndexHeader? {
    guard let marks, let header = copyHeader() else { return nil }
    marks.prepare(at: header)
    return header
  }

  /// Says what the commit was about that alone has changed the header.
  ///
  /// - Returns: the moment of that commit; nil where there was none, or others have committed as well.
  func note(_ subject: CommitSubject, after before: WALIndexHeader) -> CommitMoment? {
    guard let marks, let header = copyHeader(), header.follows(before) else { return nil }
    return CommitMoment(header: header, subject: subject, mark: marks.note(subject, at: header))
  }
}

extension Connection {
  /// Where what was committed can be seen; nil before the first read.
  package var commitWatch: CommitWatch? {
    if let knownCommitWatch { return knownCommitWatch }
    guard let start = csqlite_wal_index(handle) else { return nil }
    knownCommitWatch = CommitWatch(UnsafePointer(start), marks)
    return knownCommitWatch
  }
}
