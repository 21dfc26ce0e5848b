public import JSONText
internal import SQLiteStorage
public import StateModel

/// How connections are read from rows and written to them, inside the caller's transaction.
enum NetworkRows {
  /// The connections of the container of this generation, by network.
  static func connections(
    ofGeneration generation: Int64, in connection: Connection
  ) throws -> [NetworkConnection] {
    let row = try connection.statement(
      "SELECT network, options, status FROM network_connection WHERE container = ?1 ORDER BY network")
    try row.bind(1, generation)
    var found: [NetworkConnection] = []
    while try row.step() {
      found.append(
        NetworkConnection(
          unchecked: try row.string(0),
          options: try NetworkOptions(decoding: JSONBytes(unchecked: try row.bytes(1)).root),
          status: row.isNull(2) ? nil : JSONBytes(unchecked: try row.bytes(2))))
    }
    return found
  }

  /// - Throws: `alreadyConnected`.
  static func insert(
    _ new: NetworkConnection, of id: ContainerID, generation: Int64, in connection: Connection
  ) throws {
    guard try !exists(new.network, generation: generation, in: connection) else {
      throw StoreError.alreadyConnected(id, new.network)
    }
    let row = try connection.statement(
      "INSERT INTO network_connection (container, network, options, status) VALUES (?1, ?2, ?3, ?4)")
    try row.bind(1, generation)
    try row.bind(2, new.network)
    try row.bind(3, new.options.encoded().bytes)
    if let status = new.status { try row.bind(4, status.bytes) } else { try row.bindNull(4) }
    try row.run()
  }

  static func exists(_ network: String, generation: Int64, in connection: Connection) throws -> Bool {
    let row = try connection.statement(
      "SELECT 1 FROM network_connection WHERE container = ?1 AND network = ?2")
    try row.bind(1, generation)
    try row.bind(2, network)
    return try row.step()
  }

  /// Returns whether there was such a connection.
  static func setOptions(
    _ options: NetworkOptions, of network: String, generation: Int64, in connection: Connection
  ) throws -> Bool {
    let row = try connection.statement(
      "UPDATE network_connection SET options = ?3 WHERE container = ?1 AND network = ?2")
    try row.bind(1, generation)
    try row.bind(2, network)
    try row.bind(3, options.encoded().bytes)
    try row.run()
    return connection.changes == 1
  }

  /// Returns whether there was such a connection.
  static func setStatus(
    _ status: JSONBytes?, of network: String, generation: Int64, in connection: Connection
  ) throws -> Bool {
    let row = try connection.statement(
      "UPDATE network_connection SET status = ?3 WHERE container = ?1 AND network = ?2")
    try row.bind(1, generation)
    try row.bind(2, network)
    if let status { try row.bind(3, status.bytes) } else { try row.bindNull(3) }
    try row.run()
    return connection.changes == 1
  }

  /// Returns whether there was such a connection.
  static func remove(_ network: String, generation: Int64, in connection: Connection) throws -> Bool {
    let row = try connection.statement("DELETE FROM network_connection WHERE container = ?1 AND network = ?2")
    try row.bind(1, generation)
    try row.bind(2, network)
    try row.run()
    return connection.changes == 1
  }
}

extension StateStore {
  /// The connections of the container of exactly this id, by the names of their networks.
  ///
  /// - Throws: `notFound`, `corrupt`.
  /// - Blocking: for nobody.
  public func networks(of id: ContainerID) throws(StoreError) -> [NetworkConnection] {
    try perform("list networks") {
      try database.read { connection in
        guard let generation = try ContainerRows.generation(of: id, in: connection) else {
          throw StoreError.notFound(id.rawValue)
        }
        return try StoreError.naming(id) {
          try NetworkRows.connections(ofGeneration: generation, in: connection)
        }
      }
    }
  }
}

extension LockedContainer {
  /// Connects the container to a network.
  ///
  /// A connection has no revision of its own; here and below the one to expect is that of the container's
  /// state.
  ///
  /// - Throws: `alreadyConnected`, and as `update`.
  public borrowing func connect(
    _ new: NetworkConnection, expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    let (id, generation) = (container.id, container.generation)
    try scope.writePart("connect network", expecting: revision, durability: durability) { connection in
      try NetworkRows.insert(new, of: id, generation: generation, in: connection)
      return .init(kind: .network, id: id.rawValue, action: .connected)
    }
  }

  /// Changes how the container is connected to a network; the status of the connection stays.
  ///
  /// - Throws: `notConnected`, `invalidArgument`, and as `update`.
  public borrowing func modify(
    _ network: String, _ options: NetworkOptions, expecting revision: Int64? = nil,
    durability: Durability = .durable
  ) throws(StoreError) {
    _ = try NetworkConnection(network: network, options: options)
    try change(network, "modify network", .updated, revision, durability) { (generation, connection) in
      try NetworkRows.setOptions(options, of: network, generation: generation, in: connection)
    }
  }

  /// Sets or, with nil, removes what the network's driver said of a connection.
  ///
  /// - Throws: `notConnected`, `invalidArgument`, and as `update`.
  public borrowing func setNetworkStatus(
    _ status: JSONBytes?, of network: String, expecting revision: Int64? = nil,
    durability: Durability = .committed
  ) throws(StoreError) {
    try ContainerConfiguration.checkExtra(status)
    try change(network, "set network status", .updated, revision, durability) { (generation, connection) in
      try NetworkRows.setStatus(status, of: network, generation: generation, in: connection)
    }
  }

  /// Disconnects the container from a network.
  ///
  /// - Throws: `notConnected`, and as `update`.
  public borrowing func disconnect(
    _ network: String, expecting revision: Int64? = nil, durability: Durability = .durable
  ) throws(StoreError) {
    try change(network, "disconnect network", .disconnected, revision, durability) {
      (generation, connection) in
      try NetworkRows.remove(network, generation: generation, in: connection)
    }
  }

  private borrowing func change(
    _ network: String, _ operation: String, _ action: ChangeAction, _ revision: Int64?,
    _ durability: Durability, _ write: (Int64, Connection) throws -> Bool
  ) throws(StoreError) {
    let (id, generation) = (container.id, container.generation)
    try scope.writePart(operation, expecting: revision, durability: durability) { connection in
      guard try write(generation, connection) else { throw StoreError.notConnected(id, network) }
      return .init(kind: .network, id: id.rawValue, action: action)
    }
  }
}

extension StoreError {
  static func alreadyConnected(_ id: ContainerID, _ network: String) -> StoreError {
    StoreError(
      .alreadyConnected, subject: id.rawValue,
      message: "the container is connected to network \(printable(network)) already; modify that connection")
  }

  static func notConnected(_ id: ContainerID, _ network: String) -> StoreError {
    StoreError(
      .notConnected, subject: id.rawValue,
      message: "the container is not connected to network \(printable(network)); list its networks")
  }
}
