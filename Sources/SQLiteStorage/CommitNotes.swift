internal import Platform
internal import Synchronization

/// What each commit was about, in memory that all processes share: who remembers an answer about one subject
/// need not ask again because of commits about others.
///
/// Whoever commits what he can name counts up the number of that subject and notes which header of the
/// WAL's index his commit has made. Everybody else notes nothing, foreign programs and killed writers above
/// all, and nobody can fail to notice: the header is one that is not noted. The next who has something to
/// note begins a new *era*, in which nothing remembered from before counts.
///
/// It takes no lock: SQLite's own on writing keeps the transactions apart, and who notes something late notes
/// it of a header that is the present one no more.
package struct CommitNotes: Sendable {
  /// How many bytes it has, from an address that is divisible by 64.
  package static let size = 3_712

  // SAFETY: all of it is touched by atomic operations alone; the memory outlives this value, which is the
  // duty of whoever gave it (`WriteGate.commitNotes`).
  private nonisolated(unsafe) let address: UnsafeMutableRawPointer

  /// - Parameter address: of `size` bytes, which hold zeros at first, and anything after a reboot or a copy.
  package init(at address: UnsafeMutableRawPointer) { self.address = address }

  // MARK: Reading

  /// How often a subject was committed to, before it is read.
  ///
  /// DURABILITY D-9: a commit that the read does not see counts up, or begins an era, after this.
  func count(of subject: CommitSubject) -> CommitCount {
    CommitCount(
      era: word(Self.era).pointee.load(ordering: .acquiring),
      number: number(of: subject).pointee.load(ordering: .acquiring))
  }

  /// Whether no commit up to the one that made this header was about the subject since it was counted.
  func isStill(_ count: CommitCount, of subject: CommitSubject, at header: WALIndexHeader) -> Bool {
    // Before the others: whoever stores this one has counted up.
    word(Self.noted).pointee.load(ordering: .acquiring) == header.fingerprint
      && self.count(of: subject) == count
  }

  // MARK: Committing

  /// What was noted when a transaction began that will note something.
  struct Beginning {
    fileprivate let noted: UInt64
    fileprivate let era: UInt64
    let header: WALIndexHeader
  }

  /// Called in a write transaction, before anything is noted of it: what was committed since somebody has
  /// noted something for the last time may be about any subject.
  ///
  /// - Parameter header: of the WAL's index, which nobody changes until this transaction ends.
  /// - Returns: what `note` wants to know.
  func begin(at header: WALIndexHeader) -> Beginning {
    let noted = word(Self.noted).pointee.load(ordering: .acquiring)
    if noted == header.fingerprint {
      return Beginning(noted: noted, era: word(Self.era).pointee.load(ordering: .relaxed), header: header)
    }
    // Another one than any before, whatever the file was overwritten with, and no header's.
    let era = UInt64.random(in: 1 ... .max)
    word(Self.era).pointee.store(era, ordering: .releasing)
    word(Self.noted).pointee.store(era, ordering: .releasing)
    return Beginning(noted: era, era: era, header: header)
  }

  /// Notes that the commit which made this header was about this subject alone.
  ///
  /// - Returns: how often the subject was committed to, with that commit; nil where somebody else has changed
  ///   what was noted meanwhile.
  func note(_ subject: CommitSubject, at header: WALIndexHeader, since beginning: Beginning) -> CommitCount? {
    let number = number(of: subject).pointee.wrappingAdd(1, ordering: .releasing).newValue
    // FAILPOINT commit.counted: counted, and nobody knows which commit that was.
    failpoint("commit.counted")
    let (isNoted, _) = word(Self.noted).pointee.compareExchange(
      expected: beginning.noted, desired: header.fingerprint, ordering: .acquiringAndReleasing)
    return isNoted ? CommitCount(era: beginning.era, number: number) : nil
  }

  // MARK: Words

  private static let noted = 0
  private static let era = 1
  private static let firstNumber = 8
  private static let numbers = UInt64(size / 8 - firstNumber)

  private func number(of subject: CommitSubject) -> UnsafePointer<Atomic<UInt64>> {
    word(Self.firstNumber + Int(subject.hash % Self.numbers))
  }

  private func word(_ number: Int) -> UnsafePointer<Atomic<UInt64>> {
    UnsafeRawPointer(address + 8 * number).assumingMemoryBound(to: Atomic<UInt64>.self)
  }
}

/// What a commit or an answer is about; two that are alike by chance cost a needless read.
package struct CommitSubject: Sendable, Equatable {
  let hash: UInt64

  /// - Parameter hash: the same in all processes, of whatever version.
  package init(hash: UInt64) { self.hash = hash }
}

/// How often a subject was committed to, in which era.
struct CommitCount: Sendable, Equatable {
  let era: UInt64
  let number: UInt64
}
