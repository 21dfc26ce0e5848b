import ContainerStateStore
import Foundation

/// The configuration of one container, about 4 KB of JSON: one field of it, all of it, and Foundation's way.
func measureJSON() throws {
  var details = ContainerDetails()
  for i in 0..<20 { details.labels["org.example.label.number\(i)"] = "a value of some length \(i)" }
  for i in 0..<16 {
    details.mounts.append(
      Mount(source: "/var/lib/volumes/volume\(i)/_data", destination: "/data/\(i)", options: ["rbind", "ro"]))
  }
  for i in 0..<8 { details.portMappings.append(PortMapping(hostPort: UInt16(8000 + i), containerPort: 80)) }
  let configuration = try ContainerConfiguration(
    id: ContainerID("a"), name: "a", createdAt: .now, details: details)
  let json = try JSONSerialization.data(withJSONObject: foundationObject(details))
  print(json.count, "bytes")
  let labels = try median("labels()", count: 500) { _ = try configuration.labels() }
  let whole = try median("details()", count: 500) { _ = try configuration.details() }
  let bytes = JSONBytesCopy(Array(json))
  let validated = try median("JSONBytes(_:), which validates", count: 500) { try bytes.validate() }
  let decoder = JSONDecoder()
  let decoded = try median("JSONDecoder", count: 200) { _ = try decoder.decode(Decoded.self, from: json) }
  print("ratios: JSONDecoder / details()", rounded(decoded / whole), "/ labels()", rounded(decoded / labels))
  print("JSONDecoder / validation", rounded(decoded / validated))
}

private struct JSONBytesCopy {
  let bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
  func validate() throws { _ = try JSONBytes(bytes) }
}

private struct Decoded: Decodable {
  struct DecodedMount: Decodable { let type, source, destination: String; let options: [String] }
  struct DecodedPort: Decodable { let host_port, container_port: UInt16; let transport: String }
  let labels: [String: String]
  let mounts: [DecodedMount]
  let ports: [DecodedPort]
}

private func foundationObject(_ details: ContainerDetails) -> [String: Any] {
  let mounts = details.mounts.map {
    ["type": $0.type, "source": $0.source, "destination": $0.destination, "options": $0.options]
      as [String: Any]
  }
  let ports = details.portMappings.map {
    ["host_port": $0.hostPort, "container_port": $0.containerPort, "transport": $0.transport] as [String: Any]
  }
  return ["labels": details.labels, "mounts": mounts, "ports": ports]
}
