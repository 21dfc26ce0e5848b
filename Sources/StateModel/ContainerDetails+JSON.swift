internal import JSONText

/// The JSON form of the details: members that say nothing but the default are left out.
extension ContainerDetails {
  func encoded() -> JSONBytes {
    var json = JSONWriter(reservingBytes: 1024)
    json.beginObject()
    json.member("process_label", processLabel.isEmpty ? nil : processLabel)
    json.member("mount_label", mountLabel.isEmpty ? nil : mountLabel)
    // Before the long lists: a listing that asks for labels scans past little.
    if !labels.isEmpty { json.member("labels", labels) }
    json.member("shm_directory", sharedMemoryDirectory.isEmpty ? nil : sharedMemoryDirectory)
    json.member("create_network_namespace", createsNetworkNamespace ? true : nil)
    json.member("static_directory", staticDirectory.isEmpty ? nil : staticDirectory)
    json.member("stdin", keepsStandardInputOpen ? true : nil)
    json.member("stop_signal", stopSignal == 0 ? nil : stopSignal)
    json.member("stop_timeout_s", stopTimeoutSeconds)
    json.member("use_image_configuration", usesImageConfiguration ? true : nil)
    json.member("infrastructure", isInfrastructure ? true : nil)
    if restartPolicy != .never { restartPolicy.encode(to: &json) }
    if !namespaceJoins.isEmpty {
      let joins = namespaceJoins.map { ($0.key.rawValue, $0.value.rawValue) }
      json.member("namespace_joins", Dictionary(uniqueKeysWithValues: joins))
    }
    if !dependencies.isEmpty { json.member("dependencies", dependencies.map(\.rawValue).sorted()) }
    if !mounts.isEmpty {
      json.key("mounts")
      json.beginArray()
      for mount in mounts { mount.encode(to: &json) }
      json.endArray()
    }
    if !portMappings.isEmpty {
      json.key("ports")
      json.beginArray()
      for mapping in portMappings { mapping.encode(to: &json) }
      json.endArray()
    }
    json.endObject()
    return json.finish()
  }

  init(decoding json: JSONView) throws(JSONError) {
    processLabel = try json.text("process_label")
    mountLabel = try json.text("mount_label")
    mounts = try json.list("mounts") { (element) throws(JSONError) in try Mount(decoding: element) }
    sharedMemoryDirectory = try json.text("shm_directory")
    createsNetworkNamespace = try json.member("create_network_namespace")?.bool() ?? false
    portMappings = try json.list("ports") { (element) throws(JSONError) in try PortMapping(decoding: element)
    }
    staticDirectory = try json.text("static_directory")
    keepsStandardInputOpen = try json.member("stdin")?.bool() ?? false
    labels = try ContainerDetails.labels(in: json)
    stopSignal = Int32(truncatingIfNeeded: try json.member("stop_signal")?.int64() ?? 0)
    stopTimeoutSeconds = UInt32(truncatingIfNeeded: try json.member("stop_timeout_s")?.int64() ?? 10)
    usesImageConfiguration = try json.member("use_image_configuration")?.bool() ?? false
    isInfrastructure = try json.member("infrastructure")?.bool() ?? false
    restartPolicy = try RestartPolicy(decoding: json.member("restart_policy"))
    for (kind, target) in try json.member("namespace_joins")?.members() ?? [] {
      guard let kind = NamespaceKind(rawValue: kind) else { continue }
      namespaceJoins[kind] = ContainerID(unchecked: try target.string())
    }
    dependencies = Set(
      try json.list("dependencies") { (element) throws(JSONError) in
        ContainerID(unchecked: try element.string())
      })
  }

  static func labels(in json: JSONView) throws(JSONError) -> [String: String] {
    var labels: [String: String] = [:]
    for (key, value) in try json.member("labels")?.members() ?? [] { labels[key] = try value.string() }
    return labels
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
      options: try json.list("options") { (element) throws(JSONError) in try element.string() })
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
      hostPort: UInt16(truncatingIfNeeded: try json.member("host_port")?.int64() ?? 0),
      containerPort: UInt16(truncatingIfNeeded: try json.member("container_port")?.int64() ?? 0),
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

  fileprivate init(decoding json: JSONView?) throws(JSONError) {
    switch try json?.text("name") {
    case "always": self = .always
    case "unless-stopped": self = .unlessStopped
    case "on-failure":
      self = .onFailure(
        maximumRetries: UInt32(truncatingIfNeeded: try json?.member("maximum_retries")?.int64() ?? 0))
    default: self = .never
    }
  }
}

extension JSONView {
  /// The string of this member, empty where it is missing.
  fileprivate func text(_ key: String) throws(JSONError) -> String { try member(key)?.string() ?? "" }

  /// The elements of this member, none where it is missing.
  fileprivate func list<Element>(
    _ key: String, _ decode: (JSONView) throws(JSONError) -> Element
  ) throws(JSONError) -> [Element] {
    var list: [Element] = []
    for element in try member(key)?.elements() ?? [] { list.append(try decode(element)) }
    return list
  }
}
