internal import ContainerStateStore

// MARK: - Pods

extension Reference {
  func onPods(_ operation: Operation) -> Expectation {
    switch operation {
    case .addPod(let id, let name, let label):
      let isContainersID = containers.keys.contains { Name.container($0) == Name.pod(id) }
      return unless([
        (pods[id] != nil || isContainersID, .alreadyExists),
        (pods.values.contains { $0.name == name }, .alreadyExists),
      ]) {
        added += 1
        pods[id] = StoredPod(name: name, label: label, order: added)
        return ""
      }
    case .pod(let id):
      guard let pod = pods[id] else { return .failure([.notFound]) }
      let infrastructure = containers.first {
        $0.value.addition.pod == id && $0.value.addition.isInfrastructure
      }
      var parts = [Name.pod(id), Name.podName(pod.name), "\(pod.revision)"]
      parts += ["\(pod.configurationRevision)", shown(pod.label)]
      parts += [shown(pod.path), infrastructure.map { Name.container($0.key) } ?? "-"]
      return .value(parts.joined(separator: "|"))
    case .lookUpPod(let text):
      return resolve(
        text, names: pods.map { (Name.podName($0.value.name), $0.key) },
        ids: pods.keys.map { (Name.pod($0), $0) }
      ) { Name.pod($0) }
    case .hasPod(let id): return .value("\(pods[id] != nil)")
    case .updatePod(let id, let path, let revision):
      guard let found = pods[id] else { return .failure([.notFound]) }
      return unless([(revision.map { $0 != found.revision } ?? false, .conflict)]) {
        pods[id]?.path = path
        pods[id]?.revision += 1
        return ""
      }
    case .rewritePod(let id, let name, let label):
      guard pods[id] != nil else { return .failure([.notFound]) }
      return unless([(pods.contains { $0.key != id && $0.value.name == name }, .alreadyExists)]) {
        pods[id]?.name = name
        pods[id]?.label = label
        pods[id]?.configurationRevision += 1
        return ""
      }
    case .podSummaries: return .value(podSummaries())
    case .removeLockedPod(let id, let revision):
      guard let found = pods[id] else { return .failure([.notFound]) }
      return unless([
        (revision.map { $0 != found.revision } ?? false, .conflict), (!members(of: id).isEmpty, .inUse),
      ]) {
        pods[id] = nil
        return ""
      }
    case .members(let id):
      return unless([(pods[id] == nil, .notFound)]) { text(members(of: id).map(Name.container)) }
    case .removePod(let id, let includingMembers): return removePod(id, includingMembers)
    default: preconditionFailure("not an operation on a pod")
    }
  }

  func members(of pod: Int) -> [Int] {
    containers.filter { $0.value.addition.pod == pod }.map(\.key)
  }

  /// Newest first, with how many containers have which status.
  private func podSummaries() -> String {
    pods.sorted { $0.value.order > $1.value.order }.map { id, pod in
      let statuses = members(of: id).compactMap { containers[$0]?.status }
      let counts = ContainerStatus.allCases.map { status in statuses.count { $0 == status } }
      return "\(Name.pod(id))=\(Name.podName(pod.name)):\(counts)"
    }.joined(separator: " ")
  }

  /// INVARIANT I-7.
  private func removePod(_ id: Int, _ includingMembers: Bool) -> Expectation {
    guard pods[id] != nil else { return .failure([.notFound]) }
    let members = Set(members(of: id))
    return unless([
      (!includingMembers && !members.isEmpty, .inUse),
      (includingMembers && members.contains { isInUse($0, besides: members) }, .inUse),
    ]) {
      remove(members)
      pods[id] = nil
      return text(members.map(Name.container))
    }
  }
}

// MARK: - Volumes

