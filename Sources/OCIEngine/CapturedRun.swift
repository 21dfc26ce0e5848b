import CPlatform
import Glibc

/// A program's run to its end, with what it said.
struct CapturedRun {
  let end: ProcessEnd
  let output: [UInt8]
  let errorOutput: [UInt8]

  /// The most that is kept of each stream; the rest is read and forgotten, so that the program is never
  /// blocked.
  private static let maximumBytes = 256 << 10

  /// Runs a program that dies with the calling thread, with nothing to read.
  ///
  /// - Throws: `system` where it cannot be started, `timedOut` where it does not end in time; it is killed
  ///   then, and waited for five seconds at most: the caller holds a container's lock.
  static func of(
    _ executable: String, _ arguments: [String], deadlineNanoseconds: UInt64
  ) throws(EngineError) -> CapturedRun {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { throw .system("open", "/dev/null", errno) }
    defer { close(null) }
    var output = try Stream()
    defer { output.close() }
    var errorOutput = try Stream()
    defer { errorOutput.close() }
    let start = ProcessStart(
      executable: executable, arguments: arguments,
      descriptors: [null, output.writeEnd, errorOutput.writeEnd], diesWithParent: true)
    let pid = try start.start()
    output.closeWriteEnd()
    errorOutput.closeWriteEnd()
    let process = platform_pidfd_open(pid)
    defer { if process >= 0 { close(process) } }
    let isEnded = collect(&output, &errorOutput, process: process, deadlineNanoseconds: deadlineNanoseconds)
    guard isEnded, let end = ProcessEnd.of(child: pid, deadlineNanoseconds: deadlineNanoseconds) else {
      let isGone = ProcessEnd.ofKilled(child: pid) != nil
      let words = isGone ? "was killed" : "does not end although it was killed"
      throw .timedOut(executable, "it did not end in time and \(words); look at what it waits for")
    }
    return CapturedRun(end: end, output: output.bytes, errorOutput: errorOutput.bytes)
  }

  /// Reads both streams until the process ends: a descendant may keep them open for much longer.
  private static func collect(
    _ output: inout Stream, _ errorOutput: inout Stream, process: Int32, deadlineNanoseconds: UInt64
  ) -> Bool {
    while true {
      var requests = [
        pollfd(fd: output.readEnd, events: Int16(POLLIN), revents: 0),
        pollfd(fd: errorOutput.readEnd, events: Int16(POLLIN), revents: 0),
        pollfd(fd: process, events: Int16(POLLIN), revents: 0),
      ]
      let count = poll(&requests, 3, Deadline.remainingMilliseconds(until: deadlineNanoseconds))
      if count <= 0, Deadline.isPast(deadlineNanoseconds) { return false }
      output.readAvailable()
      errorOutput.readAvailable()
      if requests[2].revents != 0 || (output.isAtEnd && errorOutput.isAtEnd && process < 0) {
        // What it wrote just before its end.
        output.readAvailable()
        errorOutput.readAvailable()
        return true
      }
    }
  }

  /// One output of the program.
  private struct Stream {
    private(set) var readEnd: Int32
    private(set) var writeEnd: Int32
    private(set) var bytes: [UInt8] = []

    init() throws(EngineError) {
      var ends: [Int32] = [-1, -1]
      guard platform_pipe(&ends) == 0 else { throw .system("pipe", "output of a program", errno) }
      (readEnd, writeEnd) = (ends[0], ends[1])
      _ = platform_set_nonblocking(readEnd)
    }

    /// At the end of a stream poll(2) would return at once again and again.
    var isAtEnd: Bool { readEnd < 0 }

    mutating func readAvailable() {
      while readEnd >= 0, let chunk = FileAccess.readChunk(readEnd) {
        if chunk.isEmpty {
          Glibc.close(readEnd)
          readEnd = -1
        }
        bytes += chunk.prefix(max(0, CapturedRun.maximumBytes - bytes.count))
      }
    }

    mutating func closeWriteEnd() {
      Glibc.close(writeEnd)
      writeEnd = -1
    }

    mutating func close() {
      if readEnd >= 0 { Glibc.close(readEnd) }
      if writeEnd >= 0 { Glibc.close(writeEnd) }
    }
  }
}
