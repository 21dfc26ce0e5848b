internal import FileLocking
internal import SQLiteStorage
public import StateModel

/// A rule of the store that does not hold.
public struct Violation: Sendable, Hashable {
  /// The rule's number, as `docs/architecture.md` and `docs/locking-protocol.md` list them, or `database`.
  public let rule: String
  /// What breaks it: an id, a table, a file.
  public let subject: String
  /// What was found and what to do.
  public let message: String
}

extension Violation {
  /// Damage that ended a check; every other error is thrown again.
  fileprivate init(damage error: any Error) throws {
    let damage = StoreError.mapped(error)
    guard damage.code == .corrupt else { throw error }
    self.init(
      rule: "database", subject: printable(damage.subject, limit: 128),
      message: printable(damage.message, limit: 1024))
  }
}

extension Violation: CustomStringConvertible {
  /// The violation as one line for a person.
  public var description: String { "\(rule) \(subject): \(message)" }
}

extension StateStore {
  /// Reads everything and returns each rule that does not hold; empty where all do.
  ///
  /// Changes nothing.
  ///
  /// - Parameter progress: called on this thread as each part begins, and at each hundredth of containers.
  /// - Returns: the violations, in the order in which they were found.
  /// - Throws: `io` and the like, where the store cannot be read at all; damage is returned, not thrown.
  /// - Blocking: for nobody; the database part is one snapshot, whatever others write meanwhile.
  /// - Process safety: a lockfile that another process has made and not yet locked may be named as an orphan;
  ///   it is not named again.
  public func verify(
    progress: ((VerificationProgress) -> Void)? = nil
  ) throws(StoreError) -> [Violation] {
    try perform("verify") {
      let readersBefore = try readersOfLongWAL()
      var violations = try database.read { connection in
        // What is damaged on the disk is not seen in pages that are remembered.
        connection.forgetPages()
        var verification = Verification(connection, progress: progress)
        try verification.checkEverything()
        return verification.violations
      }
      progress?(VerificationProgress(part: .files, checkedContainers: 0, containers: 0))
      let checks = [
        orphanedLockFiles, foreignFilesAmongLocks, orphanedSpecificationFiles,
        { try self.violationsOfLongWAL(readersBefore: readersBefore) },
      ]
      for check in checks {
        do { violations += try check() } catch {
          violations.append(try Violation(damage: error))
        }
      }
      return violations
    }
  }

  /// Lockfiles whose container, pod or volume is gone and that nobody holds.
  private func orphanedLockFiles() throws -> [Violation] {
    try holders(of: lockFileNames()).compactMap { report in
      if let failure = report.failure {
        let found = StoreError.mapped(failure)
        guard found.code == .unsafePermissions else { throw found }
        return Violation(rule: "L-9", subject: report.fileName, message: found.message)
      }
      guard report.holder == nil else { return nil }
      func isOwned() throws -> Bool {
        try database.readOne { try LockFileName.isOwned(report.fileName, in: $0) }
      }
      // Looked up after the lock was seen free: whoever adds holds it from before the row is there.
      // And then once more, since whoever removed the container meanwhile has taken its lockfile along.
      guard try !isOwned(), try isFree(report.fileName), try !isOwned() else { return nil }
      return Violation(
        rule: "L-15", subject: report.fileName, message: "nothing owns this lockfile; run recover")
    }
  }

  /// What is no lockfile and lies among them, where they have their directory to themselves.
  private func foreignFilesAmongLocks() throws -> [Violation] {
    let directory = location.lockDirectory
    if directory == location.root || directory == location.specificationDirectory { return [] }
    return try StoreFiles.names(in: directory).filter { LockFileName.owner(of: $0) == nil }.map {
      Violation(
        rule: "L-9", subject: printable($0, limit: 128),
        message: "no lockfile of the store has such a name; move it away")
    }
  }

  private func isKnown(_ id: String) throws -> Bool {
    try database.readOne { try ContainerRows.anyRecordExists(id: id, in: $0) }
  }

  private func holders(of lockFiles: [String]) throws -> [LockReport] {
    try LockTable.shared.report(on: lockFiles, in: location.lockDirectory, listsWaiters: false)
  }

  private func isHeld(_ lockFile: String) throws -> Bool {
    try holders(of: [lockFile]).contains { $0.holder != nil }
  }

  /// Whether there is such a lockfile and nobody holds it.
  private func isFree(_ lockFile: String) throws -> Bool {
    try holders(of: [lockFile]).contains { $0.holder == nil }
  }

