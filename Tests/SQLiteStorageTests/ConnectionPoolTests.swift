@testable import SQLiteStorage
internal import Testing

@Suite("Connections in and out of the pool")
struct ConnectionPoolTests {
  @Test("D-6: who leaves last leaves when every connection has been closed, his own and those of others")
  func lastOut() throws {
    let fixture = try Fixture()
    try fixture.create()
    func another() throws -> PooledConnection {
      PooledConnection(try Connection(path: fixture.path, options: fixture.options))
    }
    var pool = ConnectionPool(first: try Connection(path: fixture.path, options: fixture.options))
    // Three operations at once: one finds a connection idle, and of the three one stays and one is surplus.
    let idle = try pool.checkOut(path: fixture.path)
    let first = try #require(idle)
    let lent = [first, try another(), try another()]
    for _ in 0..<2 { _ = try pool.checkOut(path: fixture.path) }
    let isKept = lent[1...].map { pool.keep($0, idleConnections: 1) }
    let isLastWithoutClose = pool.forget()
    #expect(isKept == [true, false] && !isLastWithoutClose)

    let closing = pool.close()
    #expect(closing?.isLast == false)
    #expect(closing?.idle.count == 1)
    let isKeptAfterClose = pool.keep(lent[0], idleConnections: 1)
    // Of the close and the operation under way, the first to end leaves a connection of the other's open.
    let isLast = [pool.forget(), pool.forget()]
    #expect(!isKeptAfterClose && isLast == [false, true])
    for pooled in lent { pooled.connection.close() }
  }
}
