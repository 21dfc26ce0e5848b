internal import CPlatform
internal import Glibc

/// One run of a program: a process of its own, of which its starter knows nothing but its exit status and
/// output.
package final class Program {
  package struct Outcome {
    /// The exit status; nil where a signal ended it.
    package let status: Int32?
    /// The signal that ended it; 0 where none did.
    package let signal: Int32
    package let output: String
    package let errorOutput: String
    package let nanoseconds: UInt64
  }

  package let pid: Int32
  /// Becomes readable when the process ends.
  package let descriptor: Int32
  package let words: [String]
  private let output: Int32
  private let errorOutput: Int32
  private let startNanoseconds: UInt64

  /// Starts a program with variables beside those of this process.
  ///
  /// Its output is kept in files without a name in `directory` until it is read.
  ///
  /// - Parameters:
  ///   - executable: its path.
  ///   - words: its arguments.
  ///   - environment: the variables.
  ///   - directory: where it can be written.
  ///   - diesWithParent: whether the kernel kills it when the calling thread ends.
  /// - Throws: where it cannot be started.
  package init(
    _ executable: String, _ words: [String], environment: [String] = [], outputIn directory: String,
    diesWithParent: Bool = false
  ) throws(StressFailure) {
    self.words = words
    // Files, not pipes: a container that shares them must never find that nobody reads, nor keep
    // anybody waiting.
    output = try Program.namelessFile(in: directory)
    errorOutput = try Program.namelessFile(in: directory)
    startNanoseconds = clockNanoseconds(CLOCK_MONOTONIC)
    pid = try Program.spawn(executable, words, environment, [output, errorOutput], diesWithParent)
    descriptor = platform_pidfd_open(pid)
    guard descriptor >= 0 else { throw .systemCall("pidfd_open", "\(pid)") }
  }

  deinit {
    close(descriptor)
    close(output)
    close(errorOutput)
  }

  /// What came of it; nil while it runs.
  package func outcome() -> Outcome? {
    var raw: Int32 = 0
    var result = waitpid(pid, &raw, WNOHANG)
    while result < 0, errno == EINTR { result = waitpid(pid, &raw, WNOHANG) }
    guard result == pid else { return nil }
    let signal = raw & 0x7F
    return Outcome(
      status: signal == 0 ? (raw >> 8) & 0xFF : nil, signal: signal, output: text(output),
      errorOutput: text(errorOutput), nanoseconds: clockNanoseconds(CLOCK_MONOTONIC) - startNanoseconds)
  }

  /// Waits for its end, at most so long.
  package func outcome(withinMilliseconds limit: Int32) -> Outcome? {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&request, 1, limit) < 0, errno == EINTR {}
    return outcome()
  }

  /// The path of a program of the system; nil where there is none.
  package static func path(of name: String) -> String? {
    ["/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/", "/usr/local/sbin/", "/usr/local/bin/"].map { $0 + name }
      .first { access($0, X_OK) == 0 }
  }

  /// Runs a program of the system to its end.
  ///
  /// - Throws: where it is missing, fails or takes longer than two minutes.
  package static func run(
    _ name: String, _ words: [String], outputIn directory: String
  ) throws(StressFailure) {
    guard let path = path(of: name) else { throw StressFailure("\(name) is missing") }
    let program = try Program(path, words, outputIn: directory)
    guard let outcome = program.outcome(withinMilliseconds: 120_000) else {
      kill(program.pid, SIGKILL)
      throw StressFailure("\(name) does not end")
    }
    guard outcome.status == 0 else {
      let text = outcome.errorOutput.split(separator: "\n").joined(separator: " / ")
      throw StressFailure("\(name) \(words.joined(separator: " ")): \(text)")
    }
  }

  private func text(_ descriptor: Int32) -> String {
    lseek(descriptor, 0, SEEK_SET)
    return String(decoding: readAll(descriptor) ?? [], as: UTF8.self)
  }

  private static func namelessFile(in directory: String) throws(StressFailure) -> Int32 {
    let path = directory + "/output-\(getpid())"
    unlink(path)
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .systemCall("open", path) }
    unlink(path)
    return descriptor
  }

  private static func spawn(
    _ executable: String, _ words: [String], _ environment: [String], _ outputs: [Int32],
    _ diesWithParent: Bool
  ) throws(StressFailure) -> Int32 {
    let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(nothing) }
    var inherited: [String] = []
    var cursor = environ
    while let entry = cursor.pointee {
      inherited.append(String(cString: entry))
      cursor += 1
    }
    let arguments = ([executable] + words).map { strdup($0) } + [nil]
    let variables = (environment + inherited).map { strdup($0) } + [nil]
    defer { for text in arguments + variables { free(text) } }
    let pid = ([nothing] + outputs).withUnsafeBufferPointer { descriptors in
      arguments.withUnsafeBufferPointer { arguments in
        variables.withUnsafeBufferPointer { variables in
          executable.withCString { path in
            var request = platform_spawn_request()
            request.path = path
            request.arguments = arguments.baseAddress
            request.environment = variables.baseAddress
            request.descriptors = descriptors.baseAddress
            request.descriptor_count = 3
            // What a terminal sends is for the starter to handle.
            request.starts_session = true
            request.dies_with_parent = diesWithParent
            request.gate_descriptor = -1
            return platform_spawn(&request)
          }
        }
      }
    }
    guard pid > 0 else { throw .systemCall("spawn", executable) }
    return pid
  }
}
