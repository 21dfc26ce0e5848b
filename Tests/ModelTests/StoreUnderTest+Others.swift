internal import ContainerStateStore

// MARK: - Pods

extension StoreUnderTest {
  func onPods(_ operation: Operation) throws -> String {
    switch operation {
    case .addPod(let number, let name, let label):
      var details = PodDetails()
      if let label { details.labels = ["tier": "\(label)"] }
      try store.addPod(
        PodConfiguration(
          id: podID(number), name: Name.podName(name), createdAt: Timestamp(nanosecondsSinceEpoch: 1),
          details: details), durability: .committed)
    case .pod(let number):
      let pod = try store.pod(podID(number))
      return [
        pod.id.rawValue, pod.name, "\(pod.stateRevision)", "\(pod.configurationRevision)",
        try pod.configuration.details().labels["tier"] ?? "-",
        pod.state.controlGroupPath.isEmpty ? "-" : pod.state.controlGroupPath,
        pod.infrastructure?.rawValue ?? "-",
      ].joined(separator: "|")
    case .lookUpPod(let text): return try store.lookUpPod(text).id.rawValue
    case .hasPod(let number): return "\(try store.hasPod(podID(number)))"
    case .updatePod(let number, let path, let revision):
      try store.withLockedPod(podID(number), wait: Self.wait) { locked in
        try locked.update(expecting: revision, durability: .committed) { $0.controlGroupPath = "\(path)" }
      }
    case .rewritePod(let number, let name, let label):
      try store.withLockedPod(podID(number), wait: Self.wait) { locked in
        var details = try locked.pod.configuration.details()
        details.labels = label.map { ["tier": "\($0)"] } ?? [:]
        let next = try renamed(locked.pod.configuration, name, details)
        try locked.rewrite(next, durability: .committed)
      }
    case .podSummaries: return try podSummaries()
    case .removeLockedPod(let number, let revision):
      try store.withLockedPod(podID(number), wait: Self.wait) {
        try $0.remove(expecting: revision, durability: .committed)
      }
    case .members(let number): return text(try store.members(ofPod: podID(number)).map(\.rawValue))
    case .removePod(let number, let includingMembers):
      let removed = try store.removePod(
        podID(number), includingMembers: includingMembers, wait: Self.wait, durability: .committed)
      return text(removed.map(\.rawValue))
    default: preconditionFailure("no operation on a pod")
    }
    return ""
  }

  func podID(_ number: Int) throws -> ContainerID { try ContainerID(Name.pod(number)) }

  func renamed(
    _ present: PodConfiguration, _ name: Int, _ details: PodDetails
  ) throws -> PodConfiguration {
    try PodConfiguration(
      id: present.id, name: Name.podName(name), createdAt: present.createdAt, details: details)
  }

  private func podSummaries() throws -> String {
    let list = try store.podSummaries()
    guard list.corrupt.isEmpty else { return "\(list.corrupt)" }
    return list.pods.map { pod in
      let counts = ContainerStatus.allCases.map { Int(pod.memberCountByStatus[$0] ?? 0) }
      guard counts.reduce(0, +) == pod.memberCount else { return "the counts differ" }
      return "\(pod.id)=\(pod.name):\(counts)"
    }.joined(separator: " ")
  }
}

// MARK: - Volumes

extension StoreUnderTest {
  func onVolumes(_ operation: Operation) throws -> String {
    switch operation {
    case .addVolume(let number, let storage, let isAnonymous):
      try store.addVolume(
        VolumeConfiguration(
          name: volume(number), createdAt: Timestamp(nanosecondsSinceEpoch: 1),
          storageID: storage.map { try id($0) }, isAnonymous: isAnonymous), durability: .committed)
    case .volume(let number):
      let volume = try store.volume(volume(number))
      return [
        volume.name.rawValue, volume.configuration.storageID?.rawValue ?? "-",
        "\(volume.configuration.isAnonymous)", "\(volume.mountCount)",
        volume.configuration.details.labels["tier"] ?? "-",
        volume.state.mountpoint.isEmpty ? "-" : volume.state.mountpoint, "\(volume.stateRevision)",
        "\(volume.configurationRevision)",
      ].joined(separator: "|")
    case .volumeSummaries(let label, let isUsed):
      var filter = VolumeFilter()
      filter.labels = label.map { [.equals("tier", "\($0)")] } ?? []
      filter.isUsed = isUsed
      let list = try store.volumeSummaries(where: filter)
      guard list.corrupt.isEmpty, try store.volumes(where: filter).map(\.name) == list.volumes.map(\.name)
      else { return "the two listings differ" }
      return text(
        list.volumes.map { "\($0.name)=\($0.isAnonymous):\($0.userCount):\($0.mountCount)" })
    case .updateVolume(let number, let path, let revision):
      return try withVolume(number) { locked in
        try locked.update(expecting: revision, durability: .committed) { $0.mountpoint = "\(path)" }
        return "\(locked.volume.mountCount)"
      }
    case .rewriteVolume(let number, let label, let revision):
      return try withVolume(number) { locked in
        let next = try relabelled(locked.volume.configuration, label)
        try locked.rewrite(next, expecting: revision, durability: .committed)
        return "\(locked.volume.configurationRevision)"
      }
    case .lookUpVolume(let text): return try store.lookUpVolume(text).name.rawValue
    case .mount(let number, let container):
      return try withVolume(number) { "\(try $0.mount(for: id(container), durability: .committed))" }
    case .unmount(let number, let container):
      return try withVolume(number) { "\(try $0.unmount(for: id(container), durability: .committed))" }
    case .volumeUsers(let number): return text(try store.users(ofVolume: volume(number)).map(\.rawValue))
    case .isVolumeStorage(let container): return "\(try store.isVolumeStorage(id(container)))"
    case .removeVolume(let number, let force):
      return text(
        try store.removeVolume(
          volume(number), includingUsers: force, wait: Self.wait, durability: .committed
        ).map(\.rawValue))
    default: preconditionFailure("no operation on a volume")
    }
    return ""
  }

