public import JSONText

/// A container as one snapshot of the store had it.
public struct Container: Sendable, Hashable {
  /// What was written once by `add`.
  public let configuration: ContainerConfiguration
  /// What changes all the time.
  public internal(set) var state: ContainerState
  /// The embedder's own JSON on the state; nil where there is none.
  public internal(set) var stateExtra: JSONBytes?
  /// Which row this is.
  ///
  /// An id or name that is added again gets another generation.
  public let generation: Int64
  /// Counts the writes of the configuration, from 1.
  public let configurationRevision: Int64
  /// Counts the writes of the state, from 1.
  public internal(set) var stateRevision: Int64

  package init(
    configuration: ContainerConfiguration, state: ContainerState, stateExtra: JSONBytes?, generation: Int64,
    configurationRevision: Int64, stateRevision: Int64
  ) {
    self.configuration = configuration
    self.state = state
    self.stateExtra = stateExtra
    self.generation = generation
    self.configurationRevision = configurationRevision
    self.stateRevision = stateRevision
  }

  /// The container's id.
  public var id: ContainerID { configuration.id }
  /// The container's name.
  public var name: String { configuration.name }
  /// Where the container is in its life.
  public var status: ContainerStatus { state.status }

  /// Takes over a state that was written and, where one was written with it, the embedder's JSON.
  package mutating func follow(_ state: ContainerState, stateExtra: JSONBytes??) {
    self.state = state
    if let stateExtra { self.stateExtra = stateExtra }
    stateRevision += 1
  }

  /// The same container with another state.
  package func with(state: ContainerState, stateExtra: JSONBytes?, stateRevision: Int64) -> Container {
    var next = self
    next.state = state
    next.stateExtra = stateExtra
    next.stateRevision = stateRevision
    return next
  }
}

/// What a listing shows of a container: no configuration is read for it and no JSON decoded.
public struct ContainerSummary: Sendable, Hashable {
  /// The container's id.
  public let id: ContainerID
  /// The container's name.
  public let name: String
  /// Where it is in its life.
  public let status: ContainerStatus
  /// The name of its image; empty where it has none.
  public let imageName: String
  /// When it was created, by the creator's clock.
  public let createdAt: Timestamp
  /// When its process was last started.
  public let startedAt: Timestamp?
  /// When its process last ended.
  public let finishedAt: Timestamp?
  /// The exit code of the process that ended last; nil before the first end.
  public let exitCode: Int32?
  /// The pid of its first process; 0 where there is none.
  public let pid: Int32
  /// That process's start time in clock ticks since boot; 0 where there is none.
  public let pidStartTime: UInt64
  /// The pod that it is in; nil where it is in none or that was not asked for.
  public package(set) var pod: ContainerID?

  package init(
    id: ContainerID, name: String, status: ContainerStatus, imageName: String, createdAt: Timestamp,
    startedAt: Timestamp?, finishedAt: Timestamp?, exitCode: Int32?, pid: Int32, pidStartTime: UInt64
  ) {
    self.id = id
    self.name = name
    self.status = status
    self.imageName = imageName
    self.createdAt = createdAt
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.exitCode = exitCode
    self.pid = pid
    self.pidStartTime = pidStartTime
  }
}
