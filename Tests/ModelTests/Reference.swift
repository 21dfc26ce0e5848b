internal import ContainerStateStore

/// The store as arithmetic: what each operation means, in memory and without regard to speed.
///
/// It keeps the rules of `docs/architecture.md` by number, and says of an operation that breaks several rules
/// at once only that one of their codes must come.
final class Reference {
  struct StoredContainer {
    var addition: Operation.AddContainer
    let order: Int
    var status = ContainerStatus.configured
    var extra: Int?
    var exitCode: Int32?
    var revision: Int64 = 1
    var configurationRevision: Int64 = 1
    var networks: [Int: Int] = [:]
  }

  struct StoredPod {
    var name: Int
    var label: Int?
    let order: Int
    var path: Int?
    var revision: Int64 = 1
    var configurationRevision: Int64 = 1
  }

  struct StoredVolume {
    let storage: Int?
    let isAnonymous: Bool
    var mounters: Set<Int> = []
    var label: Int?
    var path: Int?
    var revision: Int64 = 1
    var configurationRevision: Int64 = 1
  }

  struct StoredSession {
    let container: Int
    var status = ExecSessionStatus.created
  }

  var containers: [Int: StoredContainer] = [:]
  var pods: [Int: StoredPod] = [:]
  var volumes: [Int: StoredVolume] = [:]
  var sessions: [Int: StoredSession] = [:]
  var exitCodes: [Int: Int32] = [:]
  var added = 0

  /// Does it, and says what it has to come to.
  func perform(_ operation: Operation) -> Expectation {
    switch operation {
    case .addPod, .pod, .lookUpPod, .hasPod, .updatePod, .rewritePod, .members, .podSummaries, .removePod,
      .removeLockedPod:
      onPods(operation)
    case .batch(let steps): batch(steps)
    case .addVolume, .volume, .lookUpVolume, .mount, .unmount, .volumeUsers, .isVolumeStorage, .removeVolume,
      .updateVolume, .rewriteVolume, .volumeSummaries:
      onVolumes(operation)
    case .connect, .modify, .disconnect, .networks, .addSession, .setSession, .removeSession,
      .removeAllSessions, .sessions, .recordExitCode, .exitCode, .pruneExitCodes:
      onParts(operation)
    case .reopen: .value("")
    case .reboot: reboot()
    default: onContainers(operation)
    }
  }

  /// Every rule that is broken, or what `body` makes of it.
  func unless(_ broken: [(Bool, StoreError.Code)], _ body: () -> String) -> Expectation {
    let codes = Set(broken.filter(\.0).map(\.1))
    return codes.isEmpty ? .value(body()) : .failure(codes)
  }

  // MARK: - Containers

  private func onContainers(_ operation: Operation) -> Expectation {
    switch operation {
    case .add(let addition): return add(addition)
    case .container(let id): return unless([(containers[id] == nil, .notFound)]) { describe(id) }
    case .lookUp(let text): return lookUp(text)
    case .has(let id): return .value("\(containers[id] != nil)")
    case .list(let filter): return .value(list(filter))
    case .setStatus(let id, let status, let revision):
      guard let found = containers[id] else { return .failure([.notFound]) }
      return unless([
        (!found.status.allows(status), .invalidTransition),
        (revision.map { $0 != found.revision } ?? false, .conflict),
      ]) {
        containers[id]?.status = status
        containers[id]?.revision += 1
        return "\(found.revision + 1)"
      }
    case .setExtra(let id, let extra):
      return unless([(containers[id] == nil, .notFound)]) {
        containers[id]?.extra = extra
        containers[id]?.revision += 1
        return ""
      }
    case .setBoth(let id, let status, let extra):
      guard let found = containers[id] else { return .failure([.notFound]) }
      return unless([(!found.status.allows(status), .invalidTransition)]) {
        containers[id]?.status = status
        containers[id]?.extra = extra
        containers[id]?.revision += 1
        return ""
      }
    case .recordExit(let id, let code):
      guard let found = containers[id] else { return .failure([.notFound]) }
      return unless([(!found.status.allows(.stopped), .invalidTransition)]) {
        containers[id]?.status = .stopped
        containers[id]?.exitCode = code
        containers[id]?.revision += 1
        exitCodes[id] = code
        return ""
      }
    case .remove(let id, let revision):
      guard let found = containers[id] else { return .failure([.notFound]) }
      return unless([
        (revision.map { $0 != found.revision } ?? false, .conflict), (isInUse(id, besides: [id]), .inUse),
      ]) {
        remove([id])
        return ""
      }
    case .removeTree(let roots, let includingDependants):
      return removeTree(Set(roots), includingDependants: includingDependants)
    case .rewrite(let id, let name, let label):
      guard containers[id] != nil else { return .failure([.notFound]) }
      let isTaken = containers.contains { $0.key != id && $0.value.addition.name == name }
      return unless([(isTaken, .alreadyExists)]) {
        containers[id]?.addition.name = name
        containers[id]?.addition.label = label
        containers[id]?.configurationRevision += 1
        return ""
      }
    case .dependants(let id):
      return unless([(containers[id] == nil, .notFound)]) { text(dependants(of: id).map(Name.container)) }
    case .dependencies(let id):
      return unless([(containers[id] == nil, .notFound)]) {
        text((containers[id]?.addition.dependencies ?? []).map(Name.container))
      }
    default: preconditionFailure("not an operation on a container")
    }
  }

