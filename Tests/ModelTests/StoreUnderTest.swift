internal import ContainerStateStore
internal import StoreTestSupport

/// A store in a place of its own that performs operations and says what they came to.
final class StoreUnderTest {
  private let directory: TemporaryDirectory
  private(set) var store: StateStore
  private var boot = 1
  private var added: Int64 = 0

  init() throws {
    directory = try TemporaryDirectory()
    store = try StoreUnderTest.open(directory.path("store"), boot: 1)
    try store.declareExtraIndex(ExtraIndex(.containerState, path: ["tier"]), durability: .committed)
  }

  private static func open(_ root: String, boot: Int) throws -> StateStore {
    var options = StoreOptions()
    options.bootID = "boot-\(boot)"
    return try StateStore(at: StoreLocation(root: root), options: options)
  }

  /// What `verify` finds.
  func violations() throws -> [Violation] { try store.verify() }

  func perform(_ operation: Operation) throws -> Outcome {
    do { return .value(try value(of: operation)) } catch let error as StoreError {
      return .failure(error.code)
    }
  }

  private func value(of operation: Operation) throws -> String {
    switch operation {
    case .reopen: try reopen(boot: boot)
    case .reboot: try reopen(boot: boot + 1)
    case .addPod, .pod, .lookUpPod, .hasPod, .updatePod, .rewritePod, .members, .podSummaries, .removePod,
      .removeLockedPod:
      return try onPods(operation)
    case .addVolume, .volume, .lookUpVolume, .mount, .unmount, .volumeUsers, .isVolumeStorage, .removeVolume,
      .updateVolume, .rewriteVolume, .volumeSummaries:
      return try onVolumes(operation)
    case .batch(let steps): try batch(steps)
    case .connect, .modify, .disconnect, .networks, .addSession, .setSession, .removeSession,
      .removeAllSessions, .sessions, .recordExitCode, .exitCode, .pruneExitCodes:
      return try onParts(operation)
    default: return try onContainers(operation)
    }
    return ""
  }

  private func reopen(boot next: Int) throws {
    try store.close()
    boot = next
    store = try StoreUnderTest.open(directory.path("store"), boot: boot)
  }

  private func json(_ extra: Int) throws -> JSONBytes { try JSONBytes("{\"tier\":\(extra)}") }

  static let wait = LockWait.upTo(.seconds(10))

  // MARK: - Containers

  private func onContainers(_ operation: Operation) throws -> String {
    switch operation {
    case .add(let addition): try add(addition)
    case .container(let number): return try describe(store.container(id(number)))
    case .lookUp(let text): return try store.lookUpContainer(text).id.rawValue
    case .has(let number): return "\(try store.hasContainer(id(number)))"
    case .list(let filter): return try list(filter)
    case .setStatus(let number, let status, let revision):
      return try store.withLockedContainer(id(number), wait: Self.wait) { locked in
        try locked.update(expecting: revision, durability: .committed) { $0.status = status }
        return "\(locked.container.stateRevision)"
      }
    case .setExtra(let number, let extra):
      try store.withLockedContainer(id(number), wait: Self.wait) { locked in
        try locked.setStateExtra(extra.map(json), durability: .committed)
      }
    case .setBoth(let number, let status, let extra):
      try store.withLockedContainer(id(number), wait: Self.wait) { locked in
        try locked.update(stateExtra: extra.map(json), durability: .committed) { $0.status = status }
      }
    case .recordExit(let number, let code):
      try store.withLockedContainer(id(number), wait: Self.wait) { locked in
        try locked.recordExit(
          code: code, finishedAt: Timestamp(nanosecondsSinceEpoch: 1), durability: .committed)
      }
    case .remove(let number, let revision):
      try store.withLockedContainer(id(number), wait: Self.wait) {
        try $0.remove(expecting: revision, durability: .committed)
      }
    case .removeTree(let numbers, let includingDependants):
      let removed = try store.remove(
        Set(numbers.map(id)), includingDependants: includingDependants, wait: Self.wait,
        durability: .committed)
      return text(removed.map(\.rawValue))
    case .rewrite(let number, let name, let label): try rewrite(number, name, label)
    case .dependants(let number): return text(try store.dependants(of: id(number)).map(\.rawValue))
    case .dependencies(let number): return text(try store.dependencies(of: id(number)).map(\.rawValue))
    default: preconditionFailure("no operation on a container")
    }
    return ""
  }

  private func rewrite(_ number: Int, _ name: Int, _ label: Int?) throws {
    try store.withLockedContainer(id(number), wait: Self.wait) { locked in
      let present = locked.container.configuration
      var details = try present.details()
      details.labels = label.map { ["tier": "\($0)"] } ?? [:]
      let next = try ContainerConfiguration(
        id: present.id, name: Name.name(name), createdAt: present.createdAt, details: details,
        extra: present.extra)
      try locked.rewrite(next, durability: .committed)
    }
  }

  func text(_ words: [String]) -> String { words.sorted().joined(separator: " ") }

  func id(_ number: Int) throws -> ContainerID { try ContainerID(Name.container(number)) }

  func volume(_ number: Int) throws -> VolumeName { try VolumeName(Name.volume(number)) }

  private func add(_ addition: Operation.AddContainer) throws {
    var details = ContainerDetails()
    details.dependencies = Set(try addition.dependencies.map(id))
    details.pod = try addition.pod.map { try ContainerID(Name.pod($0)) }
    details.isInfrastructure = addition.isInfrastructure
    details.volumes = try addition.volumes.map { NamedVolume(name: try volume($0), destination: "/data") }
    if let label = addition.label { details.labels = ["tier": "\(label)"] }
    added += 1
    let configuration = try ContainerConfiguration(
      id: id(addition.id), name: Name.name(addition.name),
      createdAt: Timestamp(nanosecondsSinceEpoch: added), details: details)
    let networks = try addition.networks.map {
      try NetworkConnection(network: Name.network($0), options: options(0))
    }
    try store.add(
      configuration, specification: JSONBytes("{}"), networks: networks, durability: .committed)
  }

  private func list(_ filter: Operation.Filter) throws -> String {
    var conditions = ContainerFilter()
    conditions.statuses = filter.statuses
    conditions.pod = filter.pod.map(Name.pod)
    conditions.volume = filter.volume.map(Name.volume)
    conditions.network = filter.network.map(Name.network)
    if let label = filter.label { conditions.labels = [.equals("tier", "\(label)")] }
    if let extra = filter.extra {
      conditions.extra = [.init(.state, path: ["tier"], equals: .integer(Int64(extra)))]
    }
    let found = try store.containers(where: conditions)
    let summaries = try store.containerSummaries(where: conditions)
    guard summaries.containers.map(\.id) == found.map(\.id), summaries.corrupt.isEmpty else {
      return "the two listings differ"
    }
    return found.map(\.id.rawValue).joined(separator: " ")
  }

  private func describe(_ container: Container) throws -> String {
    let details = try container.configuration.details()
    let parts = [
      container.id.rawValue, container.name, container.status.name, "\(container.stateRevision)",
      "\(container.configurationRevision)", details.labels["tier"] ?? "-",
      text(details.dependencies.map(\.rawValue)), details.pod?.rawValue ?? "-",
      text(details.volumes.map(\.name.rawValue)),
      try container.stateExtra.map { "\(try $0.root.at("tier")?.int64() ?? -1)" } ?? "-",
      container.state.exitCode.map(String.init) ?? "-",
    ]
    return parts.joined(separator: "|")
  }
}
