import ContainerStateStore

/// The one error type of the engine: what happened, during which operation, to what, and what to do next.
///
/// Failures of the store itself are thrown as the `StoreError` they are.
public struct EngineError: Error, Sendable {
  /// What kind of failure this is.
  public let code: Code
  /// The operation that failed, for example `start`.
  public let operation: String
  /// What it failed on: an id or a path.
  public let subject: String
  /// One or two sentences: what happened, and what to do.
  public let message: String
  /// The failure below this one: an errno by name, or the OCI runtime's own words; may be empty.
  public let cause: String

  init(_ code: Code, operation: String = "", subject: String, message: String, cause: String = "") {
    self.code = code
    self.operation = operation
    self.subject = subject
    self.message = message
    self.cause = cause
  }

  /// The same error, said to have happened during `operation` unless it already names one.
  func during(_ operation: String) -> EngineError {
    guard self.operation.isEmpty else { return self }
    return EngineError(code, operation: operation, subject: subject, message: message, cause: cause)
  }
}

extension EngineError {
  /// The kinds of failure; the raw value is the stable name that JSON output uses.
  public enum Code: String, Sendable, CaseIterable {
    /// The OCI runtime that was asked for is not installed, or cannot run here.
    case runtimeUnavailable
    /// The OCI runtime said no; `cause` has its words.
    case runtimeFailed
    /// The bundle cannot be read, or its `config.json` lacks something or is damaged.
    case invalidBundle
    /// The operation needs a process, and the container has none.
    case notRunning
    /// The container has a process already: somebody else was first.
    case alreadyRunning
    /// The container has a process, and only force removes it.
    case stillRunning
    /// Somebody has begun to remove the container.
    case beingRemoved
    /// The container's monitor could not be started, or has died.
    case monitorFailed
    /// A process did not do what it had to in time.
    case timedOut
    /// The run directory cannot be used, or belongs to another store.
    case runDirectoryUnusable
    /// The kernel refused something; `cause` names the call and the errno.
    case system
  }
}

extension EngineError: CustomStringConvertible {
  /// The error as one line for a person: operation, subject, message, cause.
  public var description: String {
    var text = operation.isEmpty ? "" : operation + " "
    text += subject.isEmpty ? message : "\(subject): \(message)"
    if !cause.isEmpty { text += " (\(cause))" }
    return text
  }
}

extension EngineError {
  static func system(_ call: String, _ subject: String, _ code: Int32) -> EngineError {
    EngineError(
      .system, subject: subject, message: "the kernel refused \(call); see the cause", cause: errorText(code))
  }

  static func notRunning(_ id: ContainerID, _ status: ContainerStatus) -> EngineError {
    EngineError(
      .notRunning, subject: id.rawValue,
      message: "the container is \(status.name) and has no process; start it first")
  }

  static func alreadyRunning(_ id: ContainerID, _ status: ContainerStatus) -> EngineError {
    EngineError(
      .alreadyRunning, subject: id.rawValue,
      message: "the container is \(status.name) already; stop it first to start it anew")
  }

  static func stillRunning(_ id: ContainerID, _ status: ContainerStatus) -> EngineError {
    EngineError(
      .stillRunning, subject: id.rawValue,
      message: "the container is \(status.name); stop it first, or remove it with force")
  }

  static func beingRemoved(_ id: ContainerID) -> EngineError {
    EngineError(
      .beingRemoved, subject: id.rawValue,
      message: "the removal of the container has begun; remove it to finish that")
  }

  static func invalidBundle(_ path: String, _ message: String, cause: String = "") -> EngineError {
    EngineError(.invalidBundle, subject: path, message: message, cause: cause)
  }

  static func runtimeFailed(
    _ runtime: String, _ id: ContainerID, _ command: String, _ words: String
  ) -> EngineError {
    EngineError(
      .runtimeFailed, subject: id.rawValue, message: "\(runtime) could not \(command) the container",
      cause: printable(words, limit: 2000))
  }

  static func monitorFailed(_ id: ContainerID, _ message: String, cause: String = "") -> EngineError {
    EngineError(.monitorFailed, subject: id.rawValue, message: message, cause: cause)
  }

  static func timedOut(_ subject: String, _ message: String) -> EngineError {
    EngineError(.timedOut, subject: subject, message: message)
  }
}
