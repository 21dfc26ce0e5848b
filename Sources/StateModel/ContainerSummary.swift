internal import JSONText

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
  public let pod: ContainerID?
  /// Its labels and ports; nil where it has neither or none of them was asked for.
  package var text: ListedText?

  package init(
    id: ContainerID, name: String, status: ContainerStatus, imageName: String, createdAt: Timestamp,
    startedAt: Timestamp?, finishedAt: Timestamp?, exitCode: Int32?, pid: Int32, pidStartTime: UInt64,
    pod: ContainerID?
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
    self.pod = pod
  }

  /// What a listing reads of each container only where it is asked for.
  public struct Parts: OptionSet, Sendable, Hashable {
    /// A bit for each part.
    public let rawValue: UInt8

    /// The parts whose bits are set.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The pod it is in: one look more for each container.
    public static let pod = Parts(rawValue: 1)
    /// Its labels, as text that `labels()` decodes.
    public static let labels = Parts(rawValue: 2)
    /// The ports it publishes, as text that `ports()` decodes.
    public static let ports = Parts(rawValue: 4)
  }

  /// Its labels, decoded; empty where it has none or they were not asked for.
  ///
  /// - Throws: `corrupt` where the stored bytes are damaged.
  public func labels() throws(StoreError) -> [String: String] {
    guard let labels = text?.labels else { return [:] }
    do { return try ContainerDetails.strings(labels) } catch { throw damaged("labels", labels.own(error)) }
  }

  /// The ports it publishes, decoded; empty where there are none or they were not asked for.
  ///
  /// - Throws: `corrupt` where the stored bytes are damaged.
  public func ports() throws(StoreError) -> [PortMapping] {
    guard let ports = text?.ports else { return [] }
    do { return try ContainerDetails.ports(ports) } catch { throw damaged("ports", ports.own(error)) }
  }

  private func damaged(_ what: String, _ error: JSONError) -> StoreError {
    .corrupt(id.rawValue, "the \(what) that listings show are damaged: \(error); run verify and repair")
  }
}
