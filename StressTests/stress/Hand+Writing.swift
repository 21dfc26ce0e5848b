internal import ContainerStateStore
internal import Glibc
internal import StoreHistory
internal import StressSupport

extension Hand {
  /// Adds a container, most often after what it needs.
  func add() {
    let object = drawObject()
    if draw(0...3) > 0 { addNeeds(of: object) }
    add(object)
  }

  private func addNeeds(of object: Int) {
    if let pod = objects.pod(of: object) { addPod(pod) }
    if let volume = objects.volume(of: object) { addVolume(volume) }
    guard let dependency = objects.dependency(of: object) else { return }
    addNeeds(of: dependency)
    add(dependency)
  }

  func add(_ object: Int) {
    if draw(0...39) == 0, objects.twin(of: object) != nil { return addAstray(object) }
    let (value, configurationValue) = (nextValue(), nextValue())
    let whole = [object, objects.configuration(of: object)]
    // INVARIANT I-1, I-2, I-6, I-7: what has to be there is there, and what has to be absent is.
    let needed = [objects.dependency(of: object), objects.pod(of: object), objects.volume(of: object)]
      .compactMap { $0 }
    let excluded = [objects.twin(of: object), objects.rival(of: object)].compactMap { $0 }
    perform(
      .add, whole, values: [value, configurationValue],
      allowed: needed.isEmpty ? [.alreadyExists] : [.alreadyExists, .notFound],
      because: { self.reasons($0, ofAdding: object) },
      { store in
        var state = ContainerState()
        Content.change(&state, to: value)
        let container = try store.add(
          try configuration(object, configurationValue, specified: value),
          specification: Content.specification(value), state: state,
          stateExtra: draw(0...1) == 0 ? Content.extra(value) : nil, durability: durability)
        return seenWhole(container, object) + needed.map { Seen(object: $0, .present) }
          + excluded.map { Seen(object: $0, .absent) }
      })
  }

  /// Why an addition was refused, where that is known.
  private func reasons(_ error: StoreError, ofAdding object: Int) -> [Seen] {
    if error.code == .notFound {
      return objects.object(named: error.subject).map { [Seen(object: $0, .absent)] } ?? []
    }
    guard let owner = error.candidates.first.flatMap(objects.object(named:)) else { return [] }
    // An id that a pod may have says nothing of the container.
    if owner == object, objects.twin(of: object) != nil { return [] }
    return [Seen(object: owner, .present)]
  }

  func configuration(_ object: Int, _ value: UInt64, specified: UInt64) throws -> ContainerConfiguration {
    var details = ContainerDetails()
    details.labels = [
      "stress": String(object % 4), "value": String(specified), Content.writtenLabel: String(value),
    ]
    details.pod = try objects.pod(of: object).map(objects.id)
    details.isInfrastructure = details.pod != nil && object % Objects.family == 4
    if let volume = try objects.volume(of: object).map({ try VolumeName(objects.name(ofVolume: $0)) }) {
      details.volumes = [NamedVolume(name: volume, destination: "/data")]
    }
    if let dependency = try objects.dependency(of: object).map(objects.id) {
      switch object % Objects.family {
      case 2: details.namespaceJoins = [.net: dependency]
      case 5: details.namespaceJoins = [.ipc: dependency, .uts: dependency]
      default: details.dependencies = [dependency]
      }
    }
    return try ContainerConfiguration(
      id: try id(object), name: objects.name(object), createdAt: .now, imageName: Content.imageName(value),
      details: details, extra: try Content.extra(value))
  }

  /// INVARIANT I-6: outside of a pod nothing depends on what is in one.
  private func addAstray(_ object: Int) {
    let inPod = object - 3
    perform(.has, [], allowed: [.wrongPod, .notFound, .alreadyExists]) { store in
      var details = ContainerDetails()
      details.dependencies = [try id(inPod)]
      let configuration = try ContainerConfiguration(
        id: try id(object), name: objects.name(object), createdAt: .now, details: details)
      try store.add(configuration, specification: Content.specification(0))
      complaints.add("\(object) depends on \(inPod), which is in a pod")
      return []
    }
  }

  func update() { update(drawObject()) }

