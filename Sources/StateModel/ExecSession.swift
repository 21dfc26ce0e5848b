public import JSONText

/// A process that was started in a running container beside its first one.
public struct ExecSession: Sendable, Hashable {
  /// Its id, unique over exec sessions.
  public let id: ContainerID
  /// The container it belongs to.
  public let container: ContainerID
  /// The program and its arguments.
  public let command: [String]
  /// When it was created, by the creator's clock.
  public let createdAt: Timestamp
  /// Where it is in its life.
  public var status: ExecSessionStatus
  /// The pid of its process; 0 where there is none.
  public var pid: Int32
  /// That process's start time in clock ticks since boot; 0 where there is none.
  public var pidStartTime: UInt64
  /// The exit code, −1 (unknown) … 255; nil before its end.
  public var exitCode: Int32?
  /// The embedder's own JSON, returned byte for byte; nil where there is none.
  public var extra: JSONBytes?
  /// Counts its writes, from 1.
  public let revision: Int64

  /// A session to add.
  public init(
    id: ContainerID, container: ContainerID, command: [String], createdAt: Timestamp,
    extra: JSONBytes? = nil
  ) {
    self.init(
      id: id, container: container, command: command, createdAt: createdAt, status: .created, pid: 0,
      pidStartTime: 0, exitCode: nil, extra: extra, revision: 1)
  }

  package init(
    id: ContainerID, container: ContainerID, command: [String], createdAt: Timestamp,
    status: ExecSessionStatus, pid: Int32, pidStartTime: UInt64, exitCode: Int32?, extra: JSONBytes?,
    revision: Int64
  ) {
    self.id = id
    self.container = container
    self.command = command
    self.createdAt = createdAt
    self.status = status
    self.pid = pid
    self.pidStartTime = pidStartTime
    self.exitCode = exitCode
    self.extra = extra
    self.revision = revision
  }

  /// Throws `invalidArgument` where a value is out of its range.
  package func checkValues() throws(StoreError) {
    guard !command.isEmpty, command.allSatisfy({ !$0.containsNUL }) else {
      throw .invalidArgument("command", "a session runs a program: give its name, and no text with NUL")
    }
    if let exitCode { try ExitCode.check(exitCode) }
    guard pid >= 0 else { throw .invalidArgument("pid", "a pid is 0 (none) or greater") }
    if pid != 0, status != .running {
      throw .invalidArgument("pid", "a session that is \(status.name) has no process; set its pid to 0")
    }
    try ContainerConfiguration.checkExtra(extra)
  }
}

/// Where an exec session is in its life.
///
/// The raw value is what the database stores.
public enum ExecSessionStatus: Int32, Sendable, Hashable, CaseIterable {
  case created = 1
  case running = 2
  case stopped = 3

  /// The name that tables and JSON use.
  public var name: String { "\(self)" }
}

/// How a container's process ended; it outlives the container until it is pruned.
public struct ExitCode: Sendable, Hashable {
  /// The container's id.
  public let container: ContainerID
  /// The code, −1 (unknown) … 255; 128 + the signal where one killed the process.
  public let code: Int32
  /// When it was recorded.
  public let recordedAt: Timestamp

  package init(container: ContainerID, code: Int32, recordedAt: Timestamp) {
    self.container = container
    self.code = code
    self.recordedAt = recordedAt
  }

  package static func check(_ code: Int32) throws(StoreError) {
    guard (-1...255).contains(code) else {
      throw .invalidArgument("exit code", "an exit code is −1 (unknown) to 255")
    }
  }
}
