internal import SQLiteStorage
internal import StateModel

/// The repairs of one transaction.
struct Repair {
  private let connection: Connection
  private let quarantine: Quarantine
  private(set) var actions: [RepairAction] = []
  /// The containers that were changed and whose ids can be read: their locks are needed.
  private(set) var containers: Set<ContainerID> = []

  init(_ connection: Connection) {
    self.connection = connection
    quarantine = Quarantine(connection)
  }

  mutating func run() throws {
    connection.forgetPages()
    // What is moved may for a moment refer to what was moved before it.
    try connection.execute("PRAGMA defer_foreign_keys=ON")
    try mendStates()
    try moveBrokenRecords()
    try moveDanglingRows()
    try remakeIndexes()
    try refillExtraIndexes()
  }

  private mutating func did(_ rule: String, _ subject: String, _ description: String) {
    actions.append(
      RepairAction(rule: rule, subject: printable(subject, limit: 128), description: description))
  }

  /// INVARIANT I-4: a container that has ended or never begun has no process.
  private mutating func mendStates() throws {
    for (id, generation) in try records(
      "JOIN container_state s USING (generation) WHERE r.kind = 1 AND s.pid <> 0 AND s.status IN (1, 6, 7)")
    {
      let row = try connection.statement(
        """
        UPDATE container_state SET pid = 0, pid_start_time = 0, revision = revision + 1
        WHERE generation = ?1
        """)
      try row.bind(1, generation)
      try row.run()
      containers.insert(id)
      did("I-4", id.rawValue, "the process that its state cannot have is forgotten")
    }
  }

  /// INVARIANT I-16, I-10: containers that cannot be read or lack a part.
  private mutating func moveBrokenRecords() throws {
    let rows = try connection.statement(dynamic: "SELECT generation, id FROM record WHERE kind = 1")
    var broken: [(generation: Int64, id: String)] = []
    while try rows.step() {
      let generation = try rows.int64(0)
      guard let text = try? rows.string(1), let id = try? ContainerID(text) else {
        broken.append((generation, "generation \(generation)"))
        continue
      }
      let container = try StoreReads.skippingCorrupt { () throws -> Container? in
        guard let found = try ContainerRows.container(id, in: connection),
          try ContainerRows.specification(generation: generation, in: connection) != nil
        else { return nil }
        _ = try found.configuration.details()
        return found
      }
      if container?.generation != generation { broken.append((generation, text)) }
    }
    for (generation, subject) in broken where try !hasDependants(generation) {
      if let id = try? ContainerID(subject) { containers.insert(id) }
      try quarantine.takeRecord(generation, rule: "I-16")
      did(
        "I-16", subject, "it cannot be read or lacks a part: moved to quarantine with all that belongs to it")
    }
  }

  private func hasDependants(_ generation: Int64) throws -> Bool {
    let row = try connection.statement("SELECT 1 FROM dependency WHERE dependency = ?1 AND dependant <> ?1")
    try row.bind(1, generation)
    return try row.step()
  }

  /// INVARIANT I-10: until nothing refers to what is not there, since what is moved may have been referred
  /// to.
  private mutating func moveDanglingRows() throws {
    var isDone = false
    while !isDone {
      isDone = true
      for table in try quarantine.tables() {
        for reference in try quarantine.references(of: table) {
          let count = try quarantine.take(
            from: table, where: "\(reference.column) NOT IN (SELECT rowid FROM \(reference.parent))",
            rule: "I-10")
          guard count > 0 else { continue }
          isDone = false
          did("I-10", table, "rows without their \(reference.parent): \(count) moved to quarantine")
        }
      }
    }
  }

  /// INVARIANT I-3: labels, volumes, dependencies and what listings show are what the configuration says.
  private mutating func remakeIndexes() throws {
    for (id, generation) in try records("WHERE r.kind = 1") {
      let found = try StoreReads.skippingCorrupt { try ContainerRows.container(id, in: connection) }
      guard let container = found, let labels = try? container.configuration.labels(),
        let dependencies = try? container.configuration.dependencies()
      else { continue }
      if try LabelTable.container.labels(of: generation, in: connection) != labels {
        try LabelTable.container.replace(with: labels, generation: generation, in: connection)
        containers.insert(id)
        did("I-3", id.rawValue, "the index of its labels is made anew")
      }
      if (try? container.configuration.shownParts()) != nil,
        try !ListingRows.isTrue(to: container.configuration, generation: generation, in: connection)
      {
        try ListingRows.replace(with: container.configuration, generation: generation, in: connection)
        containers.insert(id)
        did("I-3", id.rawValue, "what listings show of it is made anew")
      }
      if let volumes = try? container.configuration.volumes(),
        try VolumeUserRows.volumes(ofContainer: generation, in: connection) != volumes,
        try volumes.allSatisfy({ try VolumeRows.generation(of: $0, in: connection) != nil })
      {
        try VolumeUserRows.replace(volumes, of: id, generation: generation, in: connection)
        containers.insert(id)
        did("I-3", id.rawValue, "the index of its volumes is made anew")
      }
      guard try ContainerRows.dependencies(of: generation, in: connection) != dependencies,
        try dependencies.allSatisfy({ try ContainerRows.generation(of: $0, in: connection) != nil })
      else { continue }
      try ContainerRows.replaceDependencies(dependencies, of: id, generation: generation, in: connection)
      containers.insert(id)
      did("I-3", id.rawValue, "the index of its dependencies is made anew")
    }
  }

  /// INVARIANT I-3: the values at declared paths are what the JSON of the records says.
  private mutating func refillExtraIndexes() throws {
    for index in try ExtraIndexRows.all(in: connection) {
      guard let number = try ExtraIndexRows.number(of: index, in: connection),
        try !ExtraIndexRows.isTrue(number: number, index, in: connection)
      else { continue }
      try ExtraIndexRows.refill(number: number, index, in: connection)
      did("I-3", index.pathText, "the values at this declared path are taken anew")
    }
  }

  private func records(_ condition: String) throws -> [(id: ContainerID, generation: Int64)] {
    let row = try connection.statement(dynamic: "SELECT r.id, r.generation FROM record r \(condition)")
    return try ContainerRows.readableIDs(row)
  }
}
