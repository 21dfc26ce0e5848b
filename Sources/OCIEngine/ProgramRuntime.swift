import CPlatform
import ContainerStateStore
import Glibc

/// An OCI runtime that is a program with the command line of `runc`.
struct ProgramRuntime: OCIRuntime {
  let path: String
  /// How long a call may take; it is killed then.
  var limit = ProgramRuntime.limit

  static let limit = Duration.seconds(60)

  func create(_ container: ContainerDirectory) throws(EngineError) -> ProcessIdentity {
    try create(container, standard: [0, 1, 2])
  }

  /// Creates the container of this directory with `standard` as its descriptors 0 to 2.
  func create(_ container: ContainerDirectory, standard: [Int32]) throws(EngineError) -> ProcessIdentity {
    // Its standard error becomes the container's, so what it has to say comes through its log.
    let start = ProcessStart(
      executable: path,
      arguments: [
        "--root", container.runtimeRoot, "--log", container.runtimeLog, "--log-format", "json", "create",
        "--bundle", container.path, "--pid-file", container.pidFile, container.id.rawValue,
      ], descriptors: standard, diesWithParent: true)
    let child = try start.start()
    guard let end = ProcessEnd.of(child: child, deadlineNanoseconds: Deadline.after(limit)) else {
      _ = ProcessEnd.ofKilled(child: child)
      throw .timedOut(
        container.id.rawValue, "\(path) did not end in time and was killed; look at what it waits for")
    }
    guard end == .code(0) else {
      throw failure("create", container, loggedWords(container) ?? "\(end), and it logged nothing")
    }
    guard let bytes = try? FileAccess.read(container.pidFile, maximumBytes: 64),
      let pid = Int32(String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)), pid > 1,
      let process = ProcessIdentity.running(pid: pid)
    else { throw failure("create", container, "the container's process ended before it was started") }
    return process
  }

  func start(_ container: ContainerDirectory) throws(EngineError) { try run("start", [], container) }

  func status(_ container: ContainerDirectory) throws(EngineError) -> RuntimeStatus {
    guard FileAccess.exists(container.runtimeState) else { return .absent }
    let run = try call("state", [], container)
    guard run.end == .code(0) else {
      let words = ProgramRuntime.words(run)
      // Half a state directory is what a runtime that was killed in `create` leaves.
      if words.contains("does not exist") || words.contains("No such file") { return .absent }
      throw failure("state", container, words)
    }
    do {
      let answer = try JSONBytes(run.output).root
      if let name = try answer.member("status")?.string(), let status = RuntimeStatus(rawValue: name) {
        let pid = try answer.member("pid")?.int64() ?? 0
        return status == .created && hasBegun(pid: pid, container) ? .running : status
      }
    } catch { throw failure("state", container, "\(error)") }
    throw failure("state", container, "it says no status that is known")
  }

  /// Whether the container's program runs although the runtime says `created`.
  ///
  /// A runtime that is killed in `start` between letting the process go on and unlinking its fifo says so for
  /// ever, and its next `start` waits for a writer that never comes. A process that was not let go holds the
  /// fifo.
  private func hasBegun(pid: Int64, _ container: ContainerDirectory) -> Bool {
    let fifo = container.runtimeState + "/exec.fifo"
    guard pid > 0, FileAccess.exists(fifo), let descriptors = try? FileAccess.names(in: "/proc/\(pid)/fd"),
      !descriptors.isEmpty
    else { return false }
    return !descriptors.contains {
      FileAccess.linkTarget("/proc/\(pid)/fd/\($0)")?.hasSuffix("/exec.fifo") == true
    }
  }

  func kill(_ container: ContainerDirectory, signal: Int32) throws(EngineError) {
    try run("kill", ["\(signal)"], container)
  }

  func resume(_ container: ContainerDirectory) throws(EngineError) { try run("resume", [], container) }

  func delete(_ container: ContainerDirectory) throws(EngineError) {
    if FileAccess.exists(container.runtimeState) {
      try run("delete", ["--force"], container)
      try FileAccess.removeTree(container.runtimeState)
    }
    try container.controlGroup.remove()
  }
}

// MARK: - Calling it

extension ProgramRuntime {
  private func run(_ command: String, _ extra: [String], _ container: ContainerDirectory) throws(EngineError)
  {
    let run = try call(command, extra, container)
    guard run.end == .code(0) else { throw failure(command, container, ProgramRuntime.words(run)) }
  }

  /// `delete --force ID` but `kill ID SIGNAL`: options come before the id, operands after it.
  private func call(
    _ command: String, _ extra: [String], _ container: ContainerDirectory
  ) throws(EngineError) -> CapturedRun {
    let options = extra.filter { $0.hasPrefix("-") }
    let operands = extra.filter { !$0.hasPrefix("-") }
    do {
      return try CapturedRun.of(
        path, ["--root", container.runtimeRoot, command] + options + [container.id.rawValue] + operands,
        deadlineNanoseconds: Deadline.after(limit))
    } catch {
      guard error.code == .system, !FileAccess.exists(path) else { throw error }
      throw EngineError(
        .runtimeUnavailable, subject: path,
        message: "the OCI runtime that container \(container.id) was created with is gone; install it again, "
          + "or remove the container with force", cause: error.cause)
    }
  }

  private func failure(_ command: String, _ container: ContainerDirectory, _ words: String) -> EngineError {
    .runtimeFailed(RuntimeReference.program(path).name, container.id, command, words)
  }

  /// What a run says about its failure, on one line.
  static func words(_ run: CapturedRun) -> String {
    let lines = String(decoding: run.errorOutput, as: UTF8.self).split(separator: "\n")
    guard !lines.isEmpty else { return "\(run.end)" }
    return lines.map { message(inLogLine: String($0)) }.joined(separator: "; ")
  }

  /// The last thing that the runtime logged in `create`.
  private func loggedWords(_ container: ContainerDirectory) -> String? {
    guard let log = try? FileAccess.read(container.runtimeLog, maximumBytes: 1 << 20) else { return nil }
    let lines = String(decoding: log, as: UTF8.self).split(separator: "\n")
    return lines.last.map { ProgramRuntime.message(inLogLine: String($0)) }
  }

  /// The message in a line of a log that may be JSON.
  static func message(inLogLine line: String) -> String {
    guard let json = try? JSONBytes(line), let message = try? json.root.member("msg")?.string() else {
      return line
    }
    return message
  }
}
