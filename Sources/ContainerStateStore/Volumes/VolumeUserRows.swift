internal import SQLiteStorage
internal import StateModel

/// Which containers use volumes, and which have them mounted; inside the caller's transaction.
enum VolumeUserRows {
  /// Records the volumes that a container uses.
  ///
  /// - Throws: `notFound` for one that is not there.
  static func insert(
    _ volumes: Set<VolumeName>, of id: ContainerID, generation: Int64, in connection: Connection
  ) throws {
    for name in volumes {
      guard let volume = try VolumeRows.generation(of: name, in: connection) else {
        throw StoreError.volumeOfContainerMissing(name, container: id)
      }
      let row = try connection.statement("INSERT INTO volume_use (container, volume) VALUES (?1, ?2)")
      try row.bind(1, generation)
      try row.bind(2, volume)
      try row.run()
    }
  }

  /// Makes the volumes that a container uses anew.
  ///
  /// - Throws: `notFound` for one that is not there.
  static func replace(
    _ volumes: Set<VolumeName>, of id: ContainerID, generation: Int64, in connection: Connection
  ) throws {
    let row = try connection.statement("DELETE FROM volume_use WHERE container = ?1")
    try row.bind(1, generation)
    try row.run()
    try insert(volumes, of: id, generation: generation, in: connection)
  }

  /// The volumes that the container of this generation uses.
  static func volumes(ofContainer generation: Int64, in connection: Connection) throws -> Set<VolumeName> {
    let row = try connection.statement(
      """
      SELECT v.name FROM volume_use u JOIN volume v ON v.generation = u.volume WHERE u.container = ?1
      """)
    try row.bind(1, generation)
    return Set(try VolumeRows.readableNames(row))
  }

  /// The containers that use the volume of this generation, by id.
  static func users(of volume: Int64, in connection: Connection) throws -> [ContainerID] {
    let row = try connection.statement(
      """
      SELECT r.id, r.generation FROM volume_use u JOIN record r ON r.generation = u.container
      WHERE u.volume = ?1 ORDER BY r.id
      """)
    try row.bind(1, volume)
    return try ContainerRows.readableIDs(row).map(\.id)
  }

  /// The containers that have the volume of this generation mounted, by id.
  static func mounters(of volume: Int64, in connection: Connection) throws -> [ContainerID] {
    let row = try connection.statement(
      """
      SELECT r.id, r.generation FROM volume_mount m JOIN record r ON r.generation = m.container
      WHERE m.volume = ?1 ORDER BY r.id
      """)
    try row.bind(1, volume)
    return try ContainerRows.readableIDs(row).map(\.id)
  }

  /// Records that a container has a volume mounted; returns whether it had not.
  static func mount(
    _ volume: Int64, container: Int64, in connection: Connection
  ) throws -> Bool {
    let row = try connection.statement(
      "INSERT OR IGNORE INTO volume_mount (container, volume) VALUES (?1, ?2)")
    try row.bind(1, container)
    try row.bind(2, volume)
    try row.run()
    return connection.changes == 1
  }

  /// Records that a container has a volume mounted no more; returns whether it had.
  static func unmount(
    _ volume: Int64, container: Int64, in connection: Connection
  ) throws -> Bool {
    let row = try connection.statement("DELETE FROM volume_mount WHERE container = ?1 AND volume = ?2")
    try row.bind(1, container)
    try row.bind(2, volume)
    try row.run()
    return connection.changes == 1
  }

  static func mountCount(of volume: Int64, in connection: Connection) throws -> Int {
    let row = try connection.statement("SELECT count(*) FROM volume_mount WHERE volume = ?1")
    try row.bind(1, volume)
    return try row.step() ? Int(try row.int64(0)) : 0
  }

  /// The anonymous volumes that a container uses and nobody but these containers, nor has mounted.
  static func anonymous(
    goingWith containers: Set<Int64>, in connection: Connection
  ) throws -> Set<VolumeName> {
    var going: Set<VolumeName> = []
    let row = try connection.statement(
      """
      SELECT v.name, v.generation FROM volume_use u JOIN volume v ON v.generation = u.volume
      WHERE u.container IN (SELECT value FROM json_each(?1)) AND v.is_anonymous = 1
      """)
    try row.bind(1, ContainerRows.array(of: containers))
    while try row.step() {
      if try !isUsed(row.int64(1), besides: containers, in: connection) {
        going.insert(try VolumeRows.name(row, 0))
      }
    }
    return going
  }

  private static func isUsed(
    _ volume: Int64, besides containers: Set<Int64>, in connection: Connection
  ) throws -> Bool {
    let row = try connection.statement(
      """
      SELECT container FROM volume_use WHERE volume = ?1
      UNION ALL SELECT container FROM volume_mount WHERE volume = ?1
      """)
    try row.bind(1, volume)
    while try row.step() {
      if try !containers.contains(row.int64(0)) { return true }
    }
    return false
  }
}
