@testable internal import SQLiteStorage
internal import StoreTestSupport
internal import Testing

/// What is said of commits, over memory of this process; each header stands for a commit.
@Suite("What commits were about, in shared memory")
struct CommitMarksTests {
  private let memory = MarkMemory()
  private let ours: CommitMarks
  private let theirs: CommitMarks
  private let one = CommitSubject(hash: 1)
  private let two = CommitSubject(hash: 2)

  init() {
    ours = memory.marks
    // As another process has it.
    theirs = memory.marks
  }

  /// A commit that is said, from the header before it to the one after it.
  private func say(_ subject: CommitSubject, from before: UInt64, to after: UInt64) {
    ours.prepare(at: .number(before))
    _ = ours.note(subject, at: .number(after))
  }

  @Test("D-9: commits about others leave a mark, one about the subject does not")
  func others() {
    ours.prepare(at: .number(1))
    let mark = theirs.mark(of: one)
    #expect(!theirs.isStill(mark, of: one, at: .number(1)), "nobody has said what that commit was about")
    _ = ours.note(two, at: .number(2))
    #expect(theirs.isStill(mark, of: one, at: .number(2)))
    for header in 2...20 as ClosedRange<UInt64> { say(two, from: header, to: header + 1) }
    #expect(theirs.isStill(mark, of: one, at: .number(21)))
    say(one, from: 21, to: 22)
    #expect(!theirs.isStill(mark, of: one, at: .number(22)))
    say(two, from: 22, to: 23)
    #expect(!theirs.isStill(mark, of: one, at: .number(23)), "nor does it come back with the next")
  }

  @Test("D-9: who has committed has the mark that others take after it")
  func ownMark() {
    ours.prepare(at: .number(1))
    let mark = ours.note(one, at: .number(2))
    #expect(theirs.mark(of: one) == mark)
    #expect(theirs.isStill(mark, of: one, at: .number(2)))
    say(two, from: 2, to: 3)
    #expect(theirs.isStill(mark, of: one, at: .number(3)))
  }

  @Test("D-9: a commit of which nobody says anything leaves no mark, then and after the next said one")
  func unsaid() {
    say(one, from: 1, to: 2)
    let marks = (1...600).map { (CommitSubject(hash: $0), theirs.mark(of: CommitSubject(hash: $0))) }
    #expect(marks.allSatisfy { theirs.isStill($0.1, of: $0.0, at: .number(2)) })
    // To 3, by somebody else.
    #expect(!marks.contains { theirs.isStill($0.1, of: $0.0, at: .number(3)) })
    ours.prepare(at: .number(3))
    #expect(!marks.contains { theirs.isStill($0.1, of: $0.0, at: .number(3)) })
    _ = ours.note(two, at: .number(4))
    #expect(!marks.contains { theirs.isStill($0.1, of: $0.0, at: .number(4)) })
    let fresh = theirs.mark(of: one)
    say(two, from: 4, to: 5)
    #expect(theirs.isStill(fresh, of: one, at: .number(5)), "the new era has begun")
  }

  @Test("D-9: each unsaid commit begins an era of its own, said ones in a row begin none")
  func eras() {
    var eras: Set<UInt64> = []
    for round in 0..<200 as Range<UInt64> {
      say(two, from: 10 * round, to: 10 * round + 1)
      say(two, from: 10 * round + 1, to: 10 * round + 2)
      #expect(eras.insert(theirs.mark(of: one).era).inserted, "round \(round)")
    }
    let last = theirs.mark(of: one)
    for header in 1_992...2_100 as ClosedRange<UInt64> { say(two, from: header, to: header + 1) }
    #expect(theirs.mark(of: one) == last)
  }

  @Test("D-9: two subjects of one slot are one: a commit about the other leaves no mark")
  func oneSlot() {
    let slots = UInt64(CommitMarks.size / 8 - 8)
    let alike = CommitSubject(hash: one.hash + 3 * slots)
    ours.prepare(at: .number(1))
    let (mark, other) = (theirs.mark(of: one), theirs.mark(of: two))
    _ = ours.note(alike, at: .number(2))
    #expect(!theirs.isStill(mark, of: one, at: .number(2)))
    #expect(theirs.isStill(other, of: two, at: .number(2)))
  }