  func update(_ object: Int) {
    if plan.plants(.doubleHolder), draw(0...19) == 0 { return pretendToHold(object) }
    let value = nextValue()
    if plan.plants(.lostUpdate), draw(0...19) == 0, let last = lastSeen[object] {
      plan.board.add(.planted)
      return perform(.update, [object], values: [value]) { _ in
        let lost = Version(generation: last.generation, revision: last.revision + 1, value: value)
        return [Seen(object: object, version: lost)]
      }
    }
    if plan.plants(.failedTrace), draw(0...19) == 0 { return pretendToFail(object, value) }
    var asked = Asked(.update, [object], values: [value], allowed: [.notFound])
    if draw(0...4) == 0, let last = lastSeen[object] {
      asked.expected = [object: last.revision]
      asked.allowed.insert(.conflict)
    }
    perform(asked) { store in
      try locking(object, "update") { locked in
        [try change(locked, object, value, expecting: asked.expected[object])]
      }
    }
  }

  /// INVARIANT I-4: a status changes along the table alone.
  func updateAstray() {
    let object = drawObject()
    let value = nextValue()
    perform(.update, [object], values: [value], allowed: [.notFound, .invalidTransition]) { store in
      try locking(object, "update") { locked in
        let status = locked.container.status
        let wrong = ContainerStatus.allCases.first { !status.allows($0) }
        guard let wrong else { throw StoreError(.invalidTransition, subject: "", message: "all are allowed") }
        try locked.update(durability: .committed) {
          Content.change(&$0, to: value)
          $0.status = wrong
          $0.pid = 0
        }
        complaints.add("\(status.name) became \(wrong.name)")
        return []
      }
    }
  }

  /// The configuration is written anew (INVARIANT I-3).
  func rewrite() {
    let object = drawObject()
    let value = nextValue()
    let configuration = objects.configuration(of: object)
    var asked = Asked(.update, [configuration], values: [value], locked: [object], allowed: [.notFound])
    if draw(0...4) == 0 {
      asked.expected = [configuration: Int64(draw(1...3))]
      asked.allowed.insert(.conflict)
    }
    perform(asked) { store in
      try locking(object, "rewrite") { locked in
        if case .version(let version) = seenConfiguration(locked.container, object).sight {
          note { try $0.looked(configuration, version) }
        }
        try locked.rewrite(
          try rewritten(locked.container.configuration, value), expecting: asked.expected[configuration],
          durability: durability)
        let seen = seenConfiguration(locked.container, object)
        if case .version(let version) = seen.sight { note { try $0.wrote(configuration, version) } }
        return [seen]
      }
    }
  }

  /// A configuration with another value.
  func rewritten(_ present: ContainerConfiguration, _ value: UInt64) throws -> ContainerConfiguration {
    var details = try present.details()
    details.labels[Content.writtenLabel] = String(value)
    return try ContainerConfiguration(
      id: present.id, name: present.name, createdAt: present.createdAt,
      imageName: Content.imageName(value), details: details, extra: try Content.extra(value))
  }

  /// The lock alone, with a look at the container and its specification in it.
  func section() {
    let object = drawObject()
    perform(.section, [object], allowed: [.notFound]) { store in
      try locking(object, "section") { locked in
        let added = UInt64(try locked.container.configuration.labels()["value"] ?? "")
        let specification = try locked.specification()
        if added.map(Content.specification) != specification {
          complaints.add("container \(object) has another specification than it was added with")
        }
        if draw(0...3) == 0 { _ = try locked.specificationCopy() }
        return seenWhole(locked.container, object)
      }
    }
  }

  /// Two or three containers under their locks, each written once: that is one commit for each.
  func batch() {
    let chosen = Array(Set((0..<draw(2...3)).map { _ in drawObject() })).sorted()
    let values = chosen.map { _ in nextValue() }
    perform(.batch, chosen, values: values, allowed: [.notFound]) { store in
      let ids = try chosen.map { try id($0) }
      return try store.withLockedContainers(Set(ids), wait: wait, operation: "batch") { locked in
        var seen: [Seen] = []
        for (index, object) in chosen.enumerated() {
          try locked.withContainer(ids[index]) { container in
            seen += try inside(container, object) { [try change(container, object, values[index])] }
          }
        }
        return seen
      }
    }
  }

