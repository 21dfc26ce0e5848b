/// Where a container is in its life.
///
/// The raw value is what the database stores; it never changes its meaning.
public enum ContainerStatus: Int32, Sendable, Hashable, CaseIterable {
  /// In the store only; the OCI runtime does not know it.
  case configured = 1
  /// Created by the OCI runtime; its process waits to be started.
  case created = 2
  /// Its process runs.
  case running = 3
  /// Its processes are frozen.
  case paused = 4
  /// Somebody asked it to stop and waits out the grace period.
  case stopping = 5
  /// Its process has ended; the OCI runtime still keeps its state.
  case stopped = 6
  /// Its process has ended and the OCI runtime's state is gone.
  case exited = 7
  /// Its removal has begun.
  case removing = 8
  /// What it is could not be found out.
  case unknown = 9

  /// The name that tables, JSON and `--filter status=` use.
  public var name: String {
    switch self {
    case .configured: "configured"
    case .created: "created"
    case .running: "running"
    case .paused: "paused"
    case .stopping: "stopping"
    case .stopped: "stopped"
    case .exited: "exited"
    case .removing: "removing"
    case .unknown: "unknown"
    }
  }

  /// The status of that name, or nil.
  public init?(name: String) {
    guard let status = ContainerStatus.allCases.first(where: { $0.name == name }) else { return nil }
    self = status
  }

  /// The statuses that an update may change this one to; staying is always allowed.
  ///
  /// `unknown` is reached from everywhere and left to everywhere: it says that the truth has to be found out
  /// anew. `stopping` returns to `running` where whoever wanted it stopped has given up or died.
  public var successors: [ContainerStatus] {
    switch self {
    case .configured: [.created, .removing, .unknown]
    case .created: [.configured, .running, .stopped, .exited, .removing, .unknown]
    case .running: [.paused, .stopping, .stopped, .exited, .removing, .unknown]
    case .paused: [.running, .stopping, .stopped, .exited, .removing, .unknown]
    case .stopping: [.running, .stopped, .exited, .removing, .unknown]
    case .stopped: [.configured, .created, .exited, .removing, .unknown]
    case .exited: [.configured, .created, .removing, .unknown]
    case .removing: [.unknown]
    case .unknown: ContainerStatus.allCases
    }
  }

  /// Whether an update may change this status to `next` (INVARIANT I-4).
  public func allows(_ next: ContainerStatus) -> Bool {
    // An update mostly leaves the status alone or is rare: the array is not built on the hot path.
    next == self || successors.contains(next)
  }

  /// Whether a process of the container may exist.
  public var hasProcess: Bool {
    switch self {
    case .created, .running, .paused, .stopping: true
    case .configured, .stopped, .exited, .removing, .unknown: false
    }
  }

  /// What a reboot turns this status into: processes are gone, configurations are not.
  public var afterReboot: ContainerStatus {
    switch self {
    case .running, .paused, .stopping, .stopped, .exited: .exited
    case .configured, .created, .unknown: .configured
    case .removing: .removing
    }
  }
}
