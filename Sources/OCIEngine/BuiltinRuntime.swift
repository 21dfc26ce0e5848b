import CPlatform
package import ContainerStateStore
import Glibc

/// A runner for machines where no OCI runtime works: `process.args` as a plain child process, without any
/// isolation.
///
/// The process waits with its exec until a byte arrives in a FIFO that it holds open itself. Writing that
/// byte is the whole effect of `start`: it happens or does not, whenever its writer is killed. A process that
/// nobody has recorded ends with whoever started it.
struct BuiltinRuntime: OCIRuntime {
  func create(_ container: ContainerDirectory) throws(EngineError) -> ProcessIdentity {
    let program = try BuiltinProgram(configuration: container.configuration)
    try FileAccess.makeDirectory(container.runtimeState)
    let gate = container.startGate
    guard mkfifo(gate, 0o600) == 0 else { throw .system("mkfifo", gate, errno) }
    // Open for both, so that no open of it waits and it never ends.
    let descriptor = open(gate, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open", gate, errno) }
    defer { close(descriptor) }
    // Until it is written down who the process is, nobody else could end it: it ends by itself where this one
    // is killed meanwhile.
    var confirmation: [Int32] = [-1, -1]
    guard platform_pipe(&confirmation) == 0 else { throw .system("pipe", container.id.rawValue, errno) }
    defer { for end in confirmation { close(end) } }
    let start = ProcessStart(
      executable: program.executable, arguments: Array(program.arguments.dropFirst()),
      environment: program.environment, directory: program.directory,
      descriptors: [0, 1, 2, descriptor, confirmation[0]], startsSession: true, gate: (3, gate, 4))
    let pid = try start.start()
    Engine.step("runtime", "process-started")
    guard let process = ProcessIdentity.running(pid: pid) else {
      throw failure("create", container, "the process ended before it was started")
    }
    let record = BuiltinProcessRecord(process: process, bootID: Boot.id)
    try FileAccess.write(Array(record.text.utf8), to: container.builtinProcess)
    guard write(confirmation[1], "r", 1) == 1 else {
      throw .system("write", container.id.rawValue, errno)
    }
    return process
  }

  func start(_ container: ContainerDirectory) throws(EngineError) {
    switch try status(container) {
    case .created: break
    case let other: throw failure("start", container, "it is \(other.rawValue)")
    }
    // Without a reader there is nobody to start any more.
    let descriptor = open(container.startGate, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("start", container, "the process has ended") }
    defer { close(descriptor) }
    guard write(descriptor, "s", 1) == 1 else { throw .system("write", container.startGate, errno) }
  }

  func status(_ container: ContainerDirectory) throws(EngineError) -> RuntimeStatus {
    guard let process = try process(of: container) else { return .absent }
    guard process.liveness != .dead else { return .stopped }
    let descriptor = open(container.startGate, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return .running }
    defer { close(descriptor) }
    return platform_readable_bytes(descriptor) > 0 ? .running : .created
  }

  func kill(_ container: ContainerDirectory, signal: Int32) throws(EngineError) {
    guard let process = try process(of: container), process.send(signal: signal) else {
      throw failure("kill", container, "the process has ended")
    }
  }

  func resume(_ container: ContainerDirectory) throws(EngineError) { try kill(container, signal: SIGCONT) }

  func delete(_ container: ContainerDirectory) throws(EngineError) {
    if let process = try process(of: container) {
      // Its descendants too, which no namespace ends with it. While its group has members the number is not
      // used again, so whoever else has it by now shows that there are none. Where `/proc` does not tell who
      // has it, nobody is killed.
      switch process.liveness {
      case .alive: Glibc.kill(-process.pid, SIGKILL)
      case .dead where ProcessIdentity.running(pid: process.pid) == nil: Glibc.kill(-process.pid, SIGKILL)
      case .dead, .unknown: break
      }
      guard process.kill(deadlineNanoseconds: Deadline.after(.seconds(10))) else {
        throw .timedOut(container.id.rawValue, "process \(process.pid) does not end although it was killed")
      }
    }
    try FileAccess.removeTree(container.runtimeState)
  }

  /// The process that was created; nil where there is none.
  private func process(of container: ContainerDirectory) throws(EngineError) -> ProcessIdentity? {
    guard FileAccess.exists(container.builtinProcess) else { return nil }
    let text = String(
      decoding: try FileAccess.read(container.builtinProcess, maximumBytes: 64), as: UTF8.self)
    guard let record = BuiltinProcessRecord(text: text) else {
      throw failure("state", container, "its record of the process is damaged")
    }
    return record.bootID == Boot.id ? record.process : nil
  }

  private func failure(_ command: String, _ container: ContainerDirectory, _ words: String) -> EngineError {
    .runtimeFailed(RuntimeReference.builtin.name, container.id, command, words)
  }
}

extension ContainerDirectory {
  /// The FIFO whose first byte lets the built-in runner's process run.
  fileprivate var startGate: String { runtimeState + "/start" }
  /// Which process the built-in runner created: a `BuiltinProcessRecord`.
  fileprivate var builtinProcess: String { runtimeState + "/process" }
}

/// What the built-in runner writes down about the process that it created.
///
/// The boot's id as well: where the run directory outlives a boot, both numbers may mean another process.
package struct BuiltinProcessRecord: Sendable, Hashable {
  /// The process.
  package let process: ProcessIdentity
  /// The boot that its numbers are of; empty where `/proc` did not tell.
  package let bootID: String

  /// A record of a process that was just created.
  package init(process: ProcessIdentity, bootID: String) {
    self.process = process
    self.bootID = bootID
  }

  /// Reads what `text` gives; nil where it is damaged.
  ///
  /// kill(2) takes 0, 1 made negative, and negative numbers for many processes or for somebody else's.
  package init?(text: String) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, let pid = Int32(parts[0]), pid > 1, let startTime = UInt64(parts[1]) else {
      return nil
    }
    self.init(process: ProcessIdentity(pid: pid, startTime: startTime), bootID: String(parts[2]))
  }

