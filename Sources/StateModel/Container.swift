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