extension Reference {
  func onVolumes(_ operation: Operation) -> Expectation {
    switch operation {
    case .addVolume(let number, let storage, let isAnonymous):
      return unless([(volumes[number] != nil, .alreadyExists)]) {
        volumes[number] = StoredVolume(storage: storage, isAnonymous: isAnonymous)
        return ""
      }
    case .volume(let number):
      guard let volume = volumes[number] else { return .failure([.notFound]) }
      var parts = [Name.volume(number), volume.storage.map(Name.container) ?? "-"]
      parts += ["\(volume.isAnonymous)", "\(volume.mounters.count)", shown(volume.label), shown(volume.path)]
      parts += ["\(volume.revision)", "\(volume.configurationRevision)"]
      return .value(parts.joined(separator: "|"))
    case .volumeSummaries(let label, let isUsed):
      let found = volumes.filter { number, volume in
        (label == nil || volume.label == label) && (isUsed == nil || users(of: number).isEmpty != isUsed)
      }
      return .value(
        text(
          found.map { number, volume in
            "\(Name.volume(number))=\(volume.isAnonymous):\(users(of: number).count):\(volume.mounters.count)"
          }))
    case .updateVolume(let number, let path, let revision):
      guard let found = volumes[number] else { return .failure([.notFound]) }
      return unless([(revision.map { $0 != found.revision } ?? false, .conflict)]) {
        volumes[number]?.path = path
        volumes[number]?.revision += 1
        return "\(found.mounters.count)"
      }
    case .rewriteVolume(let number, let label, let revision):
      guard let found = volumes[number] else { return .failure([.notFound]) }
      return unless([(revision.map { $0 != found.configurationRevision } ?? false, .conflict)]) {
        volumes[number]?.label = label
        volumes[number]?.configurationRevision += 1
        return "\(found.configurationRevision + 1)"
      }
    case .lookUpVolume(let text):
      return resolve(text, names: [], ids: volumes.keys.map { (Name.volume($0), $0) }) { Name.volume($0) }
    case .mount(let number, let container):
      return unless([(volumes[number] == nil || containers[container] == nil, .notFound)]) {
        volumes[number]?.mounters.insert(container)
        return "\(volumes[number]?.mounters.count ?? 0)"
      }
    case .unmount(let number, let container):
      return unless([(volumes[number] == nil, .notFound)]) {
        volumes[number]?.mounters.remove(container)
        return "\(volumes[number]?.mounters.count ?? 0)"
      }
    case .volumeUsers(let number):
      return unless([(volumes[number] == nil, .notFound)]) { text(users(of: number).map(Name.container)) }
    case .isVolumeStorage(let container):
      return .value("\(volumes.values.contains { $0.storage == container })")
    case .removeVolume(let number, let force): return removeVolume(number, force)
    default: preconditionFailure("not an operation on a volume")
    }
  }

  private func removeVolume(_ number: Int, _ force: Bool) -> Expectation {
    guard let volume = volumes[number] else { return .failure([.notFound]) }
    let users = Set(users(of: number))
    let isMountedByOthers = !volume.mounters.isSubset(of: users)
    return unless([
      (!force && (!users.isEmpty || !volume.mounters.isEmpty), .inUse),
      (force && (isMountedByOthers || users.contains { isInUse($0, besides: users) }), .inUse),
    ]) {
      remove(users)
      volumes[number] = nil
      return text(users.map(Name.container))
    }
  }
}

// MARK: - Networks, exec sessions, exit codes

extension Reference {
  func onParts(_ operation: Operation) -> Expectation {
    switch operation {
    case .connect(let id, let network, let alias):
      guard let found = containers[id] else { return .failure([.notFound]) }
      return unless([(found.networks[network] != nil, .alreadyConnected)]) {
        containers[id]?.networks[network] = alias
        return ""
      }
    case .modify(let id, let network, let alias):
      guard let found = containers[id] else { return .failure([.notFound]) }
      return unless([(found.networks[network] == nil, .notConnected)]) {
        containers[id]?.networks[network] = alias
        return ""
      }
    case .disconnect(let id, let network):
      guard let found = containers[id] else { return .failure([.notFound]) }
      return unless([(found.networks[network] == nil, .notConnected)]) {
        containers[id]?.networks[network] = nil
        return ""
      }
    case .networks(let id):
      guard let found = containers[id] else { return .failure([.notFound]) }
      return .value(text(found.networks.map { "\(Name.network($0.key))=\($0.value)" }))
    case .recordExitCode(let id, let code):
      return unless([(!(-1...255).contains(code), .invalidArgument)]) {
        exitCodes[id] = code
        return ""
      }
    case .exitCode(let id):
      guard let code = exitCodes[id] else { return .failure([.notFound]) }
      return .value("\(code)")
    case .pruneExitCodes:
      let gone = exitCodes.keys.filter { containers[$0] == nil }
      for id in gone { exitCodes[id] = nil }
      return .value("\(gone.count)")
    default: return onSessions(operation)
    }
  }

  private func onSessions(_ operation: Operation) -> Expectation {
    switch operation {
    case .addSession(let session, let container):
      return unless([
        (containers[container] == nil, .notFound), (sessions[session] != nil, .alreadyExists),
      ]) {
        sessions[session] = StoredSession(container: container)
        return ""
      }
    case .setSession(let session, let status):
      return unless([(sessions[session] == nil, .notFound)]) {
        sessions[session]?.status = status
        return ""
      }
    case .removeSession(let session):
      return unless([(sessions[session] == nil, .notFound)]) {
        sessions[session] = nil
        return ""
      }
    case .removeAllSessions(let container):
      return unless([(containers[container] == nil, .notFound)]) {
        let theirs = sessions.filter { $0.value.container == container }.map(\.key)
        for session in theirs { sessions[session] = nil }
        return ""
      }
    case .sessions(let container):
      return unless([(containers[container] == nil, .notFound)]) {
        text(
          sessions.filter { $0.value.container == container }
            .map { "\(Name.session($0.key))=\($0.value.status)" })
      }
    default: preconditionFailure("not an operation on an exec session")
    }
  }
}
