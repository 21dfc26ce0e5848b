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

  /// Takes a connection back; false: there are enough, close it and `forget` it.
  mutating func keep(_ connection: PooledConnection, idleConnections: Int) -> Bool {
    guard !isClosed, idle.count < idleConnections else { return false }
    lentCount -= 1
    idle.append(connection)
    return true
  }

  /// Counts one as lent no more that has been closed or could not be opened; true: nothing is open any more.
  mutating func forget() -> Bool {
    lentCount -= 1
    return isClosed && lentCount == 0
  }

  /// Refuses everything from now on, and gives out what is idle to be closed; all of it counts as one lent.
  ///
  /// Nil when it was closed already; the operations that are still under way close their connections
  /// themselves.
  mutating func close() -> (idle: [PooledConnection], isLast: Bool)? {
    guard !isClosed else { return nil }
    isClosed = true
    defer {
      idle = []
      lentCount += 1
    }
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
