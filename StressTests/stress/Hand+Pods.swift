internal import ContainerStateStore
internal import StoreHistory

extension Hand {
  /// Does something about a pod.
  func pod() {
    switch draw(0...22) {
    case 0...3: addPod()
    case 4...8: updatePod()
    case 20: rewritePod()
    case 21...22: podTogether()
    case 9: removePod()
    case 10...11: readPod()
    case 12: hasPod()
    case 13: lookUpPod()
    case 14...15: listPods()
    case 16...18: members()
    default: hasMember()
    }
  }

  func addPod() { addPod(drawPod()) }

  func addPod(_ pod: Int) {
    let (value, configurationValue) = (nextValue(), nextValue())
    let twin = objects.twin(of: pod)
    // Both have one lockfile; and that the id exists says nothing of the pod then.
    perform(
      Asked(
        .add, [pod, objects.podConfiguration(of: pod)], values: [value, configurationValue],
        locked: twin.map { [$0] } ?? [], allowed: [.alreadyExists]),
      because: { _ in twin == nil ? [Seen(object: pod, .present)] : [] },
      { store in
        var state = PodState()
        state.controlGroupPath = String(value)
        let added = try store.addPod(
          try configuration(ofPod: pod, configurationValue, createdAt: .now), state: state,
          durability: durability)
        // INVARIANT I-1: nothing else has the id.
        return seenWhole(added, pod) + (twin.map { [Seen(object: $0, .absent)] } ?? [])
      })
  }

  func updatePod() {
    let pod = drawPod()
    if plan.plants(.doubleHolder), draw(0...3) == 0 { return pretendToHold(pod) }
    let value = nextValue()
    var asked = Asked(.update, [pod], values: [value], allowed: [.notFound])
    if draw(0...4) == 0, let last = lastSeen[pod] {
      asked.expected = [pod: last.revision]
      asked.allowed.insert(.conflict)
    }
    perform(asked) { store in
      try store.withLockedPod(try id(pod), wait: wait) { locked in
        enter(seen(locked.pod, pod), locked.fencingToken)
        defer { leave(pod) }
        let expected = asked.expected[pod]
        if draw(0...1) == 0 {
          try locked.update(
            stateExtra: Content.extra(value), expecting: expected, durability: durability
          ) { $0.controlGroupPath = String(value) }
        } else {
          try locked.update(expecting: expected, durability: durability) {
            $0.controlGroupPath = String(value)
          }
        }
        return [note(wrote: seen(locked.pod, pod))]
      }
    }
  }

  private func readPod() {
    let pod = drawPod()
    perform(.read, [pod], allowed: [.notFound]) { store in seenWhole(try store.pod(try id(pod)), pod) }
  }

  /// Whether a pod is there, and what it says.
  func lookAtPod(_ pod: Int) {
    perform(.has, [pod]) { store in [Seen(object: pod, isThere: try store.hasPod(try id(pod)))] }
    perform(.read, [pod], allowed: [.notFound]) { store in seenWhole(try store.pod(try id(pod)), pod) }
  }

  private func hasPod() {
    let pod = drawPod()
    perform(.has, [pod]) { store in [Seen(object: pod, isThere: try store.hasPod(try id(pod)))] }
  }

  private func lookUpPod() {
    let pod = drawPod()
    let text = draw(0...1) == 0 ? objects.name(pod) : String(objects.idText(pod).prefix(12))
    perform(.lookUp, [pod], allowed: [.notFound]) { store in [seen(try store.lookUpPod(text), pod)] }
  }

  func listPods() {
    perform(.listPods) { store in
      try store.pods().flatMap { found in
        objects.pod(ofID: found.id.rawValue).map { seenWhole(found, $0) } ?? []
      }
    }
  }

  /// The containers in a pod, as ids or as records: all that can be in it and are not named are not there.
  func members() {
    let pod = drawPod()
    let members = objects.members(of: pod)
    guard !members.isEmpty else { return }
    let isWhole = draw(0...1) == 0
    perform(
      .list, members, allowed: [.notFound], because: { _ in [Seen(object: pod, .absent)] },
      { store in
        let seen: [Seen]
        if isWhole {
          seen = try store.memberContainers(ofPod: try id(pod)).compactMap { container in
            objects.object(ofID: container.id.rawValue).map { self.seen(container, $0) }
          }
        } else {
          seen = try store.members(ofPod: try id(pod)).compactMap { member in
            objects.object(ofID: member.rawValue).map { Seen(object: $0, .present) }
          }
        }
        if let stranger = seen.first(where: { !members.contains($0.object) }) {
          complaints.add("container \(stranger.object) is in \(ObjectKind.name(of: pod))")
        }
        return seen + [Seen(object: pod, .present)]
      })
  }

