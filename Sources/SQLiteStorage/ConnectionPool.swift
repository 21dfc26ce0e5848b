/// The connections that wait for an operation, and how many are out with one.
///
/// Guarded by its database's mutex.
struct ConnectionPool {
  private var idle: [PooledConnection]
  private var lentCount = 0
  private var isClosed = false

  init(first: sending Connection) {
    idle = [PooledConnection(first)]
  }

  /// An idle connection, or nil when the caller must open one; either counts as lent.
  mutating func checkOut(path: String) throws(StorageError) -> PooledConnection? {
    guard !isClosed else { throw StorageError(.closed, path: path, message: "the database was closed") }
    lentCount += 1
    return idle.popLast()
  }

  /// Takes a connection back (nil: the opening failed).
  ///
  /// Returns one to close, and whether nothing is open after that.
  mutating func giveBack(
    _ connection: PooledConnection?, idleConnections: Int
  ) -> (surplus: PooledConnection?, isLast: Bool) {
    lentCount -= 1
    guard isClosed || idle.count >= idleConnections || connection?.connection.isStuck == true else {
      if let connection { idle.append(connection) }
      return (nil, false)
    }
    return (connection, isClosed && lentCount == 0)
  }

  /// Refuses everything from now on.
  ///
  /// Nil when it was closed already; the operations that are still under way close their connections
  /// themselves.
  mutating func close() -> (idle: [PooledConnection], isLast: Bool)? {
    guard !isClosed else { return nil }
    isClosed = true
    defer { idle = [] }
    return (idle, lentCount == 0)
  }
}

/// A connection on its way in or out of the pool.
///
/// SAFETY: a `Connection` is used by one thread at a time, because it is either in the pool, where
/// nobody uses it, or lent to the one operation that took it out; the pool's mutex orders the two.
struct PooledConnection: @unchecked Sendable {
  let connection: Connection

  init(_ connection: Connection) { self.connection = connection }
}
