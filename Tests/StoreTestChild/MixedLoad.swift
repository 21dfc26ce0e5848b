internal import ContainerStateStore
internal import SeededNumbers

/// Reads and changes of a few containers that others read and change as well; what is read never goes back.
struct MixedLoad {
  private let store: StateStore
  private var random: RandomSource
  private let ids: [ContainerID]
  private let handles: [ContainerHandle]
  /// The highest that was read or written of each: the restart count, which this load counts up, and the
  /// number in the name of its image, which a foreign program does.
  private var restarts: [Int32]
  private var images: [Int]

  init(_ store: StateStore, seed: UInt64, ids: [ContainerID]) throws {
    self.store = store
    random = RandomSource(seed: seed)
    self.ids = ids
    handles = try ids.map { try store.handle(for: $0) }
    restarts = ids.map { _ in 0 }
    images = ids.map { _ in 0 }
  }

  mutating func run(rounds: Int) throws {
    for _ in 0..<rounds {
      let which = Int.random(in: 0..<ids.count, using: &random)
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<4: try change(which)
      case 4: try changeTogether()
      case 5:
        try store.addPod(
          PodConfiguration(id: ContainerID("p\(random.next())"), name: "\(random.next())", createdAt: .now))
      case 6..<8: try look(which)
      case 8..<12: try see(store.state(of: ids[which]), which)
      case 12..<16: try see(store.container(ids[which]), which)
      default: try see(handles[which].refresh(), which)
      }
    }
  }

  private mutating func change(_ which: Int) throws {
    try store.withLockedContainer(ids[which], wait: StoreSession.wait) { locked in
      try see(locked.container, which)
      for _ in 0..<Int.random(in: 1...2, using: &random) {
        try locked.update(durability: .committed) { $0.restartCount += 1 }
        try see(locked.state, which)
      }
    }
  }

  /// In one commit, of which nothing is noted.
  private mutating func changeTogether() throws {
    try store.withLockedContainers(Set(ids), wait: StoreSession.wait) { locked in
      try locked.update(durability: .committed) { $1.restartCount += 1 }
      for (which, id) in ids.enumerated() { try locked.withContainer(id) { try see($0.container, which) } }
    }
  }

  private mutating func look(_ which: Int) throws {
    try store.withLockedContainer(ids[which], wait: StoreSession.wait) { try see($0.container, which) }
  }

  private mutating func see(_ container: Container, _ which: Int) throws {
    try see(container.state, which)
    let image = Int(container.configuration.imageName) ?? 0
    guard image >= images[which] else { throw WentBack("image \(image) after \(images[which])") }
    images[which] = image
  }

  private mutating func see(_ state: ContainerState, _ which: Int) throws {
    let count = state.restartCount
    guard count >= restarts[which] else { throw WentBack("restart count \(count) after \(restarts[which])") }
    restarts[which] = count
  }
}

/// What a reader must not see.
private struct WentBack: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = "went back: " + description }
}