  /// One line.
  package var text: String { "\(process.pid) \(process.startTime) \(bootID)" }
}

/// What the built-in runner takes from a bundle's `config.json`.
struct BuiltinProgram {
  let executable: String
  let arguments: [String]
  let environment: [String]
  let directory: String

  /// - Throws: `invalidBundle` where there is no process, or its program cannot be found.
  init(configuration path: String) throws(EngineError) {
    let bytes = try FileAccess.read(path)
    do {
      let process = try JSONBytes(bytes).root.at("process")
      arguments = try process?.at("args")?.elements().map { try $0.string() } ?? []
      environment = try process?.at("env")?.elements().map { try $0.string() } ?? []
      directory = try process?.at("cwd")?.string() ?? "/"
    } catch {
      throw .invalidBundle(path, "the process in the configuration cannot be read", cause: "\(error)")
    }
    guard let name = arguments.first, !name.isEmpty else {
      throw .invalidBundle(path, "the configuration has no process.args; say what to run")
    }
    let search = environment.first { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) }
    guard let executable = ProgramSearch.path(of: name, searching: search ?? ProgramSearch.standard) else {
      throw .invalidBundle(
        path,
        "the program '\(printable(name))' is not on this machine, and the built-in runner has no other"
      )
    }
    self.executable = executable
  }
}

/// Where programs are found.
enum ProgramSearch {
  static let standard = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// The path of an executable of this name; nil where there is none.
  static func path(of name: String, searching directories: String) -> String? {
    if name.contains("/") { return isExecutable(name) ? name : nil }
    return directories.split(separator: ":").map { "\($0)/\(name)" }.first(where: isExecutable)
  }

  static func isExecutable(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }
}