  /// Copies whose container is gone and temporary files, where nobody is at work on their container.
  private func orphanedSpecificationFiles() throws -> [Violation] {
    try StoreFiles.names(in: location.specificationDirectory).compactMap { file in
      guard let id = SpecificationCopies.owner(ofFile: file) else {
        return Violation(
          rule: "I-14", subject: file, message: "no file of the store has such a name; move it away")
      }
      let isTemporary = file.hasPrefix(SpecificationCopies.temporaryPrefix)
      func isOrphaned() throws -> Bool {
        if try isHeld(LockFileName.of(id)) { return false }
        return try isTemporary || !isKnown(id.rawValue)
      }
      // Once more: whoever was at work on the container meanwhile has taken the file along.
      guard try isOrphaned(), try StoreFiles.exists(location.specificationDirectory + "/" + file),
        try isOrphaned()
      else { return nil }
      return Violation(
        rule: "I-14", subject: file, message: "left by a writer that died; run recover")
    }
  }
}

/// The checks of one snapshot.
struct Verification {
  let connection: Connection
  private(set) var violations: [Violation] = []
  private let progress: ((VerificationProgress) -> Void)?

  init(_ connection: Connection, progress: ((VerificationProgress) -> Void)? = nil) {
    self.connection = connection
    self.progress = progress
  }

  private func tell(_ part: VerificationProgress.Part, checked: Int = 0, of containers: Int = 0) {
    progress?(VerificationProgress(part: part, checkedContainers: checked, containers: containers))
  }

  mutating func report(_ rule: String, _ subject: String, _ message: String) {
    violations.append(
      Violation(rule: rule, subject: printable(subject, limit: 128), message: printable(message, limit: 1024))
    )
  }

  /// Every check, each on its own: damage that ends one hides nothing that another would find.
  mutating func checkEverything() throws {
    tell(.database)
    try check { try $0.checkDatabase() }
    try check { try $0.checkSchema() }
    tell(.rules)
    try check { try $0.checkRules() }
    try check { try $0.checkContainers() }
    tell(.otherRecords)
    try check { try $0.checkDependencyCycles() }
    try check { try $0.checkPods() }
    try check { try $0.checkVolumes() }
    try check { try $0.checkExtraIndexes() }
    try check { try $0.checkChanges() }
  }

  private mutating func check(_ body: (inout Verification) throws -> Void) throws {
    do { try body(&self) } catch { violations.append(try Violation(damage: error)) }
  }

  /// SQLite's own checks: pages, indexes, NOT NULL, CHECK and UNIQUE, foreign keys.
  private mutating func checkDatabase() throws {
    let found = try integrityComplaints()
    if !found.isEmpty {
      // A page that could not be read is damage to SQLite; it is none where it can be read now.
      connection.forgetPages()
      guard try integrityComplaints() == found else {
        throw StoreError(
          .io, subject: "state.db",
          message: "it could not be read while it was checked, and then it could; check the disk and repeat")
      }
    }
    for line in found { report("database", "state.db", line + "; restore a backup") }
    // INVARIANT I-10: nothing refers to what is not there.
    let references = try connection.statement(dynamic: "PRAGMA foreign_key_check")
    while try references.step() {
      let row = references.isNull(1) ? "?" : String(try references.int64(1))
      report(
        "I-10", "\(try references.string(0)) \(row)", "refers to a missing row of \(try references.string(2))"
      )
    }
  }

  private func integrityComplaints() throws -> [String] {
    let rows = try connection.statement(dynamic: "PRAGMA integrity_check(100)")
    var complaints: [String] = []
    while try rows.step() { complaints.append(try rows.string(0)) }
    return complaints == ["ok"] ? [] : complaints
  }

  /// What a database of this version is made of, and nothing else: no trigger, no view, no changed table.
  private mutating func checkSchema() throws {
    var expected = Set(Schema.current.statements.map(Self.normalized))
    let rows = try connection.statement(
      dynamic:
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND substr(name, 1, 7) <> 'sqlite_'"
    )
    while try rows.step() {
      let (type, name) = (try rows.string(0), try rows.string(1))
      if expected.remove(Self.normalized(try rows.string(2))) == nil {
        report(
          "database", "\(type) \(name)",
          "the schema of this version has none like it; remove it or restore a backup")
      }
    }
    for missing in expected {
      report("database", "schema", "this is missing or was changed: \(missing.prefix(60))")
    }
  }

  private static func normalized(_ sql: String) -> String {
    sql.split(whereSeparator: { $0 == " " || $0 == "\n" }).joined(separator: " ")
  }

  /// The rules that one statement decides: each row it returns is a violation's subject.
  private mutating func checkRules() throws {
    for rule in Self.rules + Self.rulesOfParts + Self.rulesOfVolumes {
      let rows = try connection.statement(dynamic: rule.sql)
      while try rows.step() { report(rule.number, subject(rows), rule.message) }
    }
  }

  /// The first column as text, which in a damaged row it need not be.
  func subject(_ row: borrowing Statement) -> String {
    (try? row.string(0)) ?? "a row without a text"
  }

