@testable internal import SQLiteStorage
internal import StoreTestSupport
internal import Testing

/// What is noted of commits, over memory of this process; each header stands for a commit.
@Suite("What commits were about, in shared memory")
struct CommitNotesTests {
  private let memory = NoteMemory()
  private let ours: CommitNotes
  private let theirs: CommitNotes
  private let one = CommitSubject(hash: 1)
  private let two = CommitSubject(hash: 2)

  init() {
    ours = memory.notes
    // As another process has it.
    theirs = memory.notes
  }

  /// A commit that is noted, from the header before it to the one after it.
  @discardableResult
  private func note(_ subject: CommitSubject, from before: UInt32, to after: UInt32) throws -> CommitCount? {
    try ours.note(subject, at: .number(after), since: ours.begin(at: .number(before)))
  }

  private func isStill(_ count: CommitCount, of subject: CommitSubject, at header: UInt32) throws -> Bool {
    try theirs.isStill(count, of: subject, at: .number(header))
  }

  @Test("D-9: what was counted is so beside commits about others, and no more after one about the subject")
  func others() throws {
    let beginning = try ours.begin(at: .number(1))
    let count = theirs.count(of: one)
    #expect(try !isStill(count, of: one, at: 1), "nobody has noted what that commit was about")
    _ = try ours.note(two, at: .number(2), since: beginning)
    #expect(try isStill(count, of: one, at: 2))
    for header in 2...20 as ClosedRange<UInt32> { try note(two, from: header, to: header + 1) }
    #expect(try isStill(count, of: one, at: 21))
    try note(one, from: 21, to: 22)
    #expect(try !isStill(count, of: one, at: 22))
    try note(two, from: 22, to: 23)
    #expect(try !isStill(count, of: one, at: 23), "nor does it come back with the next")
  }

  @Test("D-9: who has committed has the count that others take after it")
  func own() throws {
    let count = try #require(try note(one, from: 1, to: 2))
    #expect(theirs.count(of: one) == count)
    #expect(try isStill(count, of: one, at: 2))
    try note(two, from: 2, to: 3)
    #expect(try isStill(count, of: one, at: 3))
  }

  @Test("D-9: a commit that nobody has noted ends every count, then and after the next that is noted")
  func unnoted() throws {
    try note(one, from: 1, to: 2)
    let subjects = (1...600).map { CommitSubject(hash: $0) }
    let counts = subjects.map { ($0, theirs.count(of: $0)) }
    func lasting(at header: UInt32) throws -> Int {
      try counts.count { try isStill($0.1, of: $0.0, at: header) }
    }
    #expect(try lasting(at: 2) == counts.count)
    // To 3, by somebody else.
    #expect(try lasting(at: 3) == 0)
    let beginning = try ours.begin(at: .number(3))
    #expect(try lasting(at: 3) == 0)
    _ = try ours.note(two, at: .number(4), since: beginning)
    #expect(try lasting(at: 4) == 0)
    let fresh = theirs.count(of: one)
    try note(two, from: 4, to: 5)
    #expect(try isStill(fresh, of: one, at: 5), "a new era has begun")
  }

  @Test("D-9: each commit that is not noted has an era of its own after it, those that are have one together")
  func eras() throws {
    var eras: Set<UInt64> = []
    for round in 0..<200 as Range<UInt32> {
      try note(two, from: 10 * round, to: 10 * round + 1)
      try note(two, from: 10 * round + 1, to: 10 * round + 2)
      #expect(eras.insert(theirs.count(of: one).era).inserted, "round \(round)")
    }
    let last = theirs.count(of: one)
    for header in 1_992...2_100 as ClosedRange<UInt32> { try note(two, from: header, to: header + 1) }
    #expect(theirs.count(of: one) == last)
  }

  @Test("D-9: who notes a commit while others have noted theirs notes nothing that is believed")
  func late() throws {
    try note(two, from: 1, to: 2)
    let slow = try ours.begin(at: .number(2))
    let count = theirs.count(of: one)
    // He was stopped behind his commit, 3; the next one found that nobody had noted it.
    try note(one, from: 3, to: 4)
    #expect(try ours.note(two, at: .number(3), since: slow) == nil)
    #expect(try !isStill(count, of: one, at: 4) && !isStill(count, of: one, at: 3))
    try note(two, from: 4, to: 5)
    #expect(try !isStill(count, of: one, at: 5))
  }

  @Test("D-9: two subjects of one slot are one: a commit about the other ends what was counted")
  func oneSlot() throws {
    let alike = CommitSubject(hash: one.hash + 3 * NoteMemory.slotCount)
    let beginning = try ours.begin(at: .number(1))
    let (count, other) = (theirs.count(of: one), theirs.count(of: two))
    _ = try ours.note(alike, at: .number(2), since: beginning)
    #expect(try !isStill(count, of: one, at: 2))
    #expect(try isStill(other, of: two, at: 2))
  }

