package import JSONText

/// The JSON form of the details: members that say nothing but the default are left out.
extension ContainerDetails {
  func encoded() -> JSONBytes {
    var json = JSONWriter(reservingBytes: 1024)
    json.beginObject()
    // What is asked for alone comes first: finding it scans past little.
    json.member("labels", labels)
    if !portMappings.isEmpty {
      json.key("ports")
      json.beginArray()
      for mapping in portMappings { mapping.encode(to: &json) }
      json.endArray()
    }
    let joins = namespaceJoins.map { ($0.key.rawValue, $0.value.rawValue) }
    json.member("namespace_joins", Dictionary(uniqueKeysWithValues: joins))
    json.member("dependencies", dependencies.map(\.rawValue).sorted())
    json.member("pod", pod?.rawValue)
    if !volumes.isEmpty {
      json.key("volumes")
      json.beginArray()
      for volume in volumes { volume.encode(to: &json) }
      json.endArray()
    }
    json.member("process_label", processLabel.isEmpty ? nil : processLabel)
    json.member("mount_label", mountLabel.isEmpty ? nil : mountLabel)
    json.member("shm_directory", sharedMemoryDirectory.isEmpty ? nil : sharedMemoryDirectory)
    json.member("create_network_namespace", createsNetworkNamespace ? true : nil)
    json.member("static_directory", staticDirectory.isEmpty ? nil : staticDirectory)
    json.member("stdin", keepsStandardInputOpen ? true : nil)
    json.member("stop_signal", stopSignal == 0 ? nil : stopSignal)
    json.member("stop_timeout_s", stopTimeoutSeconds)
    json.member("use_image_configuration", usesImageConfiguration ? true : nil)
    json.member("infrastructure", isInfrastructure ? true : nil)
    if restartPolicy != .never { restartPolicy.encode(to: &json) }
    if !mounts.isEmpty {
      json.key("mounts")
      json.beginArray()
      for mount in mounts { mount.encode(to: &json) }
      json.endArray()
    }
    json.endObject()
    return json.finish()
  }

  /// Decodes everything in one pass; members of a later version are passed over.
  init(decoding json: JSONView) throws(JSONError) {
    try json.forEachMember { (key, value) throws(JSONError) in
      switch try key.string() {
      case "labels": labels = try ContainerDetails.strings(value)
      case "namespace_joins": namespaceJoins = try ContainerDetails.namespaceJoins(value)
      case "dependencies": dependencies = try ContainerDetails.ids(value)
      case "pod": pod = ContainerID(unchecked: try value.string())
      case "volumes":
        volumes = try value.map { (volume) throws(JSONError) in try NamedVolume(decoding: volume) }
      case "process_label": processLabel = try value.string()
      case "mount_label": mountLabel = try value.string()
      case "shm_directory": sharedMemoryDirectory = try value.string()
      case "create_network_namespace": createsNetworkNamespace = try value.bool()
      case "static_directory": staticDirectory = try value.string()
      case "stdin": keepsStandardInputOpen = try value.bool()
      case "stop_signal": stopSignal = try value.integer()
      case "stop_timeout_s": stopTimeoutSeconds = try value.integer()
      case "use_image_configuration": usesImageConfiguration = try value.bool()
      case "infrastructure": isInfrastructure = try value.bool()
      case "restart_policy": restartPolicy = try RestartPolicy(decoding: value)
      case "mounts": mounts = try value.map { (mount) throws(JSONError) in try Mount(decoding: mount) }
      case "ports": portMappings = try ContainerDetails.ports(value)
      default: break
      }
    }
  }

  static func labels(in json: JSONView) throws(JSONError) -> [String: String] {
    try strings(json.member("labels"))
  }

  /// What a listing shows of them, as it stands in the text; nil for what there is none of.
  package typealias ShownParts = (labels: JSONBytes?, ports: JSONBytes?)

  package static func shownParts(in json: JSONView) throws(JSONError) -> ShownParts {
    func part(_ key: String, isEmpty: String) throws(JSONError) -> JSONBytes? {
      guard let part = try json.member(key)?.copy(), part.bytes != Array(isEmpty.utf8) else { return nil }
      return part
    }
    return (try part("labels", isEmpty: "{}"), try part("ports", isEmpty: "[]"))
  }

  static func ports(_ json: JSONView) throws(JSONError) -> [PortMapping] {
    try json.map { (port) throws(JSONError) in try PortMapping(decoding: port) }
  }

