internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("Labels, ports and pods in listings")
struct ListedPartTests {
  let fixture: StoreFixture
  let store: StateStore
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  private static let ports = [
    PortMapping(hostPort: 8080, containerPort: 80),
    PortMapping(hostAddress: "::1", hostPort: 53, containerPort: 5353, transport: "udp"),
  ]

  /// Texts that JSON has to escape, and that are longer in it than they are.
  private static let oddLabels = ["quote \" and \\": "a\tb\u{1}\u{7F}/é😀", "empty": "", " ": "{}[],:"]

  private func configuration(
    _ id: String, labels: [String: String] = [:], ports: [PortMapping] = [], hour: Int64 = 0
  ) throws -> ContainerConfiguration {
    var details = ContainerDetails()
    details.labels = labels
    details.portMappings = ports
    return try ContainerConfiguration(
      id: ContainerID(id), name: "name-" + id,
      createdAt: Timestamp(nanosecondsSinceEpoch: hour * 3_600_000_000_000), details: details)
  }

  @discardableResult
  private func add(_ configuration: ContainerConfiguration) throws -> ContainerID {
    try store.add(configuration, specification: sampleSpecification, durability: .committed)
    return configuration.id
  }

  /// What a listing says of each is what its configuration says, as far as that was asked for.
  private func expectTrue(
    _ parts: ContainerSummary.Parts, where filter: ContainerFilter = .all, of store: StateStore? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let store = store ?? self.store
    let list = try store.containerSummaries(where: filter, including: parts)
    #expect(list.corrupt.isEmpty, sourceLocation: sourceLocation)
    #expect(
      try list.containers.map(\.id) == store.containers(where: filter).map(\.id),
      sourceLocation: sourceLocation)
    for summary in list.containers {
      let details = try store.container(summary.id).configuration.details()
      let (labels, ports) = (try summary.labels(), try summary.ports())
      #expect(labels == (parts.contains(.labels) ? details.labels : [:]), sourceLocation: sourceLocation)
      #expect(ports == (parts.contains(.ports) ? details.portMappings : []), sourceLocation: sourceLocation)
    }
  }

  @Test("labels and ports are the configuration's, and only where they are asked for")
  func parts() throws {
    try add(configuration("none"))
    try add(configuration("labels", labels: Self.oddLabels))
    try add(configuration("ports", ports: Self.ports))
    try add(configuration("both", labels: ["a": "b"], ports: Self.ports))
    for parts: ContainerSummary.Parts in [[], .labels, .ports, [.labels, .ports], [.labels, .ports, .pod]] {
      try expectTrue(parts)
      let snapshot = try store.read { try $0.containerSummaries(including: parts).containers }
      #expect(try snapshot == store.containerSummaries(including: parts).containers)
    }
    #expect(try fixture.shell("SELECT count(*) FROM container_listing;") == "3\n")
    try expectClean(store)
  }

  @Test("long labels of many, in every order, with a limit and beside damaged rows")
  func many() throws {
    for number in 0..<120 {
      let labels =
        number % 7 == 0 ? [:] : ["n": "\(number)", "long": String(repeating: "x", count: number * 13)]
      try add(
        configuration(
          "c\(number)", labels: labels, ports: number % 5 == 0 ? Self.ports : [],
          hour: Int64((number * 7) % 120)))
    }
    var filter = ContainerFilter()
    for isAscending in [false, true] {
      filter.isAscending = isAscending
      for sort: ContainerSort in [.created, .name, .status] {
        filter.sort = sort
        for limit in [nil, 0, 1, 50] {
          filter.limit = limit
          try expectTrue([.labels, .ports], where: filter)
        }
      }
    }
    try fixture.shell(
      "UPDATE container_state SET status = 99 WHERE generation IN (3, 50, 51, 52, 119, 120);")
    for isAscending in [false, true] {
      filter = ContainerFilter()
      filter.isAscending = isAscending
      let list = try store.containerSummaries(where: filter, including: [.labels, .ports])
      #expect(list.corrupt.count == 6 && list.containers.count == 114)
      #expect(
        try list.corrupt.map(\.subject)
          == store.containerIDs(where: filter).ids.map(\.rawValue).filter { id in
            list.corrupt.contains { $0.subject == id }
          })
      for summary in list.containers {
        let number = try #require(Int(summary.id.rawValue.dropFirst()))
        #expect(try summary.labels()["n"] == (number % 7 == 0 ? nil : "\(number)"))
        #expect(try summary.ports() == (number % 5 == 0 ? Self.ports : []))
      }
    }
  }

  @Test("a rewrite is seen by the next listing, of this store and of another that keeps answers (D-9)")
  func rewritten() throws {
    let id = try add(configuration("web", labels: ["a": "b"], ports: Self.ports))
    let other = try fixture.open()
    for next in [
      try configuration("web", labels: ["a": "c", "d": "e"]), try configuration("web"),
      try configuration("web", labels: Self.oddLabels, ports: Self.ports),
    ] {
      for store in [store, other] { try expectTrue([.labels, .ports], of: store) }
      try store.withLockedContainer(id, wait: .none) { try $0.rewrite(next, durability: .committed) }
      for store in [store, other] { try expectTrue([.labels, .ports], of: store) }
      try expectClean(store)
    }
    try store.withLockedRecords(containers: [id], wait: .none) {
      try $0.write(durability: .committed) { try $0.rewrite(configuration("web", labels: ["batch": "1"])) }
    }
    for store in [store, other] { try expectTrue([.labels, .ports], of: store) }
    try store.remove(id)
    #expect(try fixture.shell("SELECT count(*) FROM container_listing;") == "0\n")
  }

  @Test("damaged labels and ports are an error of who asks for them, and verify names the container")
  func damaged() throws {
    try add(configuration("web", labels: ["a": "b"], ports: Self.ports))
    try add(configuration("db", labels: ["a": "b"]))
    try fixture.shell(
      "UPDATE container_listing SET labels = x'7b22', ports = x'5b7b7d' WHERE generation = 1;")
    let list = try store.containerSummaries(including: [.labels, .ports])
    let web = try #require(list.containers.first { $0.id.rawValue == "web" })
    expectError(.corrupt) { try web.labels() }
    expectError(.corrupt) { try web.ports() }
    #expect(try list.containers.first { $0.id.rawValue == "db" }?.labels() == ["a": "b"])
    #expect(
      try store.verify().map(\.description) == [
        "I-3 web: what listings show of it differs from the configuration"
      ])
    #expect(try store.repair().actions.map(\.description) == ["what listings show of it is made anew"])
    try expectTrue([.labels, .ports])
  }

  /// Makes the store what it was before listings showed labels and ports.
  private func takeBack(keepingIndex: Bool = true) throws {
    try fixture.shell(
      """
      DROP TABLE container_listing;
      DROP INDEX record_by_creation_with_id;
      \(keepingIndex ? "CREATE INDEX record_by_creation ON record (kind, created_at_ns, generation);" : "")
      PRAGMA user_version = 3;
      """)
  }

  @Test(
    "a store of the version before listings showed them gets them from its configurations",
    arguments: [true, false])
  func migrated(keepingIndex: Bool) throws {
    let expected = try [
      configuration("odd", labels: Self.oddLabels, ports: Self.ports), configuration("none"),
      configuration("ports", ports: Self.ports), configuration("damaged", labels: ["a": "b"]),
    ]
    for configuration in expected { try add(configuration) }
    let listing = try fixture.shell("SELECT * FROM container_listing WHERE generation < 4;")
    try store.close()
    try fixture.shell("UPDATE container SET details = x'7b22' WHERE generation = 4;")
    try takeBack(keepingIndex: keepingIndex)
    let migrated = try fixture.open()
    #expect(try fixture.shell("SELECT * FROM container_listing;") == listing)
    #expect(Set(try migrated.verify().map(\.subject)) == ["damaged"])
    let list = try migrated.containerSummaries(including: [.labels, .ports])
    for configuration in expected.dropLast() {
      let summary = try #require(list.containers.first { $0.id == configuration.id })
      #expect(try summary.labels() == configuration.labels())
      #expect(try summary.ports() == configuration.details().portMappings)
    }
  }

  @Test("I-16: a page of configurations that cannot be read keeps no store from being migrated")
  func migratedWithDamage() throws {
    let long = String(repeating: "x", count: 2_500)
    for id in ["a", "b", "c", "d", "e"] { try add(configuration(id, labels: ["id": id, "long": long])) }
    try store.close()
    try takeBack()
    try fixture.shell("PRAGMA wal_checkpoint(TRUNCATE);")
    let leaves = try fixture.shell(
      "SELECT pageno FROM dbstat WHERE name = 'container' AND pagetype = 'leaf' ORDER BY path;")
    let page = try #require(leaves.split(separator: "\n").dropFirst(2).first.flatMap { Int($0) })
    try fixture.clearPage(page)
    let migrated = try fixture.open()
    let labels = try migrated.containerSummaries(including: .labels).containers.map { try $0.labels()["id"] }
    #expect(labels.compactMap { $0 }.sorted() == ["a", "b", "d", "e"])
    #expect(try !migrated.verify().isEmpty)
  }
}