  /// Several containers under their locks, written in one commit, or none of them.
  func together() {
    let chosen = Array(Set((0..<draw(2...4)).map { _ in drawObject() })).sorted()
    let values = Dictionary(uniqueKeysWithValues: chosen.map { ($0, nextValue()) })
    let givesUp = draw(0...7) == 0
    let given = chosen.compactMap { values[$0] }
    perform(.together, chosen, values: given, allowed: [.notFound, .conflict]) { store in
      let ids = try chosen.map { try id($0) }
      return try store.withLockedContainers(Set(ids), wait: wait, operation: "together") { locked in
        for (index, object) in chosen.enumerated() {
          try locked.withContainer(ids[index]) { enter($0, object) }
        }
        defer { for object in chosen { leave(object) } }
        try locked.update(durability: durability) { container, state in
          let object = objects.object(ofID: container.id.rawValue)
          guard let object, let value = values[object] else { return }
          Content.change(&state, to: value)
          // INVARIANT I-14: what was changed before goes with it.
          if givesUp, object == chosen.last { throw StoreError(.conflict, subject: "", message: "given up") }
        }
        var seen: [Seen] = []
        for (index, object) in chosen.enumerated() {
          try locked.withContainer(ids[index]) { seen.append(self.seen($0.container, object)) }
        }
        return seen
      }
    }
  }

  /// Writes a value over the state.
  func change(
    _ locked: borrowing LockedContainer, _ object: Int, _ value: UInt64, expecting revision: Int64? = nil
  ) throws -> Seen {
    if draw(0...2) == 0 {
      try locked.update(
        stateExtra: Content.extra(value), expecting: revision, durability: durability
      ) { Content.change(&$0, to: value) }
    } else {
      try locked.update(expecting: revision, durability: durability) { Content.change(&$0, to: value) }
    }
    return noteWritten(locked, object)
  }

  func noteWritten(_ locked: borrowing LockedContainer, _ object: Int) -> Seen {
    let seen = seen(locked.container, object)
    if case .version(let version) = seen.sight { note { try $0.wrote(object, version) } }
    return seen
  }
}

// MARK: - Under the lock

extension Hand {
  /// Runs `body` under the lock of one container, with its witness.
  func locking(
    _ object: Int, _ operation: String, _ body: (borrowing LockedContainer) throws -> [Seen]
  ) throws -> [Seen] {
    guard let store else { return [] }
    return try store.withLockedContainer(try id(object), wait: wait, operation: operation) { locked in
      try inside(locked, object) { try body(locked) }
    }
  }

  /// What runs under a lock, with the object's witness.
  private func inside<E: Error>(
    _ locked: borrowing LockedContainer, _ object: Int, _ body: () throws(E) -> [Seen]
  ) throws(E) -> [Seen] {
    enter(locked, object)
    defer { leave(object) }
    return try body()
  }

  func enter(_ locked: borrowing LockedContainer, _ object: Int) {
    enter(seen(locked.container, object), locked.fencingToken)
  }

  /// The stay under a lock begins, under which this was seen.
  func enter(_ seen: Seen, _ token: FencingToken) {
    var base: Version?
    if case .version(let version) = seen.sight { base = version }
    enter(
      seen.object, Token(epoch: token.bootEpoch, bootNanoseconds: token.bootTimeNanoseconds), base: base)
  }

  private func enter(_ object: Int, _ token: Token, base: Version?) {
    let found = plan.board.enter(objects.witness(of: object), session: UInt32(bitPattern: plan.session))
    note { try $0.inside(object, token: token, found: Int32(bitPattern: found), base: base) }
  }

  func leave(_ object: Int) {
    plan.board.leave(objects.witness(of: object))
    note { try $0.leaving(object) }
  }

  /// A call that fails and leaves a trace, which only `durabilityUnknown` may.
  private func pretendToFail(_ object: Int, _ value: UInt64) {
    plan.board.add(.planted)
    perform(.update, [object], values: [value], allowed: [.notFound, .io]) { store in
      try store.withLockedContainer(try id(object), wait: wait, operation: "update") { locked in
        try locked.update(durability: .committed) { Content.change(&$0, to: value) }
      }
      throw StoreError(.io, subject: "planted", message: "planted")
    }
  }

  /// A section without a lock, as two holders would have it.
  func pretendToHold(_ object: Int) {
    plan.board.add(.planted)
    perform(.section, [object]) { _ in
      enter(
        object, Token(epoch: 1, bootNanoseconds: Int64(clockNanoseconds(CLOCK_BOOTTIME))),
        base: lastSeen[object])
      defer { leave(object) }
      // Long enough that somebody who has the lock comes by.
      poll(nil, 0, 5)
      return []
    }
  }
}