  static func allDependencies(in json: JSONView) throws(JSONError) -> Set<ContainerID> {
    try ids(json.member("dependencies")).union(namespaceJoins(json.member("namespace_joins")).values)
  }

  static func pod(in json: JSONView) throws(JSONError) -> ContainerID? {
    try json.member("pod").map { (pod) throws(JSONError) in ContainerID(unchecked: try pod.string()) }
  }

  static func volumes(in json: JSONView) throws(JSONError) -> Set<VolumeName> {
    var names: Set<VolumeName> = []
    try json.member("volumes")?.forEachElement { (volume) throws(JSONError) in
      names.insert(VolumeName(unchecked: try volume.text("name")))
    }
    return names
  }

  static func strings(_ json: JSONView?) throws(JSONError) -> [String: String] {
    var strings: [String: String] = [:]
    try json?.forEachMember { (key, value) throws(JSONError) in strings[try key.string()] = try value.string()
    }
    return strings
  }

  private static func namespaceJoins(_ json: JSONView?) throws(JSONError) -> [NamespaceKind: ContainerID] {
    var joins: [NamespaceKind: ContainerID] = [:]
    for (key, id) in try strings(json) {
      if let kind = NamespaceKind(rawValue: key) { joins[kind] = ContainerID(unchecked: id) }
    }
    return joins
  }

  private static func ids(_ json: JSONView?) throws(JSONError) -> Set<ContainerID> {
    var ids: Set<ContainerID> = []
    try json?.forEachElement { (id) throws(JSONError) in ids.insert(ContainerID(unchecked: try id.string())) }
    return ids
  }
}

extension Mount {
  fileprivate func encode(to json: inout JSONWriter) {
    json.beginObject()
    json.member("type", type)
    json.member("source", source)
    json.member("destination", destination)
    json.member("options", options.isEmpty ? nil : options)
    json.endObject()
  }

  fileprivate init(decoding json: JSONView) throws(JSONError) {
    self.init(
      type: try json.text("type"), source: try json.text("source"), destination: try json.text("destination"),
      options: try json.member("options")?.map { (option) throws(JSONError) in try option.string() } ?? [])
  }
}

extension NamedVolume {
  fileprivate func encode(to json: inout JSONWriter) {
    json.beginObject()
    json.member("name", name.rawValue)
    json.member("destination", destination)
    json.member("options", options.isEmpty ? nil : options)
    json.endObject()
  }

  fileprivate init(decoding json: JSONView) throws(JSONError) {
    self.init(
      name: VolumeName(unchecked: try json.text("name")), destination: try json.text("destination"),
      options: try json.member("options")?.map { (option) throws(JSONError) in try option.string() } ?? [])
  }
}

extension PortMapping {
  fileprivate func encode(to json: inout JSONWriter) {
    json.beginObject()
    json.member("host_address", hostAddress.isEmpty ? nil : hostAddress)
    json.member("host_port", hostPort)
    json.member("container_port", containerPort)
    json.member("transport", transport)
    json.endObject()
  }

  fileprivate init(decoding json: JSONView) throws(JSONError) {
    self.init(
      hostAddress: try json.text("host_address"),
      hostPort: try json.member("host_port")?.integer() ?? 0,
      containerPort: try json.member("container_port")?.integer() ?? 0,
      transport: try json.text("transport"))
  }
}

extension RestartPolicy {
  fileprivate func encode(to json: inout JSONWriter) {
    json.key("restart_policy")
    json.beginObject()
    switch self {
    case .never: json.member("name", "never")
    case .always: json.member("name", "always")
    case .unlessStopped: json.member("name", "unless-stopped")
    case .onFailure(let maximumRetries):
      json.member("name", "on-failure")
      json.member("maximum_retries", maximumRetries)
    }
    json.endObject()
  }

  fileprivate init(decoding json: JSONView) throws(JSONError) {
    switch try json.text("name") {
    case "always": self = .always
    case "unless-stopped": self = .unlessStopped
    case "on-failure":
      self = .onFailure(maximumRetries: try json.member("maximum_retries")?.integer() ?? 0)
    default: self = .never
    }
  }
}

extension JSONView {
  /// The string of this member, empty where it is missing.
  fileprivate func text(_ key: String) throws(JSONError) -> String { try member(key)?.string() ?? "" }

  /// The elements of this array, each decoded.
  fileprivate func map<Element>(
    _ decode: (JSONView) throws(JSONError) -> Element
  ) throws(JSONError) -> [Element] {
    var elements: [Element] = []
    try forEachElement { (element) throws(JSONError) in elements.append(try decode(element)) }
    return elements
  }
}
