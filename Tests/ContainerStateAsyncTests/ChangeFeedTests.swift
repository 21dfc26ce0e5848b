internal import ContainerStateAsync
internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("The changes as an asynchronous sequence")
struct ChangeFeedTests {
  let directory: TemporaryDirectory
  let store: StateStore

  init() throws {
    directory = try TemporaryDirectory()
    store = try StateStore(at: StoreLocation(root: directory.path("store")))
  }

  private func add(_ id: String) throws {
    let configuration = try ContainerConfiguration(
      id: try ContainerID(id), name: "name-" + id, createdAt: .now, details: ContainerDetails())
    try store.add(configuration, specification: try JSONBytes("{}"), durability: .committed)
  }

  @Test("what was committed before and what is committed while it waits come once each, in order")
  func inOrder() async throws {
    let count = 50
    try add("c0")
    let feed = try store.changes(after: .beginning)
    let writer = Task.detached { for number in 1..<count { try add("c\(number)") } }
    var seen: [Change] = []
    for try await batch in feed {
      #expect(!batch.isEmpty)
      #expect(!batch.wasTrimmed)
      seen += batch.changes
      if seen.count >= count { break }
    }
    try await writer.value
    #expect(seen.map(\.id) == (0..<count).map { "c\($0)" })
    #expect(seen.map(\.sequence.rawValue) == (1...Int64(count)).map { $0 })
  }

  @Test("cancellation ends a feed that waits, and one that has not begun")
  func cancellation() async throws {
    let feed = try store.changes()
    let waiting = Task {
      var batches = 0
      for try await _ in feed { batches += 1 }
      return batches
    }
    let cancelledFirst = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      var iterator = feed.makeAsyncIterator()
      return try await iterator.next()
    }
    #expect(try await cancelledFirst.value == nil)
    waiting.cancel()
    #expect(try await waiting.value == 0)
  }

  @Test("a closed store ends the feed with its error, and then there is nothing more")
  func closedStore() async throws {
    var iterator = try store.changes().makeAsyncIterator()
    try store.close()
    await #expect(throws: StoreError.self) { _ = try await iterator.next() }
  }
}