  func relabelled(_ present: VolumeConfiguration, _ label: Int?) throws -> VolumeConfiguration {
    var details = present.details
    details.labels = label.map { ["tier": "\($0)"] } ?? [:]
    return try VolumeConfiguration(
      name: present.name, createdAt: present.createdAt, storageID: present.storageID,
      isAnonymous: present.isAnonymous, details: details)
  }

  private func withVolume(
    _ number: Int, _ body: (borrowing LockedVolume) throws -> String
  ) throws -> String {
    try store.withLockedVolume(volume(number), wait: Self.wait, body)
  }
}

// MARK: - Networks, exec sessions, exit codes

extension StoreUnderTest {
  func onParts(_ operation: Operation) throws -> String {
    switch operation {
    case .connect(let number, let network, let alias):
      try locking(number) { locked in
        try locked.connect(
          NetworkConnection(network: Name.network(network), options: options(alias)), durability: .committed)
      }
    case .modify(let number, let network, let alias):
      try locking(number) { try $0.modify(Name.network(network), options(alias), durability: .committed) }
    case .disconnect(let number, let network):
      try locking(number) { try $0.disconnect(Name.network(network), durability: .committed) }
    case .networks(let number):
      return text(
        try store.networks(of: id(number)).map {
          "\($0.network)=\($0.options.aliases.joined(separator: ","))"
        })
    case .recordExitCode(let number, let code):
      try store.recordExitCode(
        of: id(number), code: code, at: Timestamp(nanosecondsSinceEpoch: 1), durability: .committed)
    case .exitCode(let number): return "\(try store.exitCode(of: id(number)).code)"
    case .pruneExitCodes: return "\(try store.pruneExitCodes(olderThan: .zero).count)"
    default: return try onSessions(operation)
    }
    return ""
  }

  private func onSessions(_ operation: Operation) throws -> String {
    switch operation {
    case .addSession(let session, let number):
      let session = ExecSession(
        id: try sessionID(session), container: try id(number), command: ["sh"],
        createdAt: Timestamp(nanosecondsSinceEpoch: 1))
      try locking(number) { try $0.addExecSession(session) }
    case .setSession(let session, let status):
      let found = try store.execSession(sessionID(session))
      try store.withLockedContainer(found.container, wait: Self.wait) { locked in
        try locked.updateExecSession(found.id) { $0.status = status }
      }
    case .removeSession(let session):
      let found = try store.execSession(sessionID(session))
      try store.withLockedContainer(found.container, wait: Self.wait) { try $0.removeExecSession(found.id) }
    case .removeAllSessions(let number): try locking(number) { _ = try $0.removeAllExecSessions() }
    case .sessions(let number):
      return text(try store.execSessions(of: id(number)).map { "\($0.id)=\($0.status)" })
    default: preconditionFailure("no operation on an exec session")
    }
    return ""
  }

  private func locking(_ number: Int, _ body: (borrowing LockedContainer) throws -> Void) throws {
    try store.withLockedContainer(id(number), wait: Self.wait, body)
  }

  private func sessionID(_ number: Int) throws -> ContainerID { try ContainerID(Name.session(number)) }

  func options(_ alias: Int) -> NetworkOptions {
    var options = NetworkOptions()
    options.aliases = ["\(alias)"]
    return options
  }
}
