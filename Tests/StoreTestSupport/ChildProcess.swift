internal import CPlatform
internal import Glibc

/// How a process ended.
public enum ExitStatus: Equatable, Sendable {
  case code(Int32)
  case signal(Int32)
}

/// A child process that a test talks to by lines, killed with its whole process group when the value goes
/// away.
///
/// It starts with a clean signal mask, default signal dispositions and no descriptor but three pipes.
/// Everything it says is collected, so that a failed expectation shows it. Its `hear()` returns nil when this
/// value or this process goes away, which is what a role ends on.
public final class ChildProcess {
  /// Its process id, which is also its process group.
  public let pid: Int32
  private let name: String
  private let input: Pipe
  private var output: OutputStream
  private var errorOutput: OutputStream
  private var status: ExitStatus?
  /// Others of its process group were alive when it was reaped.
  ///
  /// While they are, the number cannot be reused.
  private var groupOutlivesLeader = false

  /// Starts `executable`, a name in the build directory or a path with a slash, with `arguments`.
  ///
  /// Variables in `environment` are set, or with nil removed, beside those of this process.
  public init(
    executable: String, _ arguments: [String] = [], environment: [String: String?] = [:],
    workingDirectory: String? = nil
  ) throws {
    let path = executable.contains("/") ? executable : try buildDirectory() + "/" + executable
    let (input, output, errorOutput) = (try Pipe("stdin"), try Pipe("stdout"), try Pipe("stderr"))
    self.input = input
    self.output = OutputStream(pipe: output)
    self.errorOutput = OutputStream(pipe: errorOutput)
    name = ([executable] + arguments).joined(separator: " ")
    pid = try SpawnRequest(
      path: path, arguments: arguments, environment: environment, workingDirectory: workingDirectory,
      descriptors: [input.readEnd, output.writeEnd, errorOutput.writeEnd]
    ).spawn()
    input.closeReadEnd()
    output.closeWriteEnd()
    errorOutput.closeWriteEnd()
  }

  /// Starts `store-test-child` in a role of its registry.
  public convenience init(role: String, _ arguments: [String] = []) throws {
    try self.init(executable: "store-test-child", [role] + arguments)
  }

  deinit { killGroup() }

  /// Kills the child and everything in its process group, and reaps it.
  public func killGroup() {
    if status == nil {
      kill(-pid, SIGKILL)
      kill(pid, SIGKILL)
      reap(options: 0)
    } else if groupOutlivesLeader {
      kill(-pid, SIGKILL)
    }
  }
}

// MARK: Talking

extension ChildProcess {
  /// Sends one line to the child.
  public func send(_ line: String) throws {
    guard input.writeWithoutSignal(Array((line + "\n").utf8)) else {
      throw failure("could not send '\(line)': \(String(cString: strerror(errno)))")
    }
  }

  /// Ends the child's input: its `hear()` returns nil.
  public func closeInput() { input.closeWriteEnd() }

  /// Reads lines until one begins with `prefix`, and returns the rest of that line without leading spaces.
  ///
  /// A line that begins with `failed` ends the wait at once, as does the end of the child's output.
  @discardableResult
  public func expect(_ prefix: String, within limit: Duration = .seconds(10)) throws -> String {
    let deadline = Deadline.after(limit)
    while let line = try nextLine("'\(prefix)'", limit, deadline) {
      if line.hasPrefix(prefix) {
        return String(line.dropFirst(prefix.count).drop { $0 == " " })
      }
      if line.hasPrefix("failed") { throw failure("failed while '\(prefix)' was awaited") }
    }
    throw failure("ended its output while '\(prefix)' was awaited")
  }

  /// The next line of standard output, or nil at its end.
  public func line(within limit: Duration = .seconds(10)) throws -> String? {
    try nextLine("a line", limit, Deadline.after(limit))
  }

  private func nextLine(_ what: String, _ limit: Duration, _ deadline: Deadline) throws -> String? {
    while true {
      if let line = output.takeLine() { return line }
      if output.isAtEnd { return nil }
      guard !deadline.isPast else { throw failure("did not say \(what) within \(limit)") }
      try collect(until: deadline)
    }
  }