  @Test("D-9: over memory that holds anything nothing is still so before the next said commit, and all after")
  func arbitraryContent() {
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      for _ in 0..<scaled(50) {
        memory.fill { UInt8.random(in: 0...255, using: &random) }
        let mark = theirs.mark(of: one)
        #expect(!theirs.isStill(mark, of: one, at: .number(1)), "seed \(seed)")
        say(two, from: 1, to: 2)
        #expect(!theirs.isStill(mark, of: one, at: .number(2)), "seed \(seed)")
        let (fresh, own) = (theirs.mark(of: one), theirs.mark(of: two))
        say(two, from: 2, to: 3)
        #expect(theirs.isStill(fresh, of: one, at: .number(3)), "seed \(seed)")
        #expect(!theirs.isStill(own, of: two, at: .number(3)), "seed \(seed)")
      }
    }
  }

  @Test("D-9: after zeros, other numbers or an earlier content no mark is valid again, whatever is said then")
  func overwritten() {
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      var header: UInt64 = 1
      var earlier: [CommitMark] = []
      var saved = memory.content
      for _ in 0..<scaled(100) {
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          say(Bool.random(using: &random) ? one : two, from: header, to: header + 1)
          header += 1
        }
        earlier.append(theirs.mark(of: one))
        switch Int.random(in: 0..<4, using: &random) {
        case 0: memory.fill { 0 }
        case 1: memory.content = saved
        // Counters of any value below an era that is one.
        case 2: memory.fillCounters { UInt8.random(in: 0...1, using: &random) }
        default: saved = memory.content
        }
        // So that the next one is not said from where the memory may be.
        header += 2
        let known = earlier
        #expect(!known.contains { theirs.isStill($0, of: one, at: .number(header)) }, "seed \(seed)")
        say(two, from: header, to: header + 1)
        header += 1
        #expect(!known.contains { theirs.isStill($0, of: one, at: .number(header)) }, "seed \(seed)")
      }
    }
  }

  @Test("nothing is written outside of its bytes, whatever the subject")
  func bounds() {
    let slots = UInt64(CommitMarks.size / 8 - 8)
    for hash in Array(0...slots) + [.max, .max - 1, 1 << 63] {
      say(CommitSubject(hash: hash), from: 1, to: 2)
    }
    #expect(memory.guardsAreIntact)
    // Each slot but the one twice: none is left out, and none lies over the words in front of them.
    #expect(memory.words.dropFirst(8).allSatisfy { $0 > 0 })
    #expect(memory.words[2..<8].allSatisfy { $0 == 0 })
  }
}

extension WALIndexHeader {
  /// One whose counter of commits is this.
  fileprivate static func number(_ number: UInt64) -> WALIndexHeader {
    var header = WALIndexHeader()
    withUnsafeMutableBytes(of: &header) {
      $0.storeBytes(of: UInt32(number), toByteOffset: 8, as: UInt32.self)
    }
    return header
  }
}

/// The memory that processes share, between guards.
final class MarkMemory: Sendable {
  private static let guardSize = 128
  private static let guardByte: UInt8 = 0xA5
  private static let allSize = CommitMarks.size + 2 * guardSize

  nonisolated(unsafe) private let start: UnsafeMutableRawPointer

  init() {
    start = .allocate(byteCount: Self.allSize, alignment: 64)
    start.initializeMemory(as: UInt8.self, repeating: Self.guardByte, count: Self.allSize)
    fill { 0 }
  }

  deinit { start.deallocate() }

  private var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: start + Self.guardSize, count: CommitMarks.size)
  }

  var marks: CommitMarks { CommitMarks(at: start + Self.guardSize) }

  var content: [UInt8] {
    get { Array(bytes) }
    set { bytes.copyBytes(from: newValue) }
  }

  var words: [UInt64] {
    stride(from: 0, to: CommitMarks.size, by: 8).map { bytes.load(fromByteOffset: $0, as: UInt64.self) }
  }

  func fill(_ byte: () -> UInt8) { for index in bytes.indices { bytes[index] = byte() } }

  /// All but the words in front of the counters.
  func fillCounters(_ byte: () -> UInt8) {
    for index in bytes.indices.dropFirst(64) { bytes[index] = byte() }
  }

  var guardsAreIntact: Bool {
    let all = UnsafeRawBufferPointer(start: start, count: Self.allSize)
    return (all.prefix(Self.guardSize) + all.suffix(Self.guardSize)).allSatisfy { $0 == Self.guardByte }
  }
}
