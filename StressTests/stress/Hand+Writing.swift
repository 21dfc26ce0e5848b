internal import ContainerStateStore
internal import Glibc
internal import StoreHistory
internal import StressSupport

extension Hand {
  func add() {
    let object = drawObject()
    let value = nextValue()
    perform(.add, [object], values: [value], allowed: [.alreadyExists]) { store in
      var state = ContainerState()
      Content.change(&state, to: value)
      var details = ContainerDetails()
      details.labels = ["stress": String(object % 4), "value": String(value)]
      let configuration = try ContainerConfiguration(
        id: try id(object), name: objects.name(object), createdAt: .now, imageName: "stress",
        details: details)
      let container = try store.add(
        configuration, specification: Content.specification(value), state: state, durability: durability)
      return [seen(container, object)]
    }
  }

  func update() {
    let object = drawObject()
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
    perform(.update, [object], values: [value], allowed: [.notFound]) { store in
      try store.withLockedContainer(try id(object), wait: wait, operation: "update") { locked in
        try inside(locked, object) { [try change(locked, object, value)] }
      }
    }
  }

  /// The lock alone, with a look at the container in it.
  func section() {
    let object = drawObject()
    perform(.section, [object], allowed: [.notFound]) { store in
      try store.withLockedContainer(try id(object), wait: wait, operation: "section") { locked in
        inside(locked, object) { [seen(locked.container, object)] }
      }
    }
  }

  func remove() {
    let object = drawObject()
    perform(.remove, [object], allowed: [.notFound]) { store in
      try store.withLockedContainer(try id(object), wait: wait, operation: "remove") { locked in
        let before = seen(locked.container, object)
        return try inside(locked, object) {
          try locked.remove(durability: durability)
          return [before]
        }
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

  /// Writes a value over the state.
  private func change(_ locked: borrowing LockedContainer, _ object: Int, _ value: UInt64) throws -> Seen {
    try locked.update(durability: durability) { Content.change(&$0, to: value) }
    let seen = seen(locked.container, object)
    if case .version(let version) = seen.sight { note { try $0.wrote(object, version) } }
    return seen
  }

  /// What runs under a lock, with the object's witness.
  private func inside<E: Error>(
    _ locked: borrowing LockedContainer, _ object: Int, _ body: () throws(E) -> [Seen]
  ) throws(E) -> [Seen] {
    var base: Version?
    if case .version(let version) = seen(locked.container, object).sight { base = version }
    let token = Token(
      epoch: locked.fencingToken.bootEpoch, bootNanoseconds: locked.fencingToken.bootTimeNanoseconds)
    enter(object, token, base: base)
    defer { leave(object) }
    return try body()
  }

  private func enter(_ object: Int, _ token: Token, base: Version?) {
    let found = plan.board.enter(object, session: UInt32(bitPattern: plan.session))
    note { try $0.inside(object, token: token, found: Int32(bitPattern: found), base: base) }
  }

  private func leave(_ object: Int) {
    plan.board.leave(object)
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
  private func pretendToHold(_ object: Int) {
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
