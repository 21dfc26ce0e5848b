internal import CSQLite

/// The moment just before something was read, or just after it was committed.
package struct CommitMoment: Sendable {
  fileprivate let header: WALIndexHeader
  /// What it was about, where it was about one subject alone and there are notes of commits.
  fileprivate let subject: CommitSubject?
  fileprivate let count: CommitCount?
}

/// Where what was committed can be seen: the header of the WAL's index, as SQLite has it mapped in this
/// process, and the notes of commits.
///
/// Good as long as the connection that gave it is open: who keeps it forgets it in
/// `DatabaseOptions.beforeConnectionCloses`.
package struct CommitWatch: Sendable {
  private let address: UInt
  private let notes: CommitNotes?

  fileprivate init(_ start: UnsafePointer<UInt64>, _ notes: CommitNotes?) {
    address = UInt(bitPattern: start)
    self.notes = notes
  }

  private var start: UnsafePointer<UInt64>? { UnsafePointer(bitPattern: address) }

  private var header: WALIndexHeader? { WALIndexHeader(at: start) }

  /// The present moment, to be compared with later.
  ///
  /// DURABILITY D-9: what is read after this call is as new as the moment or newer. Taken after the read, an
  /// old answer would be taken for one of the new moment, for ever.
  ///
  /// - Parameter subject: what will be read is about it alone; nil for anything.
  /// - Returns: nil while somebody commits.
  package func moment(of subject: CommitSubject? = nil) -> CommitMoment? {
    let count = subject.flatMap { notes?.count(of: $0) }
    return header.map { CommitMoment(header: $0, subject: subject, count: count) }
  }

  /// Whether nobody has committed anything since, or nothing about its subject.
  ///
  /// DURABILITY D-9: a commit that has returned has changed both copies of the header in shared memory; one
  /// that has changed only one of them has not returned.
  package func isStill(_ moment: CommitMoment) -> Bool {
    moment.header.isStill(at: start) || isStillByNotes(moment)
  }

  private func isStillByNotes(_ moment: CommitMoment) -> Bool {
    guard let notes, let subject = moment.subject, let count = moment.count, let header else { return false }
    return notes.isStill(count, of: subject, at: header)
  }

  /// Called in a write transaction whose commit will be noted; nil where there are no notes.
  func beginNoting() -> CommitNotes.Beginning? {
    guard let notes, let header else { return nil }
    return notes.begin(at: header)
  }

  /// Notes what the commit was about that alone has changed the header since the transaction began.
  ///
  /// - Parameters:
  ///   - subject: what it was about.
  ///   - frames: how many the WAL had after it; 0 where nothing was written.
  ///   - beginning: of the transaction.
  /// - Returns: the moment of that commit; nil where there was none, where it has restarted the WAL, or where
  ///   others have committed as well.
  func note(
    _ subject: CommitSubject, frames: Int32, since beginning: CommitNotes.Beginning
  ) -> CommitMoment? {
    guard let notes, frames > 0, let header, header.follows(beginning.header, frames: frames),
      let count = notes.note(subject, at: header, since: beginning)
    else { return nil }
    return CommitMoment(header: header, subject: subject, count: count)
  }
}

extension Connection {
  /// Where what was committed can be seen; nil before the first read.
  package var commitWatch: CommitWatch? {
    if let knownCommitWatch { return knownCommitWatch }
    guard let start = csqlite_wal_index(handle) else { return nil }
    knownCommitWatch = CommitWatch(UnsafePointer(start), notes)
    return knownCommitWatch
  }
}
