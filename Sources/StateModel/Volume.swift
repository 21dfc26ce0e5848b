public import JSONText

/// A place for data that outlives the containers that use it.
public struct Volume: Sendable, Hashable {
  /// What was written once by `addVolume`, or rewritten as a whole.
  public let configuration: VolumeConfiguration
  /// What changes.
  public internal(set) var state: VolumeState
  /// The embedder's own JSON on the state; nil where there is none.
  public internal(set) var stateExtra: JSONBytes?
  /// How many containers have it mounted, each counted once (INVARIANT I-18).
  public let mountCount: Int
  /// Which row this is.
  ///
  /// A name that is added again gets another generation.
  public let generation: Int64
  /// Counts the writes of the configuration, from 1.
  public let configurationRevision: Int64
  /// Counts the writes of the state, from 1; mounts are not part of it.
  public internal(set) var stateRevision: Int64

  package init(
    configuration: VolumeConfiguration, state: VolumeState, stateExtra: JSONBytes?, mountCount: Int,
    generation: Int64, configurationRevision: Int64, stateRevision: Int64
  ) {
    self.configuration = configuration
    self.state = state
    self.stateExtra = stateExtra
    self.mountCount = mountCount
    self.generation = generation
    self.configurationRevision = configurationRevision
    self.stateRevision = stateRevision
  }

  /// The volume's name.
  public var name: VolumeName { configuration.name }

  /// The same volume with another state.
  package func with(state: VolumeState, stateExtra: JSONBytes?, stateRevision: Int64) -> Volume {
    var next = self
    next.state = state
    next.stateExtra = stateExtra
    next.stateRevision = stateRevision
    return next
  }
}

/// The part of a volume that changes.
public struct VolumeState: Sendable, Hashable {
  /// Where its data are mounted on the host; empty where they are not.
  ///
  /// A reboot clears it.
  public var mountpoint = ""
  /// Whether its owner still has to be set for the first container that mounts it.
  public var needsOwnershipChange = false
  /// Whether what the image has at its place still has to be copied into it.
  public var needsCopyUp = false

  /// The state of a volume that has just been added.
  public init() {}

  package func checkValues() throws(StoreError) {
    if mountpoint.containsNUL {
      throw .invalidArgument("mountpoint", "a text must not contain NUL")
    }
  }
}

/// The part of a volume that is written once.
public struct VolumeConfiguration: Sendable, Hashable {
  /// The volume's name.
  public let name: VolumeName
  /// When the engine created it.
  public let createdAt: Timestamp
  /// What provides it; `local` for a directory of the host.
  public let driver: String
  /// The id of its layer in the embedder's storage; nil where it has none.
  public let storageID: ContainerID?
  /// Whether it was made for one container, and goes with the last that uses it.
  public let isAnonymous: Bool
  /// Everything else.
  public let details: VolumeDetails
  /// The embedder's own JSON, returned byte for byte; nil where there is none.
  public let extra: JSONBytes?

  /// A configuration to add.
  ///
  /// - Throws: `invalidArgument` where a value cannot be stored: a driver of no or more than 255 bytes, a
  ///   text with NUL, `extra` over 1 MiB.
  public init(
    name: VolumeName, createdAt: Timestamp, driver: String = "local", storageID: ContainerID? = nil,
    isAnonymous: Bool = false, details: VolumeDetails = .init(), extra: JSONBytes? = nil
  ) throws(StoreError) {
    guard (1...255).contains(driver.utf8.count), !driver.containsNUL else {
      throw .invalidArgument("driver", "a volume's driver has 1 to 255 bytes, none of them NUL")
    }
    try ContainerConfiguration.checkExtra(extra)
    try details.check()
    self.init(
      unchecked: name, createdAt: createdAt, driver: driver, storageID: storageID, isAnonymous: isAnonymous,
      details: details, extra: extra)
  }

  package init(
    unchecked name: VolumeName, createdAt: Timestamp, driver: String, storageID: ContainerID?,
    isAnonymous: Bool, details: VolumeDetails, extra: JSONBytes?
  ) {
    self.name = name
    self.createdAt = createdAt
    self.driver = driver
    self.storageID = storageID
    self.isAnonymous = isAnonymous
    self.details = details
    self.extra = extra
  }
}

/// The fields of a volume's configuration that nothing asks for by value.
public struct VolumeDetails: Sendable, Hashable {
  /// Its labels.
  public var labels: [String: String] = [:]
  /// What its driver is told.
  public var options: [String: String] = [:]
  /// Which machines can reach it, in its driver's words; `local` for one machine.
  public var scope = "local"
  /// The user that owns its data.
  public var userID: UInt32 = 0
  /// The group that owns its data.
  public var groupID: UInt32 = 0

  /// Details that say nothing but the defaults.
  public init() {}

  package func check() throws(StoreError) {
    try ContainerDetails.check(labels: labels)
    for (key, value) in options {
      if key.isEmpty || key.containsNUL || value.containsNUL {
        throw .invalidArgument("volume option", "an option has a key, and no text with NUL")
      }
    }
    if scope.containsNUL { throw .invalidArgument("scope", "a text must not contain NUL") }
  }
}

extension VolumeDetails {
  package func encoded() -> JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    json.member("labels", labels)
    json.member("options", options)
    json.member("scope", scope == "local" ? nil : scope)
    json.member("uid", userID == 0 ? nil : userID)
    json.member("gid", groupID == 0 ? nil : groupID)
    json.endObject()
    return json.finish()
  }

  package init(decoding json: JSONView) throws(JSONError) {
    labels = try ContainerDetails.labels(in: json)
    options = try ContainerDetails.strings(json.member("options"))
    scope = try json.member("scope")?.string() ?? "local"
    userID = try json.member("uid")?.integer() ?? 0
    groupID = try json.member("gid")?.integer() ?? 0
  }
}

/// Which volumes a listing returns, by name.
public struct VolumeFilter: Sendable, Hashable {
  /// Only volumes with all of these labels, at most `ContainerFilter.maximumLabelCount`.
  public var labels: [LabelFilter] = []
  /// Only names that begin with this text; nil for any.
  public var namePrefix: String?
  /// Only names that contain this text, letter by letter; nil for any.
  public var nameContaining: String?
  /// Only volumes of this driver; nil for any.
  public var driver: String?
  /// Whether only volumes that some container uses, or that none does; nil for both.
  public var isUsed: Bool?
  /// Only those with these values in the embedder's own JSON, at declared paths.
  public var extra: [ExtraFilter] = []
  /// At most this many, the first by name; nil for all.
  public var limit: Int?

  /// A filter that lets everything through.
  public init() {}

  /// Every volume.
  public static let all = VolumeFilter()
}

/// A volume's place in a container.
public struct NamedVolume: Sendable, Hashable {
  /// The volume.
  public var name: VolumeName
  /// Where in the container.
  public var destination: String
  /// Mount options as `mount(8)` names them.
  public var options: [String]

  /// A volume at `destination`.
  public init(name: VolumeName, destination: String, options: [String] = []) {
    self.name = name
    self.destination = destination
    self.options = options
  }
}