  private static let rules: [(number: String, message: String, sql: String)] = [
    (
      "I-1", "more than one record has this id; remove all but one",
      "SELECT id FROM record NOT INDEXED GROUP BY id HAVING count(*) > 1"
    ),
    (
      "I-2", "more than one record of a kind has this name; remove all but one",
      "SELECT name FROM record NOT INDEXED GROUP BY kind, name HAVING count(*) > 1"
    ),
    (
      "I-4", "its state says that it has ended or never begun, and names a process",
      """
      SELECT r.id FROM container_state s JOIN record r USING (generation)
      WHERE s.pid <> 0 AND s.status IN (1, 6, 7)
      """
    ),
    (
      "I-6", "it depends on itself",
      """
      SELECT r.id FROM dependency d JOIN record r ON r.generation = d.dependant
      WHERE d.dependant = d.dependency
      """
    ),
    (
      "I-12", "a revision is counted from 1",
      """
      SELECT r.id FROM record r JOIN container c USING (generation) JOIN container_state s USING (generation)
      WHERE c.revision < 1 OR s.revision < 1
      """
    ),
    (
      "I-10", "the container has no configuration, no state or no specification",
      """
      SELECT r.id FROM record r WHERE r.kind = 1 AND (
        r.generation NOT IN (SELECT generation FROM container)
        OR r.generation NOT IN (SELECT generation FROM container_state)
        OR r.generation NOT IN (SELECT generation FROM specification))
      """
    ),
    (
      "I-15", "its generation is one that has not been given out",
      """
      SELECT r.id FROM record r
      WHERE r.generation > (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'record')
      """
    ),
  ]

  /// Each container alone: that it can be read (I-16), what its configuration says against what the tables
  /// say (I-3), its process against the present boot (I-13), its specification against its digest (I-17).
  private mutating func checkContainers() throws {
    let ticksSinceBoot = ProcessIdentity.ticksSinceBoot
    let count = progress == nil ? 0 : try countContainers()
    var checked = 0
    // Rows that lack a part are the rules' to report.
    let rows = try connection.statement(
      dynamic: """
        SELECT id, generation FROM record WHERE kind = 1 AND generation IN (SELECT generation FROM container)
          AND generation IN (SELECT generation FROM container_state)
        """)
    while try rows.step() {
      if checked % max(1, count / 100) == 0 { tell(.containers, checked: checked, of: count) }
      checked += 1
      let (text, generation) = (subject(rows), try rows.int64(1))
      do {
        let id = try ContainerRows.id(rows, 0)
        guard let container = try ContainerRows.container(id, in: connection) else { continue }
        try checkTables(container)
        if container.state.pidStartTime > ticksSinceBoot || container.state.monitorStartTime > ticksSinceBoot
        {
          report("I-13", text, "its process started after now: it belongs to an older boot; run recover")
        }
      } catch {
        try report("I-16", text, damage: error)
      }
      try checkSpecification(text, generation)
    }
  }

  private func countContainers() throws -> Int {
    let count = try connection.statement(dynamic: "SELECT count(*) FROM container")
    return try count.step() ? Int(try count.int64(0)) : 0
  }

  /// Reports damage; a read that failed for another reason says nothing of the row, and is thrown again.
  mutating func report(_ rule: String, _ subject: String, damage error: any Error) throws {
    let found = StoreError.mapped(error)
    guard found.code == .corrupt else { throw error }
    report(rule, subject, found.message)
  }

  private mutating func checkTables(_ container: Container) throws {
    // Decoded once: labels, volumes and dependencies alone are quicker, all three of them are not.
    let details = try container.configuration.details()
    if try LabelTable.container.labels(of: container.generation, in: connection) != details.labels {
      report("I-3", container.id.rawValue, "the label index differs from the configuration")
    }
    if try !ListingRows.isTrue(to: container.configuration, generation: container.generation, in: connection)
    {
      report("I-3", container.id.rawValue, "what listings show of it differs from the configuration")
    }
    try checkMembership(container, details)
    let volumes = try VolumeUserRows.volumes(ofContainer: container.generation, in: connection)
    if volumes != Set(details.volumes.map(\.name)) {
      report("I-3", container.id.rawValue, "the volumes it uses differ from the configuration")
    }
    let dependencies = try ContainerRows.dependencies(of: container.generation, in: connection)
    if dependencies != details.allDependencies {
      report("I-3", container.id.rawValue, "the dependencies differ from the configuration")
    }
  }

  private mutating func checkSpecification(_ id: String, _ generation: Int64) throws {
    do {
      let found = try ContainerRows.specification(generation: generation, in: connection)
      guard let found, SpecificationDigest(of: found.json) != found.digest else { return }
      report(
        "I-17", id, "its specification does not match its digest; restore a backup or remove the container")
    } catch {
      try report("I-17", id, damage: error)
    }
  }

  /// INVARIANT I-6: dependencies exist when they are added, so they cannot form a cycle.
  private mutating func checkDependencyCycles() throws {
    let rows = try connection.statement(dynamic: "SELECT dependant, dependency FROM dependency")
    var dependencies: [Int64: [Int64]] = [:]
    while try rows.step() { dependencies[try rows.int64(0), default: []].append(try rows.int64(1)) }
    for generation in DependencyOrder.inCycles(dependencies) {
      report("I-6", "generation \(generation)", "it depends on itself through others")
    }
  }
}
