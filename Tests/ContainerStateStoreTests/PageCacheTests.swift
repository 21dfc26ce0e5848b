@testable internal import ContainerStateStore
internal import SQLiteStorage
internal import Testing

@Suite("Page cache")
struct PageCacheTests {
  @Test(
    "every connection keeps as much of the database as was asked for, within bounds",
    arguments: [(nil, 65_536), (8 << 20, 8_192), (0, 256), (Int.max, 1 << 20)])
  func pageCache(bytes: Int?, kibibytes: Int64) throws {
    var fixture = try StoreFixture()
    if let bytes { fixture.options.pageCacheMaximumBytes = bytes }
    let store = try fixture.open()
    func pageCache(_ connection: Connection) throws -> Int64 {
      let row = try connection.statement(dynamic: "PRAGMA cache_size")
      return try row.step() ? row.int64(0) : 0
    }
    // The second is another connection.
    let (first, second) = try store.database.readOne { outer in
      (try pageCache(outer), try store.database.readOne(pageCache))
    }
    #expect(first == -kibibytes && second == -kibibytes)
  }
}
