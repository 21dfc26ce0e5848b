public import JSONText

/// A group of containers that share namespaces and a control group.
public struct Pod: Sendable, Hashable {
  /// What was written once by `addPod`, or rewritten as a whole.
  public let configuration: PodConfiguration
  /// What changes.
  public internal(set) var state: PodState
  /// The embedder's own JSON on the state; nil where there is none.
  public internal(set) var stateExtra: JSONBytes?
  /// The container that holds the pod's namespaces; nil where none does.
  public let infrastructure: ContainerID?
  /// Which row this is.
  ///
  /// An id or name that is added again gets another generation.
  public let generation: Int64
  /// Counts the writes of the configuration, from 1.
  public let configurationRevision: Int64
  /// Counts the writes of the state, from 1.
  public internal(set) var stateRevision: Int64

  package init(
    configuration: PodConfiguration, state: PodState, stateExtra: JSONBytes?, infrastructure: ContainerID?,
    generation: Int64, configurationRevision: Int64, stateRevision: Int64
  ) {
    self.configuration = configuration
    self.state = state
    self.stateExtra = stateExtra
    self.infrastructure = infrastructure
    self.generation = generation
    self.configurationRevision = configurationRevision
    self.stateRevision = stateRevision
  }

  /// The pod's id.
  public var id: ContainerID { configuration.id }
  /// The pod's name.
  public var name: String { configuration.name }

  /// The same pod with another state.
  package func with(state: PodState, stateExtra: JSONBytes?, stateRevision: Int64) -> Pod {
    var next = self
    next.state = state
    next.stateExtra = stateExtra
    next.stateRevision = stateRevision
    return next
  }
}

/// The part of a pod that changes.
public struct PodState: Sendable, Hashable {
  /// The path of the pod's control group; empty where it has none.
  public var controlGroupPath = ""

  /// The state of a pod that has just been added.
  public init() {}

  package func checkValues() throws(StoreError) {
    if controlGroupPath.containsNUL {
      throw .invalidArgument("control group path", "a text must not contain NUL")
    }
  }
}

/// The part of a pod that is written once.
public struct PodConfiguration: Sendable, Hashable {
  /// The pod's id, unique over containers and pods.
  public let id: ContainerID
  /// The pod's name, unique over pods.
  public let name: String
  /// When the engine created it.
  public let createdAt: Timestamp
  /// The creator's zone, in seconds east of UTC, −86 399 … 86 399.
  public let createdZoneOffsetSeconds: Int32
  /// The embedder's own JSON, returned byte for byte; nil where there is none.
  public let extra: JSONBytes?
  /// Everything else, as the store keeps it.
  package let detailsJSON: JSONBytes

  /// A configuration to add.
  ///
  /// - Throws: `invalidArgument` where a value cannot be stored: a malformed name, a text with NUL, `extra`
  ///   over 1 MiB.
  public init(
    id: ContainerID, name: String, createdAt: Timestamp, createdZoneOffsetSeconds: Int32 = 0,
    details: PodDetails = .init(), extra: JSONBytes? = nil
  ) throws(StoreError) {
    try Identifier.checkName(name)
    guard createdZoneOffsetSeconds.magnitude < 86_400 else {
      throw .invalidArgument("creation zone", "a zone is less than a day east or west of UTC")
    }
    try ContainerConfiguration.checkExtra(extra)
    try details.check()
    self.init(
      unchecked: id, name: name, createdAt: createdAt, createdZoneOffsetSeconds: createdZoneOffsetSeconds,
      extra: extra, detailsJSON: details.encoded())
  }

  package init(
    unchecked id: ContainerID, name: String, createdAt: Timestamp, createdZoneOffsetSeconds: Int32,
    extra: JSONBytes?, detailsJSON: JSONBytes
  ) {
    self.id = id
    self.name = name
    self.createdAt = createdAt
    self.createdZoneOffsetSeconds = createdZoneOffsetSeconds
    self.extra = extra
    self.detailsJSON = detailsJSON
  }

  /// Everything that is not a stored property, decoded.
  ///
  /// - Throws: `corrupt` where the stored bytes are damaged.
  public func details() throws(StoreError) -> PodDetails {
    do { return try PodDetails(decoding: detailsJSON.root) } catch {
      throw .corrupt(id.rawValue, "the stored configuration is damaged: \(error)")
    }
  }
}

/// The fields of a pod's configuration that nothing asks for by value.
public struct PodDetails: Sendable, Hashable {
  /// Its labels.
  public var labels: [String: String] = [:]
  /// The control group that the pod's is made in; empty for the engine's choice.
  public var controlGroupParent = ""
  /// The namespaces that its containers share.
  public var sharedNamespaces: Set<NamespaceKind> = []

  /// Details that say nothing but the defaults.
  public init() {}

  package func check() throws(StoreError) {
    try ContainerDetails.check(labels: labels)
    if controlGroupParent.containsNUL {
      throw .invalidArgument("control group parent", "a text must not contain NUL")
    }
  }
}

extension PodDetails {
  package func encoded() -> JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    json.member("labels", labels)
    json.member("cgroup_parent", controlGroupParent.isEmpty ? nil : controlGroupParent)
    json.member("shared_namespaces", sharedNamespaces.map(\.rawValue).sorted())
    json.endObject()
    return json.finish()
  }

  package init(decoding json: JSONView) throws(JSONError) {
    labels = try ContainerDetails.labels(in: json)
    controlGroupParent = try json.member("cgroup_parent")?.string() ?? ""
    var kinds: Set<NamespaceKind> = []
    try json.member("shared_namespaces")?.forEachElement { (kind) throws(JSONError) in
      if let known = NamespaceKind(rawValue: try kind.string()) { kinds.insert(known) }
    }
    sharedNamespaces = kinds
  }
}

/// Which pods a listing returns, newest first.
public struct PodFilter: Sendable, Hashable {
  /// Only pods with all of these labels, at most `ContainerFilter.maximumLabelCount`.
  public var labels: [LabelFilter] = []
  /// Only names that contain this text, letter by letter; nil for any.
  public var nameContaining: String?
  /// Only ids that begin with this text; nil for any.
  public var idPrefix: String?
  /// Only those with these values in the embedder's own JSON, at declared paths.
  public var extra: [ExtraFilter] = []
  /// At most this many, the newest; nil for all.
  public var limit: Int?

  /// A filter that lets everything through.
  public init() {}

  /// Every pod.
  public static let all = PodFilter()
}
