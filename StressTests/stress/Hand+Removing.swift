internal import ContainerStateStore
internal import StoreHistory

extension Hand {
  func remove() { remove(drawObject()) }

  func remove(_ object: Int) {
    perform(
      .remove, everything(of: object), allowed: [.notFound, .inUse],
      because: { self.reasons($0, ofRemoving: object) },
      { store in
        try locking(object, "remove") { locked in
          let before = seenWhole(locked.container, object)
          let connections = try lookAtConnections(of: object)
          try locked.remove(durability: durability)
          let volume = anonymousVolume(of: object).map { Seen(object: $0, .present) }
          return before + connections + volume + excluded(by: [object])
        }
      })
  }

  /// Several containers in one transaction: what they depend on stays, what depends on them goes too or is in
  /// the way (INVARIANT I-5).
  func removeTree() {
    let root = drawObject()
    let isWhole = draw(0...3) > 0
    let chosen = isWhole ? objects.closure(of: [root]) : [root]
    perform(
      .remove, chosen.flatMap { everything(of: $0) }, allowed: [.notFound, .inUse, .conflict],
      because: { self.reasons($0, ofRemoving: root) },
      { store in
        let removed = try store.remove(
          [try id(root)], includingDependants: isWhole, wait: wait, durability: durability)
        checkOrder(removed)
        return seen(removed, of: chosen) + excluded(by: chosen)
      })
  }

  /// A pod alone, which has to be empty, or with its containers (INVARIANT I-7).
  func removePod() {
    let pod = drawPod()
    let isWhole = draw(0...1) == 0
    let members = objects.members(of: pod)
    let chosen = isWhole ? objects.closure(of: members) : []
    perform(
      .remove, [pod, objects.podConfiguration(of: pod)] + chosen.flatMap { everything(of: $0) },
      allowed: [.notFound, .inUse, .conflict],
      because: { self.reasons($0, ofRemoving: pod) },
      { store in
        let removed = try store.removePod(
          try id(pod), includingMembers: isWhole, wait: wait, durability: durability)
        checkOrder(removed)
        let others = isWhole ? seen(removed, of: chosen) : members.map { Seen(object: $0, .absent) }
        return [Seen(object: pod, .present), Seen(object: objects.podConfiguration(of: pod), .present)]
          + others + excluded(by: chosen)
      })
  }

  /// A container and all that goes with it.
  func everything(of object: Int) -> [Int] {
    [object, objects.configuration(of: object)] + objects.connections(of: object)
      + anonymousVolume(of: object)
  }

  /// An anonymous volume has one container that uses it, and goes with that.
  private func anonymousVolume(of object: Int) -> [Int] {
    guard let volume = objects.volume(of: object), objects.isAnonymous(volume) else { return [] }
    return everything(ofVolume: volume)
  }

  /// What was removed of several containers, and what was not there: the call removes all of them.
  func seen(_ removed: [ContainerID], of chosen: [Int]) -> [Seen] {
    let gone = Set(removed.compactMap { objects.object(ofID: $0.rawValue) })
    if !gone.isSubset(of: chosen) { complaints.add("\(gone) were removed, and \(chosen) were to be") }
    return chosen.flatMap { object -> [Seen] in
      let configuration = objects.configuration(of: object)
      guard gone.contains(object) else {
        return [Seen(object: object, .absent), Seen(object: configuration, .absent)]
      }
      return ([object, configuration] + anonymousVolume(of: object)).map { Seen(object: $0, .present) }
    }
  }

  /// What would have kept these from being removed, and so was not there.
  func excluded(by chosen: [Int]) -> [Seen] {
    let dependants = chosen.flatMap(objects.dependants).filter { !chosen.contains($0) }
    return (dependants + chosen.flatMap(objects.sessions)).map { Seen(object: $0, .absent) }
  }

  /// What depends on others goes before them.
  func checkOrder(_ removed: [ContainerID]) {
    let order = removed.compactMap { objects.object(ofID: $0.rawValue) }
    for (place, object) in order.enumerated() {
      guard let dependency = objects.dependency(of: object), order[..<place].contains(dependency) else {
        continue
      }
      complaints.add("\(dependency) was removed before \(object), which depends on it")
    }
  }

  /// What was not there, or was in the way.
  func reasons(_ error: StoreError, ofRemoving object: Int) -> [Seen] {
    switch error.code {
    case .notFound: [Seen(object: object, .absent)]
    case .inUse: error.candidates.compactMap(objects.object(named:)).map { Seen(object: $0, .present) }
    default: []
    }
  }
}
