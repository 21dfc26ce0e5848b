import ContainerStateStore
import Glibc

/// The conversation between an engine and the monitor it has started, over a socket that keeps messages
/// apart.
///
/// The monitor says who it is, the engine records that and says go, the monitor says what came of the
/// creation, the engine records that and closes. Either notices the other's death at once.
struct MonitorChannel: ~Copyable {
  /// What is said.
  enum Message: Equatable, Sendable {
    /// The monitor is there, and this process.
    case hello(ProcessIdentity)
    /// The intent is recorded: create the container.
    case go
    /// The container was created with this first process.
    case created(ProcessIdentity)
    /// The container was not created.
    case failed(String)
  }

  private let descriptor: Int32

  /// The monitor's end, which it was started with.
  init(inherited descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Starts a monitor and returns the engine's end.
  ///
  /// - Throws: `system` or `monitorFailed` where it cannot be started.
  static func start(
    command: [String], launch: MonitorLaunch, standardIO: StandardIO
  ) throws(EngineError) -> MonitorChannel {
    precondition(!command.isEmpty, "a monitor command without a program")
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
      throw .system("socketpair", launch.id.rawValue, errno)
    }
    let channel = MonitorChannel(inherited: ends[0])
    defer { close(ends[1]) }
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { throw .system("open", "/dev/null", errno) }
    defer { close(null) }
    // An inherited descriptor that is not open would fail the start.
    let standard = (Int32(0)...2).map { standardIO == .inherit && fcntl($0, F_GETFD) >= 0 ? $0 : null }
    let start = ProcessStart(
      executable: command[0], arguments: command.dropFirst() + launch.arguments,
      descriptors: standard + [ends[1]])
    // What is started ends at once, and leaves a grandchild that belongs to nobody.
    let pid = try start.start()
    let end = ProcessEnd.of(child: pid, deadlineNanoseconds: Deadline.after(.seconds(20)))
    if end == nil { _ = ProcessEnd.ofKilled(child: pid) }
    guard end == .code(0) || end == .unknown else {
      throw .monitorFailed(
        launch.id,
        "its monitor (\(command.joined(separator: " "))) could not start: \(end, default: "it goes on")")
    }
    return channel
  }

  /// Sends a message; false where nobody listens any more.
  @discardableResult
  borrowing func send(_ message: Message) -> Bool {
    let bytes = Array(message.text.utf8)
    while true {
      let count = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      if count >= 0 { return true }
      if errno != EINTR { return false }
    }
  }

  /// The next message; nil where the other end is gone or the deadline has passed.
  borrowing func receive(deadlineNanoseconds: UInt64) -> Message? {
    guard poll(descriptor, deadlineNanoseconds: deadlineNanoseconds),
      let bytes = FileAccess.readChunk(descriptor)
    else { return nil }
    return Message(text: String(decoding: bytes, as: UTF8.self))
  }

  /// Waits until the other end is closed.
  borrowing func waitForClose() {
    while let bytes = FileAccess.readChunk(descriptor), !bytes.isEmpty {}
  }
}

extension MonitorChannel.Message {
  /// Messages fit one packet with room to spare.
  private static let maximumTextLength = 4000

  var text: String {
    switch self {
    case .hello(let process): "hello \(process.pid) \(process.startTime)"
    case .go: "go"
    case .created(let process): "created \(process.pid) \(process.startTime)"
    case .failed(let text): "failed \(text.prefix(Self.maximumTextLength))"
    }
  }

  init?(text: String) {
    let parts = text.split(separator: " ", maxSplits: 1)
    let rest = parts.count > 1 ? parts[1] : ""
    switch parts.first {
    case "go": self = .go
    case "failed": self = .failed(String(rest))
    case "hello", "created":
      let numbers = rest.split(separator: " ")
      guard numbers.count == 2, let pid = Int32(numbers[0]), let startTime = UInt64(numbers[1]) else {
        return nil
      }
      let process = ProcessIdentity(pid: pid, startTime: startTime)
      self = parts[0] == "hello" ? .hello(process) : .created(process)
    default: return nil
    }
  }
}
