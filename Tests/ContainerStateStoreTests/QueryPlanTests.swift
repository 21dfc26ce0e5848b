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
        "SEARCH r USING INDEX record_by_creation (kind=?)",
        "SEARCH s USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
      ])
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
}
