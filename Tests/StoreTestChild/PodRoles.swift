internal import ContainerStateStore

/// What the role `store` does to pods and to several records at once.
extension StoreSession {
  /// Performs one command on the pod of this id; nil where there is no such command.
  func performOnPod(_ command: String, _ id: ContainerID, _ operands: [String]) throws -> String? {
    switch command {
    case "remove-pod": try store.removePod(id, includingMembers: true, wait: Self.wait)
    case "add-to-pod": try add(ContainerID(operands[0]), to: id)
    case "write-batch":
      try writeBatch(pod: id, changed: ContainerID(operands[0]), removed: ContainerID(operands[1]))
    default: return nil
    }
    return ""
  }

  private func add(_ id: ContainerID, to pod: ContainerID) throws {
    var details = ContainerDetails()
    details.pod = pod
    let configuration = try ContainerConfiguration(
      id: id, name: "name-\(id)", createdAt: .now, details: details)
    try store.add(
      configuration, specification: JSONBytes("{}"), networks: [NetworkConnection(network: "net")])
  }

  private func writeBatch(pod: ContainerID, changed: ContainerID, removed: ContainerID) throws {
    try store.withLockedRecords(containers: [changed, removed], pods: [pod], wait: Self.wait) { locked in
      try locked.write { batch in
        try batch.update(pod: pod) { $0.controlGroupPath = "/pod" }
        try batch.update(container: changed) { $0.status = .created }
        try batch.remove(container: removed)
      }
    }
  }
}
