internal import Glibc
internal import StressSupport
internal import Synchronization

/// Words of memory that the coordinator and all its workers share.
///
/// One process of them dying at any instruction leaves nothing half written: each word stands alone.
struct Board {
  /// What the coordinator knows of the worker at one place.
  enum Word: Int, CaseIterable {
    /// The operations that it has ended in this life.
    case operations
    /// When it ended the last one, on the monotonic clock.
    case lastProgress
    /// The slowest operation of this place, in nanoseconds.
    case slowest
    /// How often its fault has struck in this life.
    case faultHits
    /// The place in the sequence of changes that a follower here has read up to, in all of its lives.
    case position
    /// The container whose life is being lived here, and 1; 0 for none.
    case container
  }

  /// What all share.
  enum Common: Int, CaseIterable {
    /// The operations that were ended, by all and in all lives.
    case operations
    /// 1 when everybody shall come to an end.
    case ending
    /// How many complaints workers have written.
    case complaints
    /// Operations that failed with an error that a healthy store may give.
    case refusals
    /// The frames of the longest WAL that anybody saw.
    case longestWAL
    /// How often `verify` named readers that keep the WAL from being used again.
    case namedReaders
    /// How many bugs were planted.
    case planted
    /// How many whole lives of containers have begun, and how many have come to their end.
    case lifecyclesBegun, lifecycles
    /// How many changes followers were told of, and how often that some were gone.
    case changesTold, trimmings
    /// How many answers were kept ones, in the lives that came to their end.
    case answersKept
    /// Whether the linked SQLite has the WAL-reset race: 0 unknown, 1 no, 2 yes.
    case walResetRace
    /// 1 when the paths in the embedder's JSON are declared by which the mix finds records.
    case declared
  }

  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let witnesses: UnsafeMutablePointer<Atomic<UInt32>>

  init(places: Int, objects: Int) throws(StressFailure) {
    let count = Common.allCases.count + places * Word.allCases.count
    let bytes = count * 8 + objects * 4
    let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw .systemCall("mmap", "\(bytes) bytes") }
    words = memory.assumingMemoryBound(to: Atomic<UInt64>.self)
    witnesses = (memory + count * 8).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  func load(_ word: Common) -> UInt64 { words[word.rawValue].load(ordering: .relaxed) }
  func store(_ word: Common, _ value: UInt64) { words[word.rawValue].store(value, ordering: .relaxed) }
  func add(_ word: Common, _ value: UInt64 = 1) {
    words[word.rawValue].wrappingAdd(value, ordering: .relaxed)
  }
  func raise(_ word: Common, to value: UInt64) { words[word.rawValue].max(value, ordering: .relaxed) }

  private func index(_ place: Int, _ word: Word) -> Int {
    Common.allCases.count + place * Word.allCases.count + word.rawValue
  }

  func load(_ place: Int, _ word: Word) -> UInt64 { words[index(place, word)].load(ordering: .relaxed) }
  func store(_ place: Int, _ word: Word, _ value: UInt64) {
    words[index(place, word)].store(value, ordering: .relaxed)
  }
  func add(_ place: Int, _ word: Word) { words[index(place, word)].wrappingAdd(1, ordering: .relaxed) }
  func raise(_ place: Int, _ word: Word, to value: UInt64) {
    words[index(place, word)].max(value, ordering: .relaxed)
  }

  /// A word of a place as a count that everybody may add to.
  func count(_ place: Int, _ word: Word) -> SharedCount { SharedCount(words + index(place, word)) }

  /// Takes the next number.
  func next(_ word: Common) -> UInt64 { words[word.rawValue].wrappingAdd(1, ordering: .relaxed).oldValue }

  /// Puts a session into an object's word and returns the one that was there.
  func enter(_ object: Int, session: UInt32) -> UInt32 {
    witnesses[object].exchange(session, ordering: .sequentiallyConsistent)
  }

  func leave(_ object: Int) { witnesses[object].store(0, ordering: .sequentiallyConsistent) }
}

/// One word of the board, by its address.
// SAFETY: the board's memory is never given back, and each access is atomic.
struct SharedCount: @unchecked Sendable {
  private let word: UnsafeMutablePointer<Atomic<UInt64>>

  fileprivate init(_ word: UnsafeMutablePointer<Atomic<UInt64>>) { self.word = word }

  func add() { word.pointee.wrappingAdd(1, ordering: .relaxed) }

  /// For C, which has to add atomically as well.
  var pointer: UnsafeMutablePointer<UInt64> {
    UnsafeMutableRawPointer(word).assumingMemoryBound(to: UInt64.self)
  }
}
