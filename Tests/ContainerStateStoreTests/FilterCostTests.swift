@testable internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

/// What a listing costs where there are very many, counted in steps of SQLite's machine: no clock is asked.
@Suite("What filters cost at 100,000 containers, pods and volumes")
struct FilterCostTests {
  private static let count = 100_000
  /// How many a filter lets through here.
  private static let found = 10
  /// Ten rows take up to 1,700 by the indexes, and each look at a row takes some.
  private static let stepLimit = 5_000

  let fixture: StoreFixture
  let store: StateStore

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    try fixture.shell(Self.crowd)
  }

  /// The crowd, of which the first ten are what each filter looks for.
  ///
  /// Generations 1 … 100,000 are containers that have exited with 0 at 1,000 and have a label, a network, an
  /// image and a volume of their own; pods come after them.
  private static let crowd = """
    PRAGMA synchronous=OFF;
    BEGIN;
    CREATE TEMP TABLE n AS
      WITH RECURSIVE c(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM c WHERE i < \(count))
      SELECT i, i <= \(found) AS is_found FROM c;
    INSERT INTO record
      SELECT i, 1, iif(is_found, 'ab', 'x') || i, iif(is_found, 'web', 'name') || i, i, 0,
        iif(is_found, 'a', 'image' || i), iif(is_found, 'a', 'tag' || i) FROM n;
    INSERT INTO container SELECT i, 1, x'7B7D', NULL FROM n;
    INSERT INTO container_state
      SELECT i, 1, iif(is_found, 3, 7), 0, 0, 0, 0, NULL, iif(is_found, iif(i % 2, 1, 9000), 1000),
        iif(is_found, 137, 0), 0, 0, 0, '', '', '', '', '', '' FROM n;
    INSERT INTO label SELECT i, iif(is_found, 'k', 'key' || i), 'v' FROM n;
    INSERT INTO label SELECT i, 'common', 'v' FROM n;
    INSERT INTO extra_index VALUES (1, 1, CAST('["owner"]' AS BLOB));
    INSERT INTO extra_value SELECT 1, iif(is_found, 'x', 'v' || i), i, NULL FROM n;
    INSERT INTO network_connection SELECT i, iif(is_found, 'n', 'net' || i), x'7B7D', NULL FROM n;
    INSERT INTO volume
      SELECT i, iif(is_found, 'web', 'volume') || i, 1, 1, i, 'local', NULL, 0, '', 0, 0, x'7B7D', NULL, NULL
      FROM n;
    UPDATE volume SET name = 'v' WHERE generation = 1;
    INSERT INTO volume VALUES (0, 'web', 1, 1, 0, 'local', NULL, 0, '', 0, 0, x'7B7D', NULL, NULL);
    INSERT INTO volume_label SELECT i, iif(is_found, 'k', 'key' || i), 'v' FROM n;
    INSERT INTO volume_label SELECT i, 'common', 'v' FROM n;
    INSERT INTO volume_mount SELECT i, i FROM n;
    INSERT INTO extra_index VALUES (2, 5, CAST('["owner"]' AS BLOB));
    INSERT INTO extra_value SELECT 2, iif(is_found, 'x', 'v' || i), NULL, i FROM n;
    INSERT INTO volume_use SELECT i, iif(is_found, 1, i) FROM n;
    INSERT INTO record SELECT i + \(count), 2, iif(is_found, 'pp', 'y') || i, 'pod' || i, i, 0, '', '' FROM n;
    UPDATE record SET name = 'p' WHERE generation = \(count) + 1;
    INSERT INTO pod SELECT i + \(count), 1, x'7B7D', NULL FROM n;
    INSERT INTO pod_state SELECT i + \(count), 1, '', NULL FROM n;
    INSERT INTO pod_label SELECT i + \(count), iif(is_found, 'k', 'key' || i), 'v' FROM n;
    INSERT INTO pod_label SELECT i + \(count), 'common', 'v' FROM n;
    INSERT INTO pod_member SELECT i, iif(is_found, 1, i) + \(count), 0 FROM n;
    UPDATE record SET id = 'c' WHERE generation = 500;
    INSERT INTO dependency SELECT i, iif(is_found, 500, 600) FROM n WHERE i <> 600;
    COMMIT;
    """

  /// How many rows a statement returns, and how many steps of SQLite's machine it takes.
  private func cost(
    _ sql: String, _ values: [FilterValue], limit: Int? = nil
  ) throws -> (rows: Int, steps: Int) {
    var literals = values.map {
      switch $0 {
      case .text(let text): "'\(text)'"
      case .integer(let integer): "\(integer)"
      case .bytes(let bytes): "x'\(bytes.map { String(Int($0) + 256, radix: 16).dropFirst() }.joined())'"
      }
    }
    if let limit { literals.append("\(limit)") }
    let parts = sql.split(separator: "?", omittingEmptySubsequences: false)
    try #require(parts.count == literals.count + 1, "a value for each question mark")
    let statement = zip(parts, literals + [""]).map { $0 + $1 }.joined()
    // The statistics are those of the last statement.
    let output = try fixture.shell(".mode list\n.stats on\n\(statement);")
    let lines = output.split(separator: "\n")
    let line = try #require(lines.first { $0.hasPrefix("Virtual Machine Steps:") }, "\(output)")
    let rows = lines.count { $0.hasPrefix("row") }
    return (rows, try #require(line.split(separator: " ").last.flatMap { Int($0) }))
  }

  private func cost(_ filter: ContainerFilter) throws -> (rows: Int, steps: Int) {
    let listing = try ContainerListing(filter)
    return try cost(
      listing.sql(selecting: "'row', r.name, s.status"), listing.values, limit: filter.limit)
  }

  @Test(
    "a filter that lets ten of 100,000 containers through looks at a few rows, alone and beside a wide one")
  func containers() throws {
    for search in QueryPlanTests.searches {
      var filter = ContainerFilter()
      search.set(&filter)
      let alone = try cost(filter)
      let isOneMoment = search.name.hasPrefix("exited")
      #expect(alone.rows == (isOneMoment ? Self.found / 2 : Self.found), "\(search.name)")
      #expect(alone.steps < Self.stepLimit, "\(search.name): \(alone)")
      // Which of two wide conditions is the narrower one nobody knows beforehand.
      if isOneMoment { continue }
      filter.labels.append(.present("common"))
      let beside = try cost(filter)
      #expect(beside.rows == alone.rows && beside.steps < Self.stepLimit, "\(search.name): \(beside)")
    }
    // What a filter of the many costs, so that the limit means something.
    var wide = ContainerFilter()
    wide.labels = [.present("common")]
    #expect(try cost(wide).steps > 10 * Self.stepLimit)
  }

  @Test("the first ten by creation or name are read from their index, and no further")
  func limited() throws {
    for sort in [ContainerSort.created, .name] {
      for isAscending in [false, true] {
        var filter = ContainerFilter()
        filter.sort = sort
        filter.isAscending = isAscending
        filter.limit = Self.found
        let found = try cost(filter)
        #expect(found.rows == Self.found && found.steps < Self.stepLimit, "\(sort): \(found)")
      }
    }
  }

  @Test("a filter that lets ten of 100,000 pods through looks at a few rows, and so do ten summaries")
  func pods() throws {
    var byPrefix = PodFilter()
    byPrefix.idPrefix = "pp"
    var byKey = PodFilter()
    byKey.labels = [.present("k")]
    var byValue = PodFilter()
    byValue.labels = [.present("common"), .equals("k", "v")]
    var newest = PodFilter()
    newest.limit = Self.found
    for filter in [byPrefix, byKey, byValue, newest] {
      let listing = try PodListing(filter)
      let limit = filter.limit
      let ids = try cost(listing.sql(selecting: "'row', r.id"), listing.values, limit: limit)
      #expect(ids.rows == Self.found && ids.steps < Self.stepLimit, "\(filter): \(ids)")
      let summaries = try cost(listing.summarySQL, listing.values, limit: limit)
      #expect(summaries.steps < Self.stepLimit, "\(filter): \(summaries)")
      #expect(try store.podSummaries(where: filter).pods.count == Self.found)
    }
  }

  @Test("a filter that lets ten of 100,000 volumes through looks at a few rows, and so do ten summaries")
  func volumes() throws {
    for search in QueryPlanTests.volumeSearches {
      var filter = VolumeFilter()
      search.set(&filter)
      try expectFew(filter)
      filter.labels.append(.present("common"))
      // The volume that was there before all others has no label.
      if filter.namePrefix == nil { try expectFew(filter) }
    }
    var first = VolumeFilter()
    first.limit = Self.found
    try expectFew(first)
    var wide = VolumeFilter()
    wide.labels = [.present("common")]
    let listing = try VolumeListing(wide)
    #expect(try cost(listing.sql(selecting: "r.name"), listing.values).steps > 10 * Self.stepLimit)
  }

  private func expectFew(_ filter: VolumeFilter) throws {
    let listing = try VolumeListing(filter)
    let limit = filter.limit
    let names = try cost(listing.sql(selecting: "'row', r.name"), listing.values, limit: limit)
    #expect(names.rows == Self.found && names.steps < Self.stepLimit, "\(filter): \(names)")
    let summaries = try cost(
      listing.sql(selecting: VolumeListing.summaryColumns), listing.values, limit: limit)
    #expect(summaries.steps < Self.stepLimit, "\(filter): \(summaries)")
    #expect(try store.volumeSummaries(where: filter).volumes.count == Self.found)
  }
}
