internal import FileLocking
internal import Glibc
internal import SQLiteStorage

extension StateStore {
  /// From how many frames on a WAL that cannot be used again is reported: 40 MB, or ten times its limit.
  private var longWALFrames: Int { max(10_000, 10 * Int(options.walCheckpointFrames)) }

  /// The processes that are inside a snapshot while the WAL is long, this one left out.
  func readersOfLongWAL() throws -> Set<Int32> {
    guard try database.facts().wal.walFrames > longWALFrames else { return [] }
    let own = getpid()
    return Set(try databaseLockReport().filter { $0.meaning == "read" && $0.pid != own }.map(\.pid))
  }

  /// A long WAL, and the processes that were reading at both looks: `before` was the first.
  ///
  /// A snapshot keeps all frames since it began from being written over. At the second look it may be another
  /// one of the same process, which is why only a long WAL is worth a word.
  func longWAL(readersBefore before: Set<Int32>) throws -> [Violation] {
    let readers = try readersOfLongWAL().intersection(before).sorted()
    guard !readers.isEmpty else { return [] }
    let frames = try database.facts().wal.walFrames
    let names = readers.prefix(5).map { pid in
      "pid \(pid) (\(FileLocking.LockHolder.commandName(ofPID: pid)))"
    }
    return [
      Violation(
        rule: "database", subject: ResolvedLocation.databaseName + "-wal",
        message: "\(frames) frames cannot be used again while somebody reads what was true before them: "
          + "\(names.joined(separator: ", ")); let its snapshot end, or end it")
    ]
  }
}
