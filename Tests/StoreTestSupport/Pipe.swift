internal import CPlatform
internal import Glibc

/// A pipe whose ends close on exec and at the end of the value.
final class Pipe {
  private(set) var readEnd: Int32
  private(set) var writeEnd: Int32

  init(_ name: String) throws {
    var ends: [Int32] = [-1, -1]
    guard platform_pipe(&ends) == 0 else { throw TestSupportError.systemCall("pipe2", name) }
    (readEnd, writeEnd) = (ends[0], ends[1])
  }

  deinit {
    closeReadEnd()
    closeWriteEnd()
  }

  func closeReadEnd() {
    if readEnd >= 0 { close(readEnd) }
    readEnd = -1
  }

  func closeWriteEnd() {
    if writeEnd >= 0 { close(writeEnd) }
    writeEnd = -1
  }

  /// Writes all bytes; false with errno set where that failed, EPIPE without the signal.
  ///
  /// SIGPIPE goes to the thread that writes. It is blocked around the call and taken away if it came;
  /// ignoring it for the whole process would be inherited by programs that the code under test starts.
  func writeWithoutSignal(_ bytes: [UInt8]) -> Bool {
    var brokenPipe = sigset_t()
    var previous = sigset_t()
    sigemptyset(&brokenPipe)
    sigaddset(&brokenPipe, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &brokenPipe, &previous)
    let isWritten = writeAll(bytes, to: writeEnd)
    let code = errno
    if !isWritten, code == EPIPE {
      var immediately = timespec()
      sigtimedwait(&brokenPipe, nil, &immediately)
    }
    pthread_sigmask(SIG_SETMASK, &previous, nil)
    errno = code
    return isWritten
  }
}

/// One output stream of a child: everything it said so far, and which lines were taken already.
struct OutputStream {
  private let pipe: Pipe
  private var bytes: [UInt8] = []
  private var takenCount = 0
  private(set) var isAtEnd = false

  init(pipe: Pipe) { self.pipe = pipe }

  /// The descriptor to poll; -1, which poll ignores, at the end of the stream.
  var descriptor: Int32 { isAtEnd ? -1 : pipe.readEnd }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// There is something to read at once, or the end has come unnoticed.
  var hasMore: Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return !isAtEnd && poll(&request, 1, 0) > 0
  }

  /// Reads what there is; blocks where there is nothing.
  mutating func readMore() throws {
    let chunk = try readChunk(pipe.readEnd)
    bytes += chunk
    isAtEnd = chunk.isEmpty
  }

  /// The next whole line, or at the end of the stream the rest that no newline ended.
  mutating func takeLine() -> String? {
    let rest = bytes[takenCount...]
    if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      takenCount = end + 1
      return String(decoding: rest[..<end], as: UTF8.self)
    }
    guard isAtEnd, !rest.isEmpty else { return nil }
    takenCount = bytes.count
    return String(decoding: rest, as: UTF8.self)
  }
}
