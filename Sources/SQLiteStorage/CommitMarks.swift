internal import CSQLite
internal import Platform
internal import Synchronization

/// What each commit was about, in memory that all processes share: who remembers an answer about one subject
/// need not ask again because of commits about others.
///
/// Whoever commits what he can name counts up the number of that subject and says which state of the WAL's
/// index his commit has made. Everybody else says nothing, foreign programs and killed writers above all, and
/// nobody can fail to notice: the index says something that nobody has said here. The next who has something
/// to say begins a new *era*, in which nothing remembered from before counts.
///
/// It takes no lock: what is said here is true whatever became of the gate, since SQLite's own lock on
/// writing lets one transaction through at a time.
package struct CommitMarks: Sendable {
  /// How many bytes it has, from an address that is divisible by 64.
  package static let size = 3_712

  // SAFETY: all of it is touched by atomic operations alone; the memory outlives this value, which is the
  // duty of whoever gave it (`WriteGate.commitMarks`).
  private nonisolated(unsafe) let address: UnsafeMutableRawPointer

  /// - Parameter address: of `size` bytes, which hold zeros at first, and anything after a reboot or a copy.
  package init(at address: UnsafeMutableRawPointer) { self.address = address }

  // MARK: Reading

  /// What is said of a subject before it is read.
  ///
  /// DURABILITY D-9: a commit that the read does not see counts up, or begins an era, after this.
  func mark(of subject: CommitSubject) -> CommitMark {
    CommitMark(
      era: word(Self.era).pointee.load(ordering: .acquiring),
      count: count(of: subject).pointee.load(ordering: .acquiring))
  }

  /// Whether no commit up to the one that made this header was about the subject since the mark was taken.
  func isStill(_ mark: CommitMark, of subject: CommitSubject, at header: WALIndexHeader) -> Bool {
    // Before the others: whoever stores this one has counted up.
    word(Self.last).pointee.load(ordering: .acquiring) == header.fingerprint && self.mark(of: subject) == mark
  }

  // MARK: Committing

  /// Called in a write transaction, before anything is said of it: what was committed since somebody has said
  /// something for the last time may be about any subject.
  ///
  /// - Parameter header: of the WAL's index, which nobody changes until this transaction ends.
  func prepare(at header: WALIndexHeader) {
    guard word(Self.last).pointee.load(ordering: .acquiring) != header.fingerprint else { return }
    // The time makes it another than any before, also where the file was overwritten in between.
    let before = word(Self.era).pointee.load(ordering: .relaxed)
    word(Self.era).pointee.store(max(before &+ 1, Clock.bootTimeNanoseconds), ordering: .releasing)
  }

  /// Says that the commit which made this header was about this subject alone.
  ///
  /// - Returns: the mark of the subject with that commit.
  func note(_ subject: CommitSubject, at header: WALIndexHeader) -> CommitMark {
    let count = count(of: subject).pointee.add(1, ordering: .releasing).newValue
    let mark = CommitMark(era: word(Self.era).pointee.load(ordering: .relaxed), count: count)
    // FAILPOINT commit.counted: counted, and nobody knows which commit that was.
    failpoint("commit.counted")
    word(Self.last).pointee.store(header.fingerprint, ordering: .releasing)
    return mark
  }

  // MARK: Words

  private static let last = 0
  private static let era = 1
  private static let firstCount = 8
  private static let counts = UInt64(size / 8 - firstCount)

  private func count(of subject: CommitSubject) -> UnsafePointer<Atomic<UInt64>> {
    word(Self.firstCount + Int(subject.hash % Self.counts))
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
struct CommitMark: Sendable, Equatable {
  let era: UInt64
  let count: UInt64
}
