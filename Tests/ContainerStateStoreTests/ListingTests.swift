internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("Listings")
struct ListingTests {
  let fixture: StoreFixture
  let store: StateStore

  /// Twelve containers, the third hour created first: order in time is not order of adding.
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    for number in 0..<12 {
      let status = ContainerStatus.allCases[number % 9]
      var labels = ["n": "\(number % 3)"]
      if number % 2 == 0 { labels["even"] = "" }
      try store.add(
        "id\(number % 4)-\(number)", name: "Web_\(number)", createdAt: Self.hour((number * 5) % 12),
        labels: labels,
        state: ContainerState(status: status))
    }
  }

  private static func hour(_ hour: Int) -> Timestamp {
    Timestamp(nanosecondsSinceEpoch: Int64(hour) * 3_600_000_000_000)
  }

  /// The numbers of the containers that a filter lets through, as both listings say.
  private func numbers(
    sourceLocation: SourceLocation = #_sourceLocation, _ set: (inout ContainerFilter) -> Void
  ) throws -> [Int] {
    var filter = ContainerFilter()
    set(&filter)
    let containers = try store.containers(where: filter)
    let summaries = try store.containerSummaries(where: filter)
    #expect(containers.map(\.id) == summaries.containers.map(\.id), sourceLocation: sourceLocation)
    #expect(summaries.corrupt.isEmpty, sourceLocation: sourceLocation)
    let ids = try store.containerIDs(where: filter)
    #expect(ids.ids == containers.map(\.id) && ids.corrupt.isEmpty, sourceLocation: sourceLocation)
    let snapshot = try store.read { try $0.containerSummaries(where: filter).containers }
    #expect(snapshot == summaries.containers, sourceLocation: sourceLocation)
    return containers.compactMap { Int($0.name.dropFirst(4)) }
  }

  /// All twelve, newest first.
  private static let newestFirst = (0..<12).sorted { ($0 * 5) % 12 > ($1 * 5) % 12 }

  @Test("everything, newest first, whatever the order of adding")
  func all() throws {
    #expect(try numbers { _ in } == Self.newestFirst)
    #expect(try store.containers().map(\.id) == store.containers(where: .all).map(\.id))
  }

  @Test("of one moment, the one added last comes first")
  func ties() throws {
    let moment = Self.hour(100)
    for name in ["x", "y", "z"] { try store.add(name, createdAt: moment) }
    #expect(try store.containers().prefix(3).map(\.id.rawValue) == ["z", "y", "x"])
  }

  @Test("each filter alone")
  func alone() throws {
    let order = Self.newestFirst
    #expect(
      try numbers { $0.statuses = [.configured, .paused] } == order.filter { [0, 3].contains($0 % 9) })
    #expect(try numbers { $0.statuses = [] } == [])
    #expect(try numbers { $0.labels = [.present("even")] } == order.filter { $0 % 2 == 0 })
    #expect(try numbers { $0.labels = [.equals("n", "2")] } == order.filter { $0 % 3 == 2 })
    #expect(try numbers { $0.labels = [.equals("even", "")] } == order.filter { $0 % 2 == 0 })
    #expect(try numbers { $0.nameContaining = "_1" } == order.filter { [1, 10, 11].contains($0) })
    #expect(try numbers { $0.nameContaining = "" } == order)
    #expect(try numbers { $0.nameContaining = "web" } == [])
    #expect(try numbers { $0.idPrefix = "id3-" } == order.filter { $0 % 4 == 3 })
    #expect(try numbers { $0.idPrefix = "" } == order)
    #expect(try numbers { $0.createdBefore = Self.hour(5) } == Array(order.suffix(5)))
    #expect(try numbers { $0.createdSince = Self.hour(5) } == Array(order.prefix(7)))
    #expect(try numbers { $0.limit = 3 } == Array(order.prefix(3)))
    #expect(try numbers { $0.limit = 0 } == [])
    #expect(try numbers { $0.limit = 100 } == order)
  }

  @Test("every combination of filters lets through what each of them lets through")
  func combined() throws {
    let filters: [(set: (inout ContainerFilter) -> Void, lets: (Int) -> Bool)] = [
      ({ $0.statuses = [.configured, .running, .stopped, .unknown] }, { [0, 2, 5, 8].contains($0 % 9) }),
      ({ $0.labels.append(.present("even")) }, { $0 % 2 == 0 }),
      ({ $0.labels.append(.equals("n", "2")) }, { $0 % 3 == 2 }),
      ({ $0.nameContaining = "b_" }, { _ in true }),
      ({ $0.idPrefix = "id0" }, { $0 % 4 == 0 }),
      ({ $0.createdBefore = Self.hour(11) }, { ($0 * 5) % 12 < 11 }),
      ({ $0.createdSince = Self.hour(2) }, { ($0 * 5) % 12 >= 2 }),
    ]
    for choice in 0..<(1 << filters.count) {
      let chosen = filters.indices.filter { choice >> $0 & 1 == 1 }.map { filters[$0] }
      let expected = Self.newestFirst.filter { number in chosen.allSatisfy { $0.lets(number) } }
      #expect(try numbers { filter in for one in chosen { one.set(&filter) } } == expected, "\(choice)")
      let two = try numbers { filter in
        for one in chosen { one.set(&filter) }
        filter.limit = 2
      }
      #expect(two == Array(expected.prefix(2)), "\(choice)")
    }
  }

  @Test(
    "no character of a filter has a meaning",
    arguments: ["%", "_%", "W%", "'", "' OR 1=1 --", "\\", "\u{0}", "\u{7F}", "🙂", "*", "Web\u{0}"])
  func literal(text: String) throws {
    #expect(try numbers { $0.nameContaining = text } == [])
    #expect(try numbers { $0.idPrefix = text } == [])
    #expect(try numbers { $0.labels = [.present(text)] } == [])
    #expect(try numbers { $0.labels = [.equals("n", text)] } == [])
  }

  @Test("a summary says what the container says")
  func summaries() throws {
    let id = try ContainerID("id2-2")
    try store.withLockedContainer(id, wait: .none) { locked in
      try locked.update { state in
        (state.pid, state.pidStartTime) = (4, 5)
        state.startedAt = Timestamp(nanosecondsSinceEpoch: 6)
        state.finishedAt = Timestamp(nanosecondsSinceEpoch: 7)
        state.exitCode = 8
      }
    }
    let container = try store.container(id)
    let summary = try #require(try store.containerSummaries().containers.first { $0.id == id })
    #expect(summary.name == container.name)
    #expect(summary.status == .running)
    #expect(summary.imageName == container.configuration.imageName)
    #expect(summary.createdAt == container.configuration.createdAt)
    #expect(
      (summary.startedAt, summary.finishedAt) == (container.state.startedAt, container.state.finishedAt))
    #expect((summary.exitCode, summary.pid, summary.pidStartTime) == (8, 4, 5))
  }

  @Test("D-7: one snapshot shows one moment, and waits for no writer")
  func snapshot() throws {
    let other = try fixture.open()
    let id = try ContainerID("id0-0")
    try store.read { snapshot in
      let before = try snapshot.container(id)
      try other.change(id) { $0.restartCount = 5 }
      try other.remove(try ContainerID("id1-1"))
      #expect(try snapshot.container(id) == before)
      #expect(try snapshot.hasContainer(try ContainerID("id1-1")))
      #expect(try snapshot.containerSummaries().containers.count == 12)
      #expect(try other.containers().count == 11)
    }
    #expect(try store.container(id).state.restartCount == 5)
    try other.withLockedContainer(id, wait: .none) { _ in
      let found = try store.containers()
      #expect(found.count == 11)
    }
  }

  @Test("a filter has as many labels as it says, and more are `invalidArgument`")
  func manyLabels() throws {
    func labels(_ count: Int) -> [LabelFilter] {
      (0..<count).map { $0.isMultiple(of: 2) ? .equals("n", "1") : .present("n") }
    }
    #expect(try numbers { $0.labels = labels(ContainerFilter.maximumLabelCount) }.count == 4)
    var filter = ContainerFilter()
    filter.labels = labels(ContainerFilter.maximumLabelCount + 1)
    expectError(.invalidArgument) { try store.containers(where: filter) }
    expectError(.invalidArgument) { try store.containerSummaries(where: filter) }
    expectError(.invalidArgument) { try store.read { try $0.containerSummaries(where: filter).containers } }
  }

  @Test("D-7: a listing answers while another process holds the gate")
  func readsBehindTheGate() throws {
    let child = try fixture.child()
    try child.succeed("open")
    try child.succeed("hold-gate")
    #expect(try store.containers().count == 12)
    #expect(try store.verify() == [])
    let third = try fixture.open()
    #expect(try third.lookUpContainer("Web_3").id.rawValue == "id3-3")
    try child.succeed("leave-gate")
  }
}
