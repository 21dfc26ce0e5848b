import ContainerStateStore

/// What the operations of a store take in one process that has it to itself, with 1,000 containers.
func measureStore() throws {
  try withTemporaryDirectory { directory in
    let store = try StateStore(at: StoreLocation(root: directory + "/store"))
    let specification = try JSONBytes("{\"padding\": \"" + String(repeating: "x", count: 12_000) + "\"}")
    var next = 0
    func add(durability: Durability) throws -> ContainerID {
      next += 1
      let id = try ContainerID("id-\(next)")
      let configuration = try ContainerConfiguration(id: id, name: "name-\(next)", createdAt: .now)
      try store.add(configuration, specification: specification, durability: durability)
      return id
    }
    var ids: [ContainerID] = []
    while ids.count < 1000 { ids.append(try add(durability: .committed)) }
    let id = ids[500]
    try median("container(_:)", count: 500) { _ = try store.container(id) }
    try median("state(of:)", count: 500) { _ = try store.state(of: id) }
    try median("hasContainer(_:)", count: 500) { _ = try store.hasContainer(id) }
    try median("containerSummaries() of 1,000", count: 2) { _ = try store.containerSummaries() }
    try median("withLockedContainer, empty body", count: 500) {
      try store.withLockedContainer(id, wait: .none) { _ in }
    }
    for durability in [Durability.committed, .durable] {
      try median("withLockedContainer and one \(durability) update", count: 50) {
        try store.withLockedContainer(id, wait: .none) { locked in
          try locked.update(durability: durability) { $0.restartCount += 1 }
        }
      }
    }
    try median("add and remove, durable", count: 10) {
      try store.withLockedContainer(add(durability: .durable), wait: .none) { locked in try locked.remove() }
    }
    try median("open, one container(_:), close, another has it open", count: 20) {
      let other = try StateStore(at: StoreLocation(root: directory + "/store"))
      _ = try other.container(id)
      try other.close()
    }
    try store.close()
  }
}
