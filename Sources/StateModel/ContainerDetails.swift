/// The fields of a container's configuration that nothing asks for by value: decoded only on demand.
public struct ContainerDetails: Sendable, Hashable {
  /// The security label of its processes; empty where there is none.
  public var processLabel = ""
  /// The security label of its mounts; empty where there is none.
  public var mountLabel = ""
  /// Everything that is mounted into it.
  public var mounts: [Mount] = []
  /// The volumes it uses, each of which exists.
  public var volumes: [NamedVolume] = []
  /// The directory of its shared memory; empty where there is none.
  public var sharedMemoryDirectory = ""
  /// Whether the engine makes a network namespace for it.
  public var createsNetworkNamespace = false
  /// The ports it publishes.
  public var portMappings: [PortMapping] = []
  /// The engine's directory for its lasting files; empty where there is none.
  public var staticDirectory = ""
  /// Whether its standard input stays open.
  public var keepsStandardInputOpen = false
  /// Its labels.
  public var labels: [String: String] = [:]
  /// The signal that asks it to stop, 0…64; 0 leaves the choice to the engine.
  public var stopSignal: Int32 = 0
  /// How long a stop waits before it kills.
  public var stopTimeoutSeconds: UInt32 = 10
  /// Whether the image's configuration applies.
  public var usesImageConfiguration = false
  /// The namespaces it joins, each the id of the container whose namespace it is.
  public var namespaceJoins: [NamespaceKind: ContainerID] = [:]
  /// Containers it depends on for any other reason.
  public var dependencies: Set<ContainerID> = []
  /// What happens when its process ends.
  public var restartPolicy: RestartPolicy = .never
  /// The pod it is in; nil for none.
  public var pod: ContainerID?
  /// Whether it holds the namespaces of its pod.
  public var isInfrastructure = false

  /// Details that say nothing but the defaults.
  public init() {}

  /// The containers it depends on for whatever reason, each once.
  public var allDependencies: Set<ContainerID> { dependencies.union(namespaceJoins.values) }

  package func check(id: ContainerID) throws(StoreError) {
    guard (0...64).contains(stopSignal) else {
      throw .invalidArgument("stop signal", "a stop signal is 0 (not set) to 64")
    }
    try ContainerDetails.check(labels: labels)
    if pod == id { throw .invalidArgument(id.rawValue, "a container cannot be its own pod") }
    var texts = [processLabel, mountLabel, sharedMemoryDirectory, staticDirectory]
    for mount in mounts { texts += [mount.type, mount.source, mount.destination] + mount.options }
    for volume in volumes { texts += [volume.destination] + volume.options }
    for mapping in portMappings { texts += [mapping.hostAddress, mapping.transport] }
    for text in texts where text.containsNUL {
      throw .invalidArgument("configuration", "a text must not contain NUL")
    }
    // INVARIANT I-6: never itself; that what it names exists is the transaction's to check.
    if allDependencies.contains(id) { throw .dependencyOnItself(id) }
  }
}

extension ContainerDetails {
  package static func check(labels: [String: String]) throws(StoreError) {
    for (key, value) in labels {
      guard !key.isEmpty, key.utf8.count <= 4096 else {
        throw .invalidArgument("label", "a label's key has 1 to 4096 bytes")
      }
      if key.containsNUL || value.containsNUL {
        throw .invalidArgument("label", "a text must not contain NUL")
      }
    }
  }
}

/// Something that is mounted into a container.
public struct Mount: Sendable, Hashable {
  /// The file system type, or `bind`.
  public var type: String
  /// What is mounted.
  public var source: String
  /// Where in the container.
  public var destination: String
  /// Mount options as `mount(8)` names them.
  public var options: [String]

  /// A mount of `source` at `destination`.
  public init(type: String = "bind", source: String, destination: String, options: [String] = []) {
    self.type = type
    self.source = source
    self.destination = destination
    self.options = options
  }
}

/// A port of the host that leads to one of the container.
public struct PortMapping: Sendable, Hashable {
  /// The host's address; empty for all.
  public var hostAddress: String
  /// The host's port.
  public var hostPort: UInt16
  /// The container's port.
  public var containerPort: UInt16
  /// `tcp`, `udp` or `sctp`.
  public var transport: String

  /// A mapping of `hostPort` to `containerPort`.
  public init(hostAddress: String = "", hostPort: UInt16, containerPort: UInt16, transport: String = "tcp") {
    self.hostAddress = hostAddress
    self.hostPort = hostPort
    self.containerPort = containerPort
    self.transport = transport
  }
}

/// The kinds of namespace a container can join.
public enum NamespaceKind: String, Sendable, Hashable, CaseIterable {
  /// The kinds, by the names that `/proc/PID/ns` uses (`mount` is `mnt` there).
  case ipc, mount, net, pid, user, uts, cgroup
}

/// What happens when a container's process ends.
public enum RestartPolicy: Sendable, Hashable {
  /// It stays ended.
  case never
  /// It is started again, whatever its exit code.
  case always
  /// It is started again after an exit code other than 0, at most `maximumRetries` times (0: without a
  /// limit).
  case onFailure(maximumRetries: UInt32)
  /// It is started again unless a user stopped it.
  case unlessStopped
}
