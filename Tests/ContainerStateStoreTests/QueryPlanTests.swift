@testable internal import ContainerStateStore
internal import SQLiteStorage
internal import StoreTestSupport
internal import Testing

@Suite("Query plans: what is found by an index reads no other container")
struct QueryPlanTests {
  let fixture: StoreFixture
  let store: StateStore
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  /// What SQLite is going to do, one line per step.
  private func plan(_ sql: String) throws -> [String] {
    try store.database.readOne { connection in
      let row = try connection.statement(dynamic: "EXPLAIN QUERY PLAN " + sql)
      var steps: [String] = []
      while try row.step() { steps.append(try row.string(3)) }
      return steps
    }
  }

  @Test("a lookup by prefix is a range of the index of ids, in its order")
  func lookup() throws {
    let steps = try plan("\(ContainerRows.idsInRange)")
    #expect(steps == ["SEARCH record USING INDEX sqlite_autoindex_record_1 (id>? AND id<?)"])
  }

  @Test("a listing of all is in the order of its index, without sorting")
  func all() throws {
    let steps = try plan(ContainerListing(.all).sql(selecting: "r.name, s.status"))
    #expect(
      steps == [
        "SEARCH r USING INDEX record_by_creation_with_id (kind=?)",
        "SEARCH s USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
      ])
  }

  @Test("the pod of each container is one look by its key")
  func podOfEach() throws {
    let columns = ContainerListing.summaryColumns
    let steps = try plan(ContainerListing(.all).sql(selecting: columns, including: .pod))
    #expect(steps.contains("SEARCH m USING INTEGER PRIMARY KEY (rowid=?)"), "\(steps)")
    #expect(steps.contains("SEARCH p USING INTEGER PRIMARY KEY (rowid=?)"), "\(steps)")
    #expect(!steps.contains { $0.hasPrefix("SCAN") }, "\(steps)")
  }

  @Test("a listing by a prefix or by a label's value begins with the index that knows it")
  func narrow() throws {
    var byPrefix = ContainerFilter()
    byPrefix.idPrefix = "abc"
    let prefixSteps = try plan(ContainerListing(byPrefix).sql(selecting: "r.name, s.status"))
    #expect(prefixSteps.first == "SEARCH r USING INDEX sqlite_autoindex_record_1 (id>? AND id<?)")
    var byLabel = ContainerFilter()
    byLabel.labels = [.equals("tier", "web")]
    let labelSteps = try plan(ContainerListing(byLabel).sql(selecting: "r.name, s.status"))
    #expect(labelSteps.first == "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)")
  }

  /// A filter and the index that has to find what it lets through.
  struct Search: CustomTestStringConvertible, Sendable {
    let name: String
    let index: String
    let set: @Sendable (inout ContainerFilter) -> Void
    var testDescription: String { name }
  }

  static let searches = [
    Search(name: "pod", index: "pod_member_by_pod (pod=?)") { $0.pod = "p" },
    Search(name: "volume", index: "volume_use_by_volume (volume=?)") { $0.volume = "v" },
    Search(name: "network", index: "network_connection_by_network (network=?)") { $0.network = "n" },
    Search(name: "image id", index: "record_by_image_id (image_id=?)") { $0.images = ["a", "b"] },
    Search(name: "image name", index: "record_by_image_name (image_name=?)") { $0.images = ["a"] },
    Search(name: "exit code", index: "container_by_exit_code (exit_code=?)") { $0.exitCodes = [1, 137] },
    Search(name: "active status", index: "container_by_active_status (status=?)") {
      $0.statuses = [.running, .paused, .stopping]
    },
    Search(name: "exited since", index: "container_by_finish (finished_at_ns>?)") {
      $0.exitedSince = Timestamp(nanosecondsSinceEpoch: 5_000)
    },
    Search(name: "exited before", index: "container_by_finish (finished_at_ns>? AND finished_at_ns<?)") {
      $0.exitedBefore = Timestamp(nanosecondsSinceEpoch: 5)
    },
    Search(name: "dependants", index: "dependency_by_dependency (dependency=?)") {
      $0.dependantsOf = ContainerID(unchecked: "c")
    },
    Search(name: "extra", index: "extra_value_by_value (number=? AND value=?)") {
      $0.extra = [.init(path: ["owner"], equals: .string("x"))]
    },
    Search(name: "label", index: "label_by_value (key=?)") { $0.labels = [.present("k")] },
    Search(name: "label's value", index: "label_by_value (key=? AND value=?)") {
      $0.labels = [.equals("k", "v")]
    },
    Search(name: "name pattern", index: "sqlite_autoindex_record_2 (kind=? AND name>? AND name<?)") {
      $0.namePattern = "web*"
    },
    Search(name: "id prefix", index: "sqlite_autoindex_record_1 (id>? AND id<?)") { $0.idPrefix = "ab" },
  ]

  @Test("each filter begins with the index that knows it, alone and beside every other", arguments: searches)
  func search(_ search: Search) throws {
    var filter = ContainerFilter()
    search.set(&filter)
    let steps = try plan(ContainerListing(filter).sql(selecting: "r.name, s.status"))
    #expect(steps.contains { $0.contains(search.index) }, "\(steps)")
    expectNoScan(steps)
    for other in Self.searches {
      search.set(&filter)
      other.set(&filter)
      expectNoScan(try plan(ContainerListing(filter).sql(selecting: "r.name, s.status")))
      filter = ContainerFilter()
    }
  }

  @Test("whatever it is sorted by, a filter begins with its index; all by name come in the order of theirs")
  func sorted() throws {
    for sort in ContainerSort.allCases {
      var filter = ContainerFilter()
      filter.sort = sort
      filter.pod = "p"
      expectNoScan(try plan(ContainerListing(filter).sql(selecting: "r.name, s.status")))
    }
    var byName = ContainerFilter()
    byName.sort = .name
    byName.isAscending = true
    let steps = try plan(ContainerListing(byName).sql(selecting: "r.name, s.status"))
    #expect(steps.first?.contains("INDEX sqlite_autoindex_record_2 (kind=?)") == true, "\(steps)")
    #expect(!steps.contains { $0.contains("TEMP B-TREE") }, "\(steps)")
  }

  @Test("pods are found by the indexes of ids and labels, and listed in the order of theirs")
  func pods() throws {
    var byPrefix = PodFilter()
    byPrefix.idPrefix = "ab"
    var byKey = PodFilter()
    byKey.labels = [.present("k")]
    var byValue = PodFilter()
    byValue.labels = [.present("k"), .equals("k", "v")]
    for (filter, index) in [
      (byPrefix, "sqlite_autoindex_record_1 (id>? AND id<?)"), (byKey, "pod_label_by_value (key=?)"),
      (byValue, "pod_label_by_value (key=? AND value=?)"),
    ] {
      for sql in [try PodListing(filter).sql(selecting: "r.id"), try PodListing(filter).summarySQL] {
        let steps = try plan(sql)
        #expect(steps.contains { $0.contains(index) }, "\(steps)")
        expectNoScan(steps)
      }
    }
    let all = try plan(PodListing(.all).sql(selecting: "r.id"))
    #expect(all == ["SEARCH r USING COVERING INDEX record_by_creation_with_id (kind=?)"])
    #expect(try plan(PodListing(.all).summarySQL).contains { $0.contains("pod_member_by_pod (pod=?)") })
  }

  /// A filter of volumes and the index that has to find what it lets through.
  struct VolumeSearch: Sendable {
    let index: String
    let set: @Sendable (inout VolumeFilter) -> Void
  }

  static let volumeSearches = [
    VolumeSearch(index: "sqlite_autoindex_volume_1 (name>? AND name<?)") { $0.namePrefix = "web" },
    VolumeSearch(index: "extra_value_by_value (number=? AND value=?)") {
      $0.extra = [.init(path: ["owner"], equals: .string("x"))]
    },
    VolumeSearch(index: "volume_label_by_value (key=? AND value=?)") { $0.labels = [.equals("k", "v")] },
    VolumeSearch(index: "volume_label_by_value (key=?)") { $0.labels = [.present("k")] },
  ]

  @Test("volumes are found by the indexes of names, labels and declared paths, and listed in their order")
  func volumes() throws {
    for search in Self.volumeSearches {
      for other in [nil] + Self.volumeSearches {
        var filter = VolumeFilter()
        search.set(&filter)
        other?.set(&filter)
        for columns in ["r.name", VolumeListing.summaryColumns] {
          let steps = try plan(VolumeListing(filter).sql(selecting: columns))
          if other == nil { #expect(steps.contains { $0.contains(search.index) }, "\(steps)") }
          expectNoScan(steps)
        }
      }
    }
    let all = try plan(VolumeListing(.all).sql(selecting: VolumeListing.summaryColumns))
    #expect(all.first?.hasPrefix("SCAN r USING INDEX sqlite_autoindex_volume_1") == true, "\(all)")
    #expect(all.contains { $0.contains("volume_use_by_volume (volume=?)") }, "\(all)")
    #expect(all.contains { $0.contains("volume_mount_by_volume (volume=?)") }, "\(all)")
    #expect(!all.contains { $0.contains("TEMP B-TREE") }, "\(all)")
  }

  /// No table is read whole, and no index of all containers is walked.
  private func expectNoScan(_ steps: [String], sourceLocation: SourceLocation = #_sourceLocation) {
    let whole = steps.filter { step in
      // Lists of values and the rows of a subquery are no tables.
      let isOfSubquery =
        step.contains("SUBQUERY") || steps.contains(step.replacing("SCAN", with: "CO-ROUTINE"))
      return step.hasPrefix("SCAN") && !isOfSubquery || step.hasSuffix("(kind=?)")
    }
    #expect(whole.isEmpty, "\(steps)", sourceLocation: sourceLocation)
  }
}
