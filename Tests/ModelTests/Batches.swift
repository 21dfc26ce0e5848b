internal import ContainerStateStore

extension Reference {
  /// All of it or nothing: what `steps` come to is kept only where none of them fails.
  func batch(_ steps: [Operation.BatchStep]) -> Expectation {
    let numbers = Set(steps.compactMap(\.container))
    let podNumbers = Set(steps.compactMap(\.pod))
    let isNamedTwice = !Set(numbers.map(Name.container)).isDisjoint(with: podNumbers.map(Name.pod))
    let isMissing =
      numbers.contains { containers[$0] == nil } || podNumbers.contains { pods[$0] == nil }
      || steps.compactMap(\.volume).contains { volumes[$0] == nil }
    let locking = unless([(isNamedTwice, .invalidArgument), (isMissing, .notFound)]) { "" }
    guard locking == .value("") else { return locking }
    let before = (containers, pods, volumes)
    guard let code = apply(steps) else { return .value("") }
    (containers, pods, volumes) = before
    return .failure([code])
  }

  /// The first rule that is broken: those of single records first, in the order of the steps.
  private func apply(_ steps: [Operation.BatchStep]) -> StoreError.Code? {
    var removed: Set<Int> = []
    var removedPods: Set<Int> = []
    var removedVolumes: Set<Int> = []
    var takesName = false
    for step in steps {
      if let id = step.container, removed.contains(id) { return .removed }
      if let id = step.pod, removedPods.contains(id) { return .removed }
      if let number = step.volume, removedVolumes.contains(number) { return .removed }
      switch step {
      case .status(let id, let status, let revision):
        guard let found = containers[id] else { return .notFound }
        if let revision, revision != found.revision { return .conflict }
        guard found.status.allows(status) else { return .invalidTransition }
        containers[id]?.status = status
        containers[id]?.revision += 1
      case .rename(let id, let name):
        if containers.contains(where: { $0.key != id && $0.value.addition.name == name }) { takesName = true }
        containers[id]?.addition.name = name
        containers[id]?.configurationRevision += 1
      case .path(let id, let path):
        pods[id]?.path = path
        pods[id]?.revision += 1
      case .renamePod(let id, let name):
        if pods.contains(where: { $0.key != id && $0.value.name == name }) { takesName = true }
        pods[id]?.name = name
        pods[id]?.configurationRevision += 1
      case .remove(let id): removed.insert(id)
      case .removePod(let id): removedPods.insert(id)
      case .volumePath(let number, let path):
        volumes[number]?.path = path
        volumes[number]?.revision += 1
      case .rewriteVolume(let number, let label, let revision):
        guard let found = volumes[number] else { return .notFound }
        if let revision, revision != found.configurationRevision { return .conflict }
        volumes[number]?.label = label
        volumes[number]?.configurationRevision += 1
      case .removeVolume(let number): removedVolumes.insert(number)
      }
    }
    if takesName { return .alreadyExists }
    if removed.contains(where: { isInUse($0, besides: removed) }) { return .inUse }
    remove(removed)
    for id in removedPods {
      if !members(of: id).isEmpty { return .inUse }
      pods[id] = nil
    }
    for number in removedVolumes {
      if !users(of: number).isEmpty || volumes[number]?.mounters.isEmpty == false { return .inUse }
      volumes[number] = nil
    }
    return nil
  }
}

extension StoreUnderTest {
  func batch(_ steps: [Operation.BatchStep]) throws {
    let numbers = Set(try steps.compactMap(\.container).map(id))
    let podNumbers = Set(try steps.compactMap(\.pod).map(podID))
    let volumes = Set(try steps.compactMap(\.volume).map(volume))
    try store.withLockedRecords(
      containers: numbers, pods: podNumbers, volumes: volumes, wait: Self.wait
    ) { locked in
      try locked.write(durability: .committed) { batch in
        for step in steps { try collect(step, in: &batch) }
      }
    }
  }

  private func collect(_ step: Operation.BatchStep, in batch: inout RecordBatch) throws {
    switch step {
    case .status(let number, let status, let revision):
      try batch.update(container: id(number), expecting: revision) { $0.status = status }
    case .rename(let number, let name):
      let present = try batch.container(id(number)).configuration
      try batch.rewrite(
        ContainerConfiguration(
          id: present.id, name: Name.name(name), createdAt: present.createdAt, details: present.details(),
          extra: present.extra))
    case .remove(let number): try batch.remove(container: id(number))
    case .path(let number, let path):
      try batch.update(pod: podID(number)) { $0.controlGroupPath = "\(path)" }
    case .renamePod(let number, let name):
      let present = try batch.pod(podID(number)).configuration
      try batch.rewrite(renamed(present, name, present.details()))
    case .removePod(let number): try batch.remove(pod: podID(number))
    case .volumePath(let number, let path):
      try batch.update(volume: volume(number)) { $0.mountpoint = "\(path)" }
    case .rewriteVolume(let number, let label, let revision):
      let present = try batch.volume(volume(number)).configuration
      try batch.rewrite(relabelled(present, label), expecting: revision)
    case .removeVolume(let number): try batch.remove(volume: volume(number))
    }
  }
}
