internal import ContainerStateStore

extension JSONWriter {
  /// A member whose value is an array of ports.
  mutating func ports(_ key: String, _ ports: [PortMapping]) {
    objects(key, ports) { json, port in
      json.member("host_address", port.hostAddress)
      json.member("host_port", port.hostPort)
      json.member("container_port", port.containerPort)
      json.member("transport", port.transport)
    }
  }
}

extension PortMapping {
  /// `8080->80/tcp`, after the host's address where it is not all of them.
  var forPeople: String {
    let address = hostAddress.contains(":") ? "[\(hostAddress)]" : hostAddress
    return (hostAddress.isEmpty ? "" : address + ":") + "\(hostPort)->\(containerPort)/\(transport)"
  }
}
