internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Verify finds every planted violation")
struct VerifyTests {
  let fixture: StoreFixture
  let store: StateStore

  /// A healthy store of dozens, with dependencies, labels, intents and every status.
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    for number in 0..<36 {
      let status = ContainerStatus.allCases[number % 9]
      try store.add(
        "c\(number)", dependingOn: number % 3 == 2 ? ["c\(number - 1)", "c\(number - 2)"] : [],
        labels: ["n": "\(number)", "x": ""], state: ContainerState(status: status))
    }
    try store.withLockedContainer(try ContainerID("c3"), wait: .none) { locked in
      try locked.setIntent(.begin(.start))
      try locked.setStateExtra(JSONBytes("{}"))
      _ = try locked.specificationCopy()
    }
    try store.addVolume("v0", labels: ["a": "b"])
    try store.add("user", using: ["v0"])
    _ = try store.withLockedVolume(try VolumeName("v0"), wait: .none) { locked in
      try locked.mount(for: ContainerID("user"))
    }
  }

  @Test("a healthy store of dozens of containers is clean, also while a container is locked")
  func healthy() throws {
    try expectClean(store)
    try store.withLockedContainer(try ContainerID("c5"), wait: .none) { _ in try expectClean(store) }
    try store.remove(try ContainerID("c5"))
    try expectClean(store)
  }

  @Test("damage on the disk is found although the store remembers what was there")
  func damageBehindMemory() throws {
    try store.close()
    try fixture.shell("PRAGMA wal_checkpoint(TRUNCATE);")
    let root = try fixture.shell("SELECT rootpage FROM sqlite_schema WHERE name = 'container_state';")
    let page = try #require(Int(root.dropLast()))
    let store = try fixture.open()
    try expectClean(store)
    try fixture.clearPage(page)
    #expect(try store.verify().contains { $0.rule == "database" })
  }

  @Test("how far it is is told part by part, and container by container up to a hundred times")
  func progress() throws {
    for index in try store.containerSummaries().containers.count..<250 { try store.add("more\(index)") }
    var told: [VerificationProgress] = []
    let violations = try store.verify { told.append($0) }
    #expect(violations == [])
    let parts = told.map(\.part)
    #expect(parts.first == .database && parts.last == .files)
    let order = VerificationProgress.Part.allCases
    let places = parts.compactMap { order.firstIndex(of: $0) }
    #expect(places == places.sorted() && Set(parts) == Set(order))
    let containers = told.filter { $0.part == .containers }
    #expect(containers.allSatisfy { $0.containers == 250 } && containers.count <= 126)
    #expect(containers.map(\.checkedContainers) == Array(stride(from: 0, to: 250, by: 2)))
  }

  @Test("the kernel's list of all locks is not read again for each container")
  func listOfLocks() throws {
    let trace = fixture.directory.path("trace")
    let outcome = try ChildProcess.run(
      executable: "/usr/bin/strace",
      [
        "-f", "-o", trace, "-e", "trace=openat", try buildDirectory() + "/store-test-child", "store",
        fixture.root,
      ],
      input: "open\nverify\n", within: .seconds(60))
    #expect(outcome.output.contains("ok []"), "\(outcome.output)\(outcome.errorOutput)")
    let reads = try readText(atPath: trace).split(separator: "\n").count { $0.contains("/proc/locks") }
    #expect(reads <= 2, "\(reads) for 36 containers")
  }

  @Test("32: a reader that keeps a long WAL from being used again is named, and no longer when it has ended")
  func longWAL() throws {
    let shell = try ChildProcess(executable: "/usr/bin/sqlite3", [fixture.root + "/state.db"])
    try shell.send("BEGIN; SELECT 'seen ' || count(*) FROM record;")
    try shell.expect("seen")
    let id = try ContainerID("c0")
    while try store.facts().walFrames <= 10_000 {
      try expectClean(store)
      try store.withLockedContainer(id, wait: .none) { locked in
        for number in 0..<1_000 {
          try locked.update(durability: .committed) { $0.restartCount = Int32(number) }
        }
      }
    }
    let violations = try store.verify()
    #expect(violations.map(\.subject) == ["state.db-wal"], "\(violations)")
    #expect(violations.first?.message.contains("(sqlite3)") == true, "\(violations)")
    try shell.send("COMMIT; SELECT 'done';")
    try shell.expect("done")
    try expectClean(store)
  }

  /// A violation as SQL, and what has to be said of it and nothing else.
  struct Plant: CustomTestStringConvertible, Sendable {
    let rule: String
    let subject: String
    /// A table that has to lose its types and keys for it.
    var table: String?
    let sql: String
    var testDescription: String { "\(rule): \(sql)" }
  }

  private static func generation(_ id: String) -> String {
    "(SELECT generation FROM record WHERE id = '\(id)')"
  }

  static let plants = [
    Plant(
      rule: "I-3", subject: "c7",
      sql: "DELETE FROM label WHERE generation = \(generation("c7")) AND key = 'x';"),
    Plant(
      rule: "I-3", subject: "c7", sql: "UPDATE label SET value = 'no' WHERE generation = \(generation("c7"));"
    ),
    Plant(
      rule: "I-3", subject: "c8",
      sql:
        "DELETE FROM dependency WHERE dependant = \(generation("c8")) AND dependency = \(generation("c6"));"),
    Plant(
      rule: "I-3", subject: "c0",
      sql: "INSERT INTO dependency VALUES (\(generation("c0")), \(generation("c9")));"),
    Plant(
      rule: "I-4", subject: "c0",
      sql: "UPDATE container_state SET pid = 4711 WHERE generation = \(generation("c0"));"),
    Plant(
      rule: "I-4", subject: "c6",
      sql: "UPDATE container_state SET pid = 1 WHERE generation = \(generation("c6"));"),
    Plant(
      rule: "I-10", subject: "c1",
      sql: "DELETE FROM container_state WHERE generation = \(generation("c1"));"),
    Plant(
      rule: "I-10", subject: "c1", sql: "DELETE FROM specification WHERE generation = \(generation("c1"));"),
    Plant(rule: "I-10", subject: "label ?", sql: "INSERT INTO label VALUES (900, 'k', 'v');"),
    Plant(rule: "I-10", subject: "intent 900", sql: "INSERT INTO intent VALUES (900, 1, 1, 1, 1, 1, 1);"),
    Plant(
      rule: "I-13", subject: "c2",
      sql: "UPDATE container_state SET pid = 7, pid_start_time = 9000000000000 "
        + "WHERE generation = \(generation("c2"));"),
    Plant(
      rule: "I-13", subject: "c2",
      sql: "UPDATE container_state SET monitor_pid = 7, monitor_start_time = 9000000000000 "
        + "WHERE generation = \(generation("c2"));"),
    Plant(rule: "I-11", subject: "change 5", sql: "UPDATE change SET kind = 12 WHERE sequence = 5;"),
    Plant(rule: "I-11", subject: "change 5", sql: "UPDATE change SET what = 0 WHERE sequence = 5;"),
    Plant(rule: "I-11", subject: "change 5", sql: "UPDATE change SET to_status = 10 WHERE sequence = 5;"),
    Plant(rule: "I-11", subject: "change 6", sql: "DELETE FROM change WHERE sequence = 5;"),
    Plant(
      rule: "I-11", subject: "c3",
      sql:
        "UPDATE change SET revision = 99 WHERE sequence = (SELECT max(sequence) FROM change WHERE id = 'c3');"
    ),
    Plant(rule: "I-3", subject: "user", sql: "DELETE FROM volume_use;"),
    Plant(rule: "I-3", subject: "v0", sql: "UPDATE volume_label SET value = 'no';"),
    Plant(rule: "I-15", subject: "v0", sql: "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'volume';"),
    Plant(rule: "I-16", subject: "v0", sql: "UPDATE volume SET details = x'7b';"),
    Plant(rule: "I-15", subject: "user", sql: "UPDATE sqlite_sequence SET seq = 36 WHERE name = 'record';"),
    Plant(
      rule: "I-16", subject: "c4",
      sql: "UPDATE container SET details = x'7b' WHERE generation = \(generation("c4"));"),
    Plant(
      rule: "I-17", subject: "c4",
      sql: "UPDATE specification SET json = x'7b7d' WHERE generation = \(generation("c4"));"),
    Plant(
      rule: "I-17", subject: "c4",
      sql: "UPDATE specification SET digest = digest + 1 WHERE generation = \(generation("c4"));"),
    Plant(rule: "database", subject: "table extra", sql: "CREATE TABLE extra (a);"),
    Plant(rule: "database", subject: "index extra", sql: "CREATE INDEX extra ON record (image_id);"),
    Plant(rule: "database", subject: "schema", sql: "DROP INDEX label_by_value;"),
  ]

  @Test("a planted violation is reported by its own rule and by no other", arguments: plants)
  func planted(plant: Plant) throws {
    try fixture.shell(plant.sql)
    let found = try store.verify()
    #expect(Set(found.map(\.rule)) == [plant.rule], "\(found)")
    #expect(found.contains { $0.subject == plant.subject }, "\(found)")
    #expect(found.allSatisfy { !$0.message.isEmpty })
  }

  /// What is gone although others need it, as only somebody without foreign keys can remove it, and every
  /// rule that says so.
  static let removalPlants: [(rules: Set<String>, subject: String, sql: String)] = [
    (["I-5", "I-3", "I-10", "I-14", "L-15"], "c8", "DELETE FROM record WHERE id = 'c7';"),
    (["I-5", "I-10"], "c0", "INSERT INTO dependency VALUES (\(generation("c0")), 900);"),
    (
      ["I-5", "I-3", "I-10"], "c0",
      "INSERT INTO dependency VALUES (\(generation("c0")), \(generation("pod")));"
    ),
    (["I-5", "I-3", "I-10", "L-15"], "user", "DELETE FROM volume_label; DELETE FROM volume;"),
    (["I-5", "I-10"], "user", "INSERT INTO volume_use VALUES (\(generation("user")), 900);"),
    (["I-5", "I-10"], "user", "INSERT INTO volume_mount VALUES (\(generation("user")), 900);"),
    (["I-7", "I-10"], "member", "UPDATE pod_member SET pod = 900;"),
    (["I-7", "I-10"], "member", "UPDATE pod_member SET pod = \(generation("c0"));"),
    (["I-8", "I-10"], "s1", "UPDATE exec_session SET container = 900;"),
    (["I-8", "I-10"], "s1", "UPDATE exec_session SET container = \(generation("pod"));"),
    (["I-18", "I-10"], "v0", "INSERT INTO volume_mount VALUES (900, (SELECT generation FROM volume));"),
  ]

  @Test(
    "I-5, I-7, I-8, I-10, I-18: what is gone although others need it is named by the rule that it breaks",
    arguments: removalPlants.indices)
  func removed(index: Int) throws {
    let plant = Self.removalPlants[index]
    try store.addPod("pod")
    let member = try store.add("member", inPod: "pod")
    try store.withLockedContainer(member, wait: .none) { locked in
      try locked.addExecSession(
        ExecSession(id: ContainerID("s1"), container: member, command: ["sh"], createdAt: .now))
    }
    try expectClean(store)
    try fixture.shell(plant.sql)
    let found = try store.verify()
    let rule = try #require(plant.rules.first { !["I-3", "I-10", "I-14", "L-15"].contains($0) })
    #expect(found.contains { $0.rule == rule && $0.subject == plant.subject }, "\(found)")
    #expect(Set(found.map(\.rule)).isSuperset(of: [rule, "I-10"]), "\(found)")
    #expect(Set(found.map(\.rule)).isSubset(of: plant.rules), "\(found)")
  }

  @Test("of every rule of the records one violation at least is planted and has to be found")
  func everyRule() {
    let planted =
      Self.plants.map(\.rule) + Self.constraintPlants.map(\.rule) + Self.removalPlants.flatMap(\.rules)
      + PartTests.plants.map(\.rule) + ["I-14"]  // Files: `orphanedCopies`.
    #expect(Set((1...18).map { "I-\($0)" }).subtracting(planted) == [])
  }

  /// Violations that SQLite's own check of the rows sees as well.
  static let constraintPlants = [
    Plant(rule: "I-1", subject: "c1", table: "record", sql: "UPDATE record SET id = 'c1' WHERE id = 'c9';"),
    Plant(
      rule: "I-2", subject: "name-c1", table: "record",
      sql: "UPDATE record SET name = 'name-c1' WHERE id = 'c9';"),
    Plant(
      rule: "I-6", subject: "c0",
      sql: "INSERT INTO dependency VALUES (\(generation("c0")), \(generation("c0")));"),
    Plant(
      rule: "I-12", subject: "c0",
      sql: "UPDATE container_state SET revision = 0 WHERE generation = \(generation("c0"));"),
    Plant(rule: "I-12", subject: "v0", sql: "UPDATE volume SET state_revision = 0;"),
    Plant(
      rule: "I-12", subject: "c0",
      sql: "UPDATE container SET revision = -1 WHERE generation = \(generation("c0"));"),
    Plant(
      rule: "I-16", subject: "c0", table: "record", sql: "UPDATE record SET name = NULL WHERE id = 'c0';"),
    Plant(
      rule: "I-16", subject: "c0",
      sql: "UPDATE container_state SET status = 77 WHERE generation = \(generation("c0"));"),
    Plant(
      rule: "database", subject: "state.db",
      sql: "UPDATE container_state SET restart_count = -1 WHERE generation = \(generation("c0"));"),
  ]

  @Test("a violation of what the schema itself forbids is named too", arguments: constraintPlants)
  func constraint(plant: Plant) throws {
    try store.close()
    if let table = plant.table {
      try fixture.plant(
        in: table, ["I-1", "I-2"].contains(plant.rule) ? plant.sql.withoutIndexes(of: table) : plant.sql)
    } else {
      try fixture.shell(plant.sql)
    }
    let again = try fixture.open()
    let found = try again.verify()
    #expect(found.contains { $0.rule == plant.rule && $0.subject == plant.subject }, "\(found)")
    #expect(found.contains { $0.rule == "database" }, "\(found)")
  }

  @Test("18: a page of zeros is named by verify or refused at the opening, never thrown by verify")
  func zeroedPages() throws {
    try store.close()
    try fixture.shell("PRAGMA wal_checkpoint(TRUNCATE);")
    let pristine = try readBytes(atPath: fixture.databasePath)
    var named = 0
    for page in 1..<(pristine.count / 4096) {
      let descriptor = open(fixture.databasePath, O_WRONLY | O_CLOEXEC)
      try #require(descriptor >= 0)
      defer { close(descriptor) }
      #expect(pwrite(descriptor, [UInt8](repeating: 0, count: 4096), 4096, off_t(page * 4096)) == 4096)
      do {
        let damaged = try fixture.open()
        if !(try damaged.verify()).isEmpty { named += 1 }
        try damaged.close()
      } catch let error as StoreError {
        #expect(error.operation == "open store" && error.code == .corrupt, "page \(page): \(error)")
      }
      #expect(pwrite(descriptor, pristine, pristine.count, 0) == pristine.count)
    }
    #expect(named > 5)
    #expect(try fixture.open().verify().isEmpty)
  }

  @Test("I-6: a cycle of dependencies is found, and who merely leads to it is not blamed")
  func cycle() throws {
    // c8 depends on c7 and c6; c11 on c10 and c9.
    try fixture.shell(
      "INSERT INTO dependency VALUES (\(Self.generation("c7")), \(Self.generation("c8")));"
        + "INSERT INTO dependency VALUES (\(Self.generation("c11")), \(Self.generation("c8")));")
    let found = try store.verify().filter { $0.rule == "I-6" }
    #expect(Set(found.map(\.subject)) == ["generation 8", "generation 9"])
  }

  @Test("L-15: a lockfile nobody owns is named, and gone after recover; one that is held is not an orphan")
  func orphanedLockFile() throws {
    try write("", toPath: fixture.root + "/locks/gone.lock")
    #expect(try store.verify().map { "\($0.rule) \($0.subject)" } == ["L-15 gone.lock"])
    #expect(try store.recover().reapedLockFiles == ["gone.lock"])
    try expectClean(store)
  }

  @Test("I-14: a copy nobody owns and a temporary file are named, and gone after recover")
  func orphanedCopies() throws {
    for name in ["gone.json", ".c1.77.99", ".gone.77.99"] {
      try write("{}", toPath: fixture.root + "/specs/" + name)
    }
    let found = try store.verify().map { "\($0.rule) \($0.subject)" }
    #expect(Set(found) == ["I-14 gone.json", "I-14 .c1.77.99", "I-14 .gone.77.99"])
    #expect(Set(try store.recover().reapedSpecificationFiles) == ["gone.json", ".c1.77.99", ".gone.77.99"])
    #expect(entries(ofDirectory: fixture.root + "/specs").count == 37)
    try expectClean(store)
  }

  @Test("a file that is none of the store's is named and left alone")
  func foreignFiles() throws {
    try write("mine", toPath: fixture.root + "/specs/notes.txt")
    #expect(mkdir(fixture.root + "/locks/odd", 0o700) == 0)
    let found = try store.verify()
    #expect(Set(found.map(\.rule)) == ["I-14", "L-9"], "\(found)")
    _ = try store.recover()
    #expect(try readText(atPath: fixture.root + "/specs/notes.txt") == "mine")
    #expect(status(ofPath: fixture.root + "/locks/odd") != nil)
  }

  @Test("what a name from outside holds cannot move a cursor in what verify says")
  func hostileNames() throws {
    try fixture.shell(
      "UPDATE record SET id = 'x' || char(27) || '[2J' || char(10) WHERE id = 'c1';")
    let found = try store.verify()
    #expect(!found.isEmpty)
    for violation in found {
      #expect(violation.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F })
    }
  }
}

extension String {
  /// The statement in a frame that takes UNIQUE and its indexes out of the way of it for the moment.
  fileprivate func withoutIndexes(of table: String) -> String {
    """
    PRAGMA writable_schema=ON;
    CREATE TEMP TABLE indexes AS SELECT * FROM sqlite_schema WHERE tbl_name = '\(table)' AND type = 'index';
    DELETE FROM sqlite_schema WHERE tbl_name = '\(table)' AND type = 'index';
    UPDATE sqlite_schema
    SET sql = replace(replace(sql, ' UNIQUE CHECK', ' CHECK'), ',' || char(10) || '  UNIQUE (kind, name)', '')
      WHERE name = '\(table)';
    PRAGMA writable_schema=RESET;
    \(self)
    PRAGMA writable_schema=ON;
    INSERT INTO sqlite_schema SELECT * FROM temp.indexes;
    """
  }
}
