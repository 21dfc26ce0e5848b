@testable internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("Filters of the whole model")
struct FilterTests {
  let fixture: StoreFixture
  let store: StateStore

  /// Six containers: the even ones ended, with their number as exit code, the odd ones run.
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    for number in 0..<6 {
      var state = ContainerState(status: number % 2 == 0 ? .exited : .running)
      if number % 2 == 0 {
        state.exitCode = Int32(number)
        state.finishedAt = Self.moment(100 - number)
      }
      let configuration = try ContainerConfiguration(
        id: try ContainerID("c\(number)"), name: ["web", "Web", "w.b", "db-1", "db-2", "db"][number],
        createdAt: Self.moment(number), imageID: "sha\(number % 3)",
        imageName: number < 3 ? "" : "busy:\(number)",
        details: {
          var details = ContainerDetails()
          if number > 3 { details.dependencies.insert(ContainerID(unchecked: "c\(number - 4)")) }
          return details
        }(), extra: try JSONBytes(#"{"owner":{"name":"o\#(number % 2)","n":\#(number),"on":\#(number > 3)}}"#)
      )
      try store.add(configuration, specification: sampleSpecification, state: state, durability: .committed)
    }
  }

  private static func moment(_ second: Int) -> Timestamp {
    Timestamp(nanosecondsSinceEpoch: Int64(second) * 1_000_000_000)
  }

  /// The numbers of the containers that a filter lets through, as listed.
  private func numbers(_ set: (inout ContainerFilter) -> Void) throws -> [Int] {
    var filter = ContainerFilter()
    set(&filter)
    let summaries = try store.containerSummaries(where: filter).containers.map(\.id)
    #expect(try store.containers(where: filter).map(\.id) == summaries)
    return summaries.compactMap { Int($0.rawValue.dropFirst()) }
  }

  @Test("pod by id and name, network")
  func joined() throws {
    try fixture.shell(
      """
      INSERT INTO record (kind, id, name, created_at_ns, created_zone_offset_s, image_id, image_name)
        VALUES (2, 'p1', 'pod-1', 0, 0, '', '');
      INSERT INTO pod VALUES ((SELECT generation FROM record WHERE id = 'p1'), 1, x'7b7d', NULL);
      INSERT INTO pod_member SELECT generation, (SELECT generation FROM record WHERE id = 'p1'), 0
        FROM record WHERE id IN ('c1', 'c4');
      INSERT INTO network_connection SELECT generation, 'net', x'7b7d', NULL FROM record WHERE id = 'c5';
      """)
    #expect(try numbers { $0.pod = "p1" } == [4, 1])
    #expect(try numbers { $0.pod = "pod-1" } == [4, 1])
    #expect(try numbers { $0.pod = "c1" } == [])
    #expect(try numbers { $0.network = "net" } == [5])
    #expect(
      try numbers {
        $0.pod = "pod-1"
        $0.network = "net"
      } == [])
  }

  @Test("image, name pattern, exit code, end, dependants")
  func own() throws {
    #expect(try numbers { $0.images = ["sha1"] } == [4, 1])
    #expect(try numbers { $0.images = ["busy:3", "sha0"] } == [3, 0])
    #expect(try numbers { $0.images = [""] } == [])
    #expect(try numbers { $0.images = [] } == [])
    #expect(try numbers { $0.namePattern = "w?b" } == [2, 0])
    #expect(try numbers { $0.namePattern = "db*" } == [5, 4, 3])
    #expect(try numbers { $0.namePattern = "*b" } == [5, 2, 1, 0])
    #expect(try numbers { $0.namePattern = "[dw]b" } == [])
    #expect(try numbers { $0.namePattern = "web" } == [0])
    #expect(try numbers { $0.exitCodes = [0, 4, 9] } == [4, 0])
    #expect(try numbers { $0.exitCodes = [] } == [])
    #expect(try numbers { $0.exitedSince = Self.moment(98) } == [2, 0])
    #expect(try numbers { $0.exitedBefore = Self.moment(98) } == [4])
    #expect(try numbers { $0.dependantsOf = ContainerID(unchecked: "c0") } == [4])
    #expect(try numbers { $0.statuses = [.running] } == [5, 3, 1])
    #expect(try numbers { $0.statuses = [.running, .exited] } == [5, 4, 3, 2, 1, 0])
  }

  @Test("sorted by each, in both directions, and limited after that")
  func sorted() throws {
    let orders: [(ContainerSort, [Int])] = [
      (.created, [0, 1, 2, 3, 4, 5]), (.name, [1, 5, 3, 4, 2, 0]), (.status, [1, 3, 5, 0, 2, 4]),
      (.exited, [1, 3, 5, 4, 2, 0]),
    ]
    for (sort, ascending) in orders {
      #expect(
        try numbers {
          $0.sort = sort
          $0.isAscending = true
        } == ascending, "\(sort)")
      #expect(
        try numbers {
          $0.sort = sort
          $0.limit = 4
        } == Array(ascending.reversed().prefix(4)), "\(sort)")
    }
  }
}
