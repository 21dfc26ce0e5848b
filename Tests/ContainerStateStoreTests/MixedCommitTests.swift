internal import ContainerStateStore
internal import StoreTestSupport
internal import Synchronization
internal import Testing

@Suite("Answers beside commits of all kinds")
struct MixedCommitTests {
  /// The highest that was acknowledged to anybody in this process, by container.
  private final class Floor: Sendable {
    private let counts = Mutex<[ContainerID: Int]>([:])

    subscript(id: ContainerID) -> Int { counts.withLock { $0[id] ?? 0 } }

    func raise(_ id: ContainerID, to count: Int) {
      counts.withLock { $0[id] = max($0[id] ?? 0, count) }
    }

    /// Reads something that never goes back: no less than what was acknowledged before.
    func read(_ what: String, _ id: ContainerID, _ body: () throws -> Int) throws {
      let before = self[id]
      let found = try body()
      guard found >= before else { throw TestSupportError("\(what) of \(id) is \(found) after \(before)") }
      raise(id, to: found)
    }
  }

  /// What this process knows of both numbers of each container.
  private struct Floors: Sendable {
    let restarts = Floor()
    let images = Floor()
  }

  @Test(
    "D-9: processes and threads that change a few containers, and a foreign program: nobody sees one go back",
    arguments: SeededGenerator.seeds)
  func mixed(seed: UInt64) throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let other = try fixture.open()
    let ids = try ["a", "b", "c"].map { try store.add($0) }
    let children = try fixture.openChildren(2)
    for (number, child) in children.enumerated() {
      try child.send("mix \(seed &+ UInt64(number)) \(scaled(1_000)) a b c")
    }
    let floors = Floors()
    let isOver = Atomic<Bool>(false)
    try inParallel(4) { number in
      if number == 0 {
        defer { isOver.store(true, ordering: .releasing) }
        var random = SeededGenerator(seed: seed)
        for _ in 0..<scaled(60) {
          guard let id = ids.randomElement(using: &random) else { return }
          // Which leaves every revision as it was.
          let answer = try fixture.shell(
            """
            UPDATE record SET image_name = CAST(image_name AS INTEGER) + 1 WHERE id = '\(id)'
            RETURNING image_name;
            """)
          floors.images.raise(id, to: Int(answer.dropLast()) ?? 0)
        }
        return
      }
      var random = SeededGenerator(seed: seed &+ UInt64(number))
      let used = number == 1 ? store : other
      while !isOver.load(ordering: .acquiring) { try Self.step(used, ids, floors, &random) }
    }
    var given = store.keptAnswers.givenCount
    for child in children { given += Int(try child.expect("ok", within: .seconds(120))) ?? 0 }
    #expect(given > 0, "seed \(seed): nothing was kept")
    try Self.expectAlike([store, other, fixture.open()], children, ids, "seed \(seed)")
    try expectClean(store)
  }

  private static func step(
    _ store: StateStore, _ ids: [ContainerID], _ floors: Floors, _ random: inout SeededGenerator
  ) throws {
    guard let id = ids.randomElement(using: &random) else { return }
    switch Int.random(in: 0..<10, using: &random) {
    case 0, 1:
      try store.change(id) { $0.restartCount += 1 }
      try floors.restarts.read("restart count", id) { Int(try store.state(of: id).restartCount) }
    case 2:
      try floors.images.read("image under the lock", id) {
        try store.withLockedContainer(id, wait: .upTo(.seconds(20))) { locked in
          try locked.update(durability: .committed) { $0.restartCount += 1 }
          return Int(locked.container.configuration.imageName) ?? 0
        }
      }
    case 3...5:
      try floors.images.read("image", id) { Int(try store.container(id).configuration.imageName) ?? 0 }
    default: try floors.restarts.read("restart count", id) { Int(try store.state(of: id).restartCount) }
    }
  }

  /// Nobody says anything else than who has just come, the last one.
  private static func expectAlike(
    _ stores: [StateStore], _ children: [ChildProcess], _ ids: [ContainerID], _ what: String
  ) throws {
    for id in ids {
      let expected = try #require(stores.last).container(id)
      for store in stores.dropLast() {
        #expect(try store.container(id) == expected, "\(what)")
        #expect(try store.state(of: id) == expected.state, "\(what)")
        let known = try store.withLockedContainer(id, wait: .upTo(.seconds(10))) { $0.container }
        #expect(known == expected, "\(what)")
      }
      for child in children {
        let words = try child.succeed("get \(id)").split(separator: " ").map(String.init)
        #expect(words[2...3] == ["\(expected.stateRevision)", "\(expected.state.restartCount)"], "\(what)")
      }
    }
  }
}
