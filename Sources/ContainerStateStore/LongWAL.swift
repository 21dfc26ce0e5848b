internal import Glibc
internal import SQLiteStorage
internal import StateModel

/// A snapshot keeps all frames since it began from being written over: a WAL that grows has readers to name.
extension StateStore {
  /// What `facts` says of a WAL that is longer than it gets while nobody stays in a snapshot.
  func warningsOfLongWAL(frames: Int) throws(StoreError) -> [String] {
    guard frames > 2 * Int(options.walCheckpointFrames) else { return [] }
    let readers = try otherReaders()
    guard !readers.isEmpty else { return [] }
    return ["the WAL has \(frames) frames: it cannot restart while these read: \(Self.names(of: readers))"]
  }

  /// The other readers while the WAL is so long that a check reports it: 40 MB, or ten times its limit.
  func readersOfLongWAL() throws -> [Int32: String] {
    let limit = max(10_000, 10 * Int(options.walCheckpointFrames))
    return try database.facts().wal.walFrames > limit ? otherReaders() : [:]
  }

  /// A violation that names who was reading at both looks; `before` is the first.
  ///
  /// At the second look it may be another snapshot of the same process, which is why `verify` has a longer
  /// limit than `facts`.
  func violationsOfLongWAL(readersBefore before: [Int32: String]) throws -> [Violation] {
    let readers = try readersOfLongWAL().filter { before[$0.key] != nil }
    guard !readers.isEmpty else { return [] }
    let frames = try database.facts().wal.walFrames
    return [
      Violation(
        rule: "database", subject: ResolvedLocation.databaseName + "-wal",
        message: "\(frames) frames cannot be used again while somebody reads what was true before them: "
          + "\(Self.names(of: readers)); let its snapshot end, or end it")
    ]
  }

  /// The other processes that are inside a snapshot, by pid, with their commands.
  private func otherReaders() throws(StoreError) -> [Int32: String] {
    let own = getpid()
    let reading = try databaseLockReport().filter { $0.meaning == "read" && $0.pid != own }
    return Dictionary(reading.map { ($0.pid, $0.command) }, uniquingKeysWith: { first, _ in first })
  }

  private static func names(of readers: [Int32: String]) -> String {
    readers.sorted { $0.key < $1.key }.prefix(5).map { "pid \($0.key) (\($0.value))" }.joined(separator: ", ")
  }
}
