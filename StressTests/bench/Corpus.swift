internal import CBenchFloor
internal import ContainerStateStore

/// The container that everything is measured with, as engines have it: 27 mounts, 30 environment variables,
/// 13 labels, a specification of about 12 KB, 2 KB of the embedder's own state.
enum Corpus {
  static let details: ContainerDetails = {
    var details = ContainerDetails()
    details.processLabel = "system_u:system_r:container_t:s0:c183,c871"
    details.mountLabel = "system_u:object_r:container_file_t:s0:c183,c871"
    details.sharedMemoryDirectory = "/var/lib/containers/storage/overlay-containers/4a1f/userdata/shm"
    details.staticDirectory = "/var/lib/containers/storage/overlay-containers/4a1f/userdata"
    details.createsNetworkNamespace = true
    details.stopSignal = 15
    details.usesImageConfiguration = true
    for index in 0..<13 {
      details.labels["org.opencontainers.image.label-\(index)"] =
        "a value of ordinary length, number \(index)"
    }
    details.mounts = mountPoints.map {
      Mount(source: $0.source, destination: $0.target, options: mountOptions)
    }
    details.portMappings = (0..<3).map { PortMapping(hostPort: UInt16(8080 + $0), containerPort: 80) }
    return details
  }()

  private static let mountOptions = ["nosuid", "nodev", "rbind", "rprivate"]
  private static let mountPoints: [(source: String, target: String)] = (0..<27).map {
    ("/var/lib/containers/storage/volumes/volume-\($0)/_data", "/srv/data/\($0)")
  }

  static let stateExtra: JSONBytes = {
    var json = JSONWriter(reservingBytes: 2_048)
    json.beginObject()
    json.member("network_status", String(repeating: "interface eth0 ", count: 135))
    json.endObject()
    return json.finish()
  }()

  static let specification: JSONBytes = {
    var json = JSONWriter(reservingBytes: 12_288)
    json.beginObject()
    json.member("ociVersion", "1.2.0")
    json.member("hostname", "4a1f9c8e7d6b")
    json.key("process")
    json.beginObject()
    json.member("args", ["/usr/sbin/nginx", "-g", "daemon off;"])
    json.member("cwd", "/")
    json.member(
      "env", (0..<30).map { "SERVICE_SETTING_NUMBER_\($0)=the value that the image or the user gave" })
    json.endObject()
    json.key("mounts")
    json.beginArray()
    for mount in mountPoints {
      json.beginObject()
      json.member("destination", mount.target)
      json.member("type", "bind")
      json.member("source", mount.source)
      json.member("options", mountOptions)
      json.endObject()
    }
    json.endArray()
    json.key("annotations")
    json.beginObject()
    json.member("org.example.filler", String(repeating: "annotation ", count: 480))
    json.endObject()
    json.endObject()
    return json.finish()
  }()

  /// The state of a container that runs.
  static let state: ContainerState = {
    var state = ContainerState(status: .running)
    state.pid = 4242
    state.pidStartTime = 123_456
    state.monitorPID = 4241
    state.monitorStartTime = 123_450
    state.startedAt = Timestamp(nanosecondsSinceEpoch: 1_700_000_000_000_000_000)
    state.configurationPath = "/var/lib/containers/storage/overlay-containers/4a1f/userdata/config.json"
    state.runDirectory = "/run/containers/storage/overlay-containers/4a1f/userdata"
    state.mountpoint = "/var/lib/containers/storage/overlay/8c21/merged"
    state.networkNamespacePath = "/run/netns/netns-0a1b2c3d"
    state.health = "healthy"
    return state
  }()

  static func configuration(_ index: UInt64, pod: ContainerID? = nil) throws -> ContainerConfiguration {
    var details = details
    details.pod = pod
    return try ContainerConfiguration(
      id: ContainerID(id(index)), name: name(index),
      createdAt: Timestamp(nanosecondsSinceEpoch: 1_600_000_000_000_000_000),
      imageID: id(1 << 40), imageName: "registry.example.org/library/nginx:1.27", details: details)
  }

  /// How many pods there are beside the containers.
  static let podCount = 100

  /// A pod with three labels and the namespaces that pods share.
  static func pod(_ index: UInt64) throws -> PodConfiguration {
    var details = PodDetails()
    details.controlGroupParent = "/machine.slice"
    details.sharedNamespaces = [.net, .ipc, .uts]
    for label in 0..<3 { details.labels["org.example.pod-\(label)"] = "a value of ordinary length" }
    return try PodConfiguration(
      id: ContainerID(id(1 << 41 + index)), name: podName(index),
      createdAt: Timestamp(nanosecondsSinceEpoch: 1_600_000_000_000_000_000), details: details)
  }

  static func podName(_ index: UInt64) -> String { "pod-\(index)" }

  /// The command of an exec session.
  static let command = ["/bin/sh", "-c", "exec /usr/local/bin/check --interval 10 --verbose"]

  /// How a container is connected to a network.
  static let connection: NetworkOptions = {
    var options = NetworkOptions()
    options.aliases = ["web", "4a1f9c8e7d6b"]
    options.interfaceName = "eth1"
    options.hardwareAddress = "02:42:ac:11:00:02"
    return options
  }()

  static func id(_ index: UInt64) -> String {
    text(capacity: 65) { bench_id(index, $0) }
  }

  static func name(_ index: UInt64) -> String {
    text(capacity: 32) { bench_name(index, $0) }
  }

  private static func text(capacity: Int, _ fill: (UnsafeMutablePointer<CChar>) -> Void) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
      guard let start = buffer.baseAddress else { return "" }
      fill(start)
      return String(cString: start)
    }
  }
}