  /// Waits for output on either stream and collects it, so that a talkative child never blocks on a full
  /// pipe.
  private func collect(until deadline: Deadline, orReadable pidDescriptor: Int32 = -1) throws {
    var requests = [
      pollfd(fd: output.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: errorOutput.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: pidDescriptor, events: Int16(POLLIN), revents: 0),
    ]
    guard poll(&requests, 3, deadline.remainingMilliseconds) > 0 else { return }
    if requests[0].revents != 0 { try output.readMore() }
    if requests[1].revents != 0 { try errorOutput.readMore() }
  }

  /// Collects what is in the pipes without waiting.
  private func collectRest() throws {
    while output.hasMore { try output.readMore() }
    while errorOutput.hasMore { try errorOutput.readMore() }
  }

  private func failure(_ what: String) -> TestSupportError {
    // Its last words may still be in the pipes; an error here would only hide the one that is reported.
    try? collectRest()
    let state = status.map { "\($0)" } ?? "running"
    return TestSupportError(
      """
      child \(pid) (\(name), \(state)) \(what)
      it said on stdout: \(output.text)
      and on stderr: \(errorOutput.text)
      """)
  }
}

// MARK: Signals and the end

extension ChildProcess {
  /// Sends a signal to the child alone, not to its group.
  public func signal(_ number: Int32) {
    if status == nil { kill(pid, number) }
  }

  /// Stops the child and returns when the kernel has stopped it.
  public func stop() throws {
    signal(SIGSTOP)
    try waitUntilStopped()
  }

  /// Returns when the child is stopped, by whomever.
  public func waitUntilStopped() throws {
    try waitUntil("child \(pid) to be stopped") {
      var information = siginfo_t()
      let result = waitid(P_PID, id_t(pid), &information, WSTOPPED | WNOHANG)
      return result == 0 && information.si_signo == SIGCHLD
    }
  }

  /// Lets a stopped child go on.
  public func cont() { signal(SIGCONT) }

  /// Waits for the end of the child, and collects all that it said until then.
  @discardableResult
  public func waitForExit(within limit: Duration = .seconds(10)) throws -> ExitStatus {
    if let status { return status }
    let pidDescriptor = platform_pidfd_open(pid)
    guard pidDescriptor >= 0 else { throw TestSupportError.systemCall("pidfd_open", "\(pid)") }
    defer { close(pidDescriptor) }
    let deadline = Deadline.after(limit)
    while true {
      reap(options: WNOHANG)
      if let status {
        try collectRest()
        return status
      }
      guard !deadline.isPast else { throw failure("did not end within \(limit)") }
      try collect(until: deadline, orReadable: pidDescriptor)
    }
  }

  private func reap(options: Int32) {
    var raw: Int32 = 0
    var result = waitpid(pid, &raw, options)
    while result < 0, errno == EINTR { result = waitpid(pid, &raw, options) }
    guard result == pid else { return }
    let signal = raw & 0x7f
    status = signal == 0 ? .code((raw >> 8) & 0xff) : .signal(signal)
    groupOutlivesLeader = kill(-pid, 0) == 0
  }

  /// A program's whole life: exit status and everything it said.
  public struct Outcome: Sendable {
    /// How it ended.
    public let status: ExitStatus
    /// What it wrote on standard output.
    public let output: String
    /// What it wrote on standard error.
    public let errorOutput: String
  }

  /// Runs a program to its end with `input` on its standard input.
  public static func run(
    executable: String, _ arguments: [String] = [], environment: [String: String?] = [:],
    workingDirectory: String? = nil, input: String = "", within limit: Duration = .seconds(30)
  ) throws -> Outcome {
    let child = try ChildProcess(
      executable: executable, arguments, environment: environment, workingDirectory: workingDirectory)
    // A program may end without reading its input; what that means is the caller's to judge by its status.
    _ = child.input.writeWithoutSignal(Array(input.utf8))
    child.closeInput()
    let status = try child.waitForExit(within: limit)
    return Outcome(status: status, output: child.output.text, errorOutput: child.errorOutput.text)
  }
}

/// The directory of the built executables: that of the running test bundle.
public func buildDirectory() throws -> String {
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  guard readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0 else {
    throw TestSupportError.systemCall("readlink", "/proc/self/exe")
  }
  let path = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
}