  @Test(
    "D-9: over memory that holds anything nothing is still so before the next note, and all as ever after it",
    arguments: SeededGenerator.seeds)
  func arbitraryContent(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<scaled(50) {
      memory.fill { UInt8.random(in: 0...255, using: &random) }
      let count = theirs.count(of: one)
      #expect(try !isStill(count, of: one, at: 1), "seed \(seed)")
      try note(two, from: 1, to: 2)
      #expect(try !isStill(count, of: one, at: 2), "seed \(seed)")
      let (fresh, own) = (theirs.count(of: one), theirs.count(of: two))
      try note(two, from: 2, to: 3)
      #expect(try isStill(fresh, of: one, at: 3), "seed \(seed)")
      #expect(try !isStill(own, of: two, at: 3), "seed \(seed)")
    }
  }

  @Test(
    "D-9: after zeros, other numbers or an earlier content no count comes back, whatever is noted then",
    arguments: SeededGenerator.seeds)
  func overwritten(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var header: UInt32 = 1
    var earlier: [CommitCount] = []
    var saved = memory.content
    for _ in 0..<scaled(100) {
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        try note(Bool.random(using: &random) ? one : two, from: header, to: header + 1)
        header += 1
      }
      earlier.append(theirs.count(of: one))
      switch Int.random(in: 0..<4, using: &random) {
      case 0: memory.fill { 0 }
      case 1: memory.content = saved
      case 2: memory.fillNumbers { UInt8.random(in: 0...1, using: &random) }
      default: saved = memory.content
      }
      // A commit that nobody has noted, or what was overwritten could not be noticed.
      header += 1
      #expect(try !earlier.contains { try isStill($0, of: one, at: header) }, "seed \(seed)")
      try note(two, from: header, to: header + 1)
      header += 1
      #expect(try !earlier.contains { try isStill($0, of: one, at: header) }, "seed \(seed)")
    }
  }

  @Test("D-9: where the memory is zeroed within a commit that would be noted, nothing is")
  func zeroedWithin() throws {
    for isNewEra in [false, true] {
      try note(two, from: 1, to: 2)
      let before: UInt32 = isNewEra ? 20 : 2
      let count = theirs.count(of: one)
      let beginning = try ours.begin(at: .number(before))
      memory.fill { 0 }
      let zeroed = theirs.count(of: one)
      #expect(try ours.note(two, at: .number(before + 1), since: beginning) == nil)
      #expect(try !isStill(count, of: one, at: before + 1) && !isStill(zeroed, of: one, at: before + 1))
    }
  }

  @Test("nothing is written outside of its bytes, whatever the subject")
  func bounds() throws {
    for hash in Array(0...NoteMemory.slotCount) + [.max, .max - 1, 1 << 63] {
      try note(CommitSubject(hash: hash), from: 1, to: 2)
    }
    #expect(memory.guardsAreIntact)
    // None is left out, and none lies over the words in front of them.
    #expect(memory.words.dropFirst(NoteMemory.firstNumber).allSatisfy { $0 > 0 })
    #expect(memory.words[2..<NoteMemory.firstNumber].allSatisfy { $0 == 0 })
  }
}

extension WALIndexHeader {
  /// One whose counter of commits is this.
  fileprivate static func number(_ number: UInt32) throws -> WALIndexHeader {
    // Two copies, each initialized.
    var words = [UInt64](repeating: 0, count: 12)
    for start in [0, 6] { words[start + 1] = UInt64(number) | 1 << 32 }
    return try #require(words.withUnsafeBufferPointer { WALIndexHeader(at: $0.baseAddress) })
  }
}

/// The memory that processes share, with its words as `CommitNotes` has them, between guards.
final class NoteMemory: Sendable {
  static let firstNumber = 8
  static let slotCount = UInt64(CommitNotes.size / 8 - firstNumber)
  private static let guardSize = 128
  private static let guardByte: UInt8 = 0xA5
  private static let allSize = CommitNotes.size + 2 * guardSize

  nonisolated(unsafe) private let start: UnsafeMutableRawPointer

  init() {
    start = .allocate(byteCount: Self.allSize, alignment: 64)
    start.initializeMemory(as: UInt8.self, repeating: Self.guardByte, count: Self.allSize)
    fill { 0 }
  }

  deinit { start.deallocate() }

  private var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: start + Self.guardSize, count: CommitNotes.size)
  }

  var notes: CommitNotes { CommitNotes(at: start + Self.guardSize) }

  var content: [UInt8] {
    get { Array(bytes) }
    set { bytes.copyBytes(from: newValue) }
  }

  var words: [UInt64] {
    stride(from: 0, to: CommitNotes.size, by: 8).map { bytes.load(fromByteOffset: $0, as: UInt64.self) }
  }

  func fill(_ byte: () -> UInt8) { for index in bytes.indices { bytes[index] = byte() } }

  /// All but the words in front of the numbers.
  func fillNumbers(_ byte: () -> UInt8) {
    for index in bytes.indices.dropFirst(8 * Self.firstNumber) { bytes[index] = byte() }
  }

  var guardsAreIntact: Bool {
    let all = UnsafeRawBufferPointer(start: start, count: Self.allSize)
    return (all.prefix(Self.guardSize) + all.suffix(Self.guardSize)).allSatisfy { $0 == Self.guardByte }
  }
}