  private func add(_ addition: Operation.AddContainer) -> Expectation {
    let isPodsID = pods.keys.contains { Name.pod($0) == Name.container(addition.id) }
    let dependencies = addition.dependencies.map { containers[$0] }
    let existing = dependencies.compactMap(\.self)
    let hasInfrastructure = containers.values.contains {
      $0.addition.pod == addition.pod && $0.addition.isInfrastructure
    }
    return unless([
      (addition.dependencies.contains(addition.id), .invalidArgument),
      (addition.pod.map { Name.pod($0) == Name.container(addition.id) } ?? false, .invalidArgument),
      (containers[addition.id] != nil || isPodsID, .alreadyExists),
      (containers.values.contains { $0.addition.name == addition.name }, .alreadyExists),
      (addition.pod.map { pods[$0] == nil } ?? false, .notFound),
      (dependencies.contains { $0 == nil }, .notFound),
      (existing.contains { $0.addition.pod != addition.pod }, .wrongPod),
      (addition.isInfrastructure && hasInfrastructure, .alreadyExists),
      (addition.volumes.contains { volumes[$0] == nil }, .notFound),
      (Set(addition.networks).count < addition.networks.count, .alreadyConnected),
    ]) {
      added += 1
      containers[addition.id] = StoredContainer(addition: addition, order: added)
      for network in addition.networks { containers[addition.id]?.networks[network] = 0 }
      return ""
    }
  }

  private func lookUp(_ text: String) -> Expectation {
    resolve(
      text, names: containers.map { (Name.name($0.value.addition.name), $0.key) },
      ids: containers.keys.map { (Name.container($0), $0) }
    ) { Name.container($0) }
  }

  /// Exact name, exact id, unique beginning of an id.
  func resolve(
    _ text: String, names: [(String, Int)], ids: [(String, Int)], _ show: (Int) -> String
  ) -> Expectation {
    if let named = names.first(where: { $0.0 == text }) ?? ids.first(where: { $0.0 == text }) {
      return .value(show(named.1))
    }
    let matches = ids.filter { $0.0.hasPrefix(text) }
    guard let only = matches.first else { return .failure([.notFound]) }
    return matches.count == 1 ? .value(show(only.1)) : .failure([.ambiguous])
  }

  private func list(_ filter: Operation.Filter) -> String {
    let found = containers.filter { id, container in
      (filter.statuses?.contains(container.status) ?? true)
        && (filter.label == nil || container.addition.label == filter.label)
        && (filter.pod == nil || container.addition.pod == filter.pod)
        && (filter.volume.map(container.addition.volumes.contains) ?? true)
        && (filter.network.map { container.networks[$0] != nil } ?? true)
        && (filter.extra == nil || container.extra == filter.extra)
    }
    return found.sorted { $0.value.order > $1.value.order }.map { Name.container($0.key) }
      .joined(separator: " ")
  }

  // MARK: - Removal

  func dependants(of id: Int) -> [Int] {
    containers.filter { $0.value.addition.dependencies.contains(id) }.map(\.key)
  }

  /// INVARIANT I-5, with those left out that go in the same step.
  func isInUse(_ id: Int, besides others: Set<Int>) -> Bool {
    !others.isSuperset(of: dependants(of: id)) || sessions.values.contains { $0.container == id }
  }

  private func removeTree(_ roots: Set<Int>, includingDependants: Bool) -> Expectation {
    guard roots.allSatisfy({ containers[$0] != nil }) else { return .failure([.notFound]) }
    var all = roots
    while includingDependants {
      let more = all.union(all.flatMap(dependants(of:)))
      if more == all { break }
      all = more
    }
    return unless([(all.contains { isInUse($0, besides: all) }, .inUse)]) {
      remove(all)
      return text(all.map(Name.container))
    }
  }

  /// Anonymous volumes that nobody else uses go with them.
  func remove(_ ids: Set<Int>) {
    let used = Set(ids.flatMap { containers[$0]?.addition.volumes ?? [] })
    for id in ids { containers[id] = nil }
    for volume in volumes.keys { volumes[volume]?.mounters.subtract(ids) }
    for number in used where users(of: number).isEmpty {
      if let volume = volumes[number], volume.isAnonymous, volume.mounters.isEmpty { volumes[number] = nil }
    }
  }

  func users(of volume: Int) -> [Int] {
    containers.filter { $0.value.addition.volumes.contains(volume) }.map(\.key)
  }

  // MARK: - The store as a whole

  private func reboot() -> Expectation {
    for (id, container) in containers {
      var next = container
      next.status = container.status.afterReboot
      if [.running, .paused, .stopping].contains(container.status), container.exitCode == nil {
        next.exitCode = exitCodes[id] ?? ContainerState.unknownExitCode
        exitCodes[id] = next.exitCode
      }
      if next.status != container.status || next.exitCode != container.exitCode { next.revision += 1 }
      containers[id] = next
    }
    sessions = [:]
    for (number, volume) in volumes where volume.path != nil || !volume.mounters.isEmpty {
      volumes[number]?.mounters = []
      volumes[number]?.path = nil
      volumes[number]?.revision += 1
    }
    return .value("")
  }

  // MARK: - Words

  func text(_ words: [String]) -> String { words.sorted().joined(separator: " ") }

  func shown<Value>(_ value: Value?) -> String { value.map { "\($0)" } ?? "-" }

  func describe(_ id: Int) -> String {
    guard let found = containers[id] else { return "" }
    let addition = found.addition
    var parts = [Name.container(id), Name.name(addition.name), found.status.name]
    parts += ["\(found.revision)", "\(found.configurationRevision)", shown(addition.label)]
    parts += [text(addition.dependencies.map(Name.container)), addition.pod.map(Name.pod) ?? "-"]
    parts += [text(addition.volumes.map(Name.volume)), shown(found.extra), shown(found.exitCode)]
    return parts.joined(separator: "|")
  }
}
