internal import Glibc

/// How fast a disk makes 4 KB durable, in a file of its own.
enum SyncTrial {
  private static let blockBytes = 4096
  /// As long as a WAL that is used again.
  private static let blockCount = 1024

  /// Syncs of a block that was written over an older one, which is what a WAL does once it has grown.
  static func overwriting(in directory: String, nanoseconds: UInt64) throws -> LatencySummary {
    try withFile(directory + "/overwritten") { descriptor, block in
      for index in 0..<blockCount { try write(block, to: descriptor, at: index) }
      guard fsync(descriptor) == 0 else { throw failure("fsync", directory) }
      return try repeating(descriptor, block, directory, nanoseconds) { $0 % blockCount }
    }
  }

  /// Syncs of a block that makes the file longer, which is what a new WAL does.
  static func growing(in directory: String, nanoseconds: UInt64) throws -> LatencySummary {
    try withFile(directory + "/growing") { descriptor, block in
      try repeating(descriptor, block, directory, nanoseconds) { $0 }
    }
  }

  private static func repeating(
    _ descriptor: Int32, _ block: [UInt8], _ directory: String, _ nanoseconds: UInt64,
    place: (Int) -> Int
  ) throws -> LatencySummary {
    var latencies = Latencies()
    let start = monotonicNanoseconds()
    var (now, index) = (start, 0)
    while now - start < nanoseconds {
      try write(block, to: descriptor, at: place(index))
      guard fdatasync(descriptor) == 0 else { throw failure("fdatasync", directory) }
      let end = monotonicNanoseconds()
      latencies.add(end - now)
      now = end
      index += 1
    }
    return latencies.summary(elapsedNanoseconds: now - start)
  }

  private static func withFile<R>(_ path: String, _ body: (Int32, [UInt8]) throws -> R) throws -> R {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    return try body(descriptor, [UInt8](repeating: 0x5A, count: blockBytes))
  }

  private static func write(_ block: [UInt8], to descriptor: Int32, at index: Int) throws {
    let count = pwrite(descriptor, block, block.count, off_t(index * blockBytes))
    guard count == block.count else { throw failure("pwrite", "the trial's file") }
  }

  private static func failure(_ call: String, _ path: String) -> TrialError {
    TrialError(path: path, message: "\(call): \(String(cString: strerror(errno)))")
  }
}
