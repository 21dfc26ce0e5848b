/// What a listing shows of a pod: no configuration is read for it and no JSON decoded.
public struct PodSummary: Sendable, Hashable {
  /// The pod's id.
  public let id: ContainerID
  /// The pod's name.
  public let name: String
  /// When it was created, by the creator's clock.
  public let createdAt: Timestamp
  /// The container that holds the pod's namespaces; nil where none does.
  public package(set) var infrastructure: ContainerID?
  /// How many containers are in it.
  public package(set) var memberCount: Int64 = 0
  /// How many of them have which status; a container whose state is damaged is counted in `memberCount`
  /// alone.
  public package(set) var memberCountByStatus: [ContainerStatus: Int64] = [:]

  package init(id: ContainerID, name: String, createdAt: Timestamp) {
    self.id = id
    self.name = name
    self.createdAt = createdAt
  }
}