  private func hasMember() {
    let pod = drawPod()
    let container = drawObject()
    perform(
      .has, [container, pod], allowed: [.notFound],
      because: {
        $0.subject == self.objects.idText(pod) && self.objects.twin(of: pod) != container
          ? [Seen(object: pod, .absent)] : []
      },
      { store in
        let isMember = try store.pod(try id(pod), has: try id(container))
        if isMember != (objects.pod(of: container) == pod) {
          complaints.add("\(ObjectKind.name(of: pod)) has container \(container): \(isMember)")
        }
        return [Seen(object: container, .present), Seen(object: pod, .present)]
      })
  }

  /// What a pod says that was read whole.
  func seen(_ found: Pod, _ pod: Int) -> Seen {
    guard let version = Content.version(of: found) else { return Seen(object: pod, .half) }
    remember(version, of: pod)
    return Seen(object: pod, version: version)
  }
}

// MARK: - Configurations, and several records in one commit

extension Hand {
  private func configuration(
    ofPod pod: Int, _ value: UInt64, createdAt: Timestamp
  ) throws -> PodConfiguration {
    var details = PodDetails()
    details.labels = ["value": String(value)]
    details.sharedNamespaces = [.net, .ipc]
    return try PodConfiguration(
      id: try id(pod), name: objects.name(pod), createdAt: createdAt, details: details,
      extra: try Content.extra(value))
  }

  private func seenWhole(_ found: Pod, _ pod: Int) -> [Seen] {
    [seen(found, pod), seenConfiguration(found, pod)]
  }

  private func seenConfiguration(_ found: Pod, _ pod: Int) -> Seen {
    let object = objects.podConfiguration(of: pod)
    guard let value = Content.value(of: found.configuration.extra),
      (try? found.configuration.details())?.labels["value"] == String(value)
    else { return Seen(object: object, .half) }
    return Seen(
      object: object,
      version: Version(generation: found.generation, revision: found.configurationRevision, value: value))
  }

  private func rewritePod() {
    let pod = drawPod()
    let value = nextValue()
    let object = objects.podConfiguration(of: pod)
    perform(Asked(.update, [object], values: [value], locked: [pod], allowed: [.notFound])) { store in
      try store.withLockedPod(try id(pod), wait: wait) { locked in
        enter(seen(locked.pod, pod), locked.fencingToken)
        defer { leave(pod) }
        note(looked: seenConfiguration(locked.pod, pod))
        try locked.rewrite(
          try configuration(ofPod: pod, value, createdAt: locked.pod.configuration.createdAt),
          durability: durability)
        return [note(wrote: seenConfiguration(locked.pod, pod))]
      }
    }
  }

  /// A pod, one of its containers and that one's configuration in one commit.
  private func podTogether() {
    let pod = drawPod()
    let members = objects.members(of: pod)
    guard !members.isEmpty else { return }
    let member = members[draw(0...members.count - 1)]
    let written = [pod, member, objects.configuration(of: member)]
    let values = written.map { _ in nextValue() }
    perform(Asked(.together, written, values: values, allowed: [.notFound])) { store in
      let (podID, id) = (try id(pod), try id(member))
      return try store.withLockedRecords(containers: [id], pods: [podID], wait: wait) { locked in
        try locked.withPod(podID) { enter(seen($0.pod, pod), $0.fencingToken) }
        defer { leave(pod) }
        try locked.withContainer(id) {
          enter($0, member)
          note(looked: seenConfiguration($0.container, member))
        }
        defer { leave(member) }
        try locked.write(durability: durability) { batch in
          try batch.update(pod: podID) { $0.controlGroupPath = String(values[0]) }
          try batch.update(container: id) { Content.change(&$0, to: values[1]) }
          try batch.rewrite(try rewritten(batch.container(id).configuration, values[2]))
        }
        let wholePod = try locked.withPod(podID) { [seen($0.pod, pod)] }
        return try wholePod + locked.withContainer(id) { seenWhole($0.container, member) }
      }
    }
  }

  func note(looked seen: Seen) {
    if case .version(let version) = seen.sight { note { try $0.looked(seen.object, version) } }
  }

  func note(wrote seen: Seen) -> Seen {
    if case .version(let version) = seen.sight { note { try $0.wrote(seen.object, version) } }
    return seen
  }
}
