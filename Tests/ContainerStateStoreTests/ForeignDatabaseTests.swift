internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

/// Databases that came from elsewhere, or that somebody has been at.
@Suite("Databases from elsewhere")
struct ForeignDatabaseTests {
  /// What somebody may have done; each leaves a database that SQLite can read.
  static let deeds = [
    "PRAGMA application_id=7;", "PRAGMA application_id=0;", "PRAGMA user_version=99;",
    "PRAGMA user_version=0;",
    "CREATE TRIGGER evil AFTER UPDATE ON container_state BEGIN DELETE FROM record; END;",
    "CREATE TRIGGER worse BEFORE INSERT ON record BEGIN SELECT RAISE(ROLLBACK, 'no'); END;",
    "CREATE VIEW peek AS SELECT * FROM container;",
    "ALTER TABLE record ADD COLUMN extra_column TEXT;", "ALTER TABLE record RENAME TO old_record;",
    "ALTER TABLE container_state RENAME COLUMN pid TO process;", "DROP TABLE label;", "DROP TABLE intent;",
    "DROP INDEX record_by_creation_with_id;",
    "DROP TABLE container_state; CREATE VIEW container_state AS SELECT 1 AS pid;",
    "UPDATE container_state SET status = 99 WHERE generation = 2;",
    "UPDATE record SET kind = 9 WHERE generation = 2;", "UPDATE record SET id = '../x' WHERE generation = 2;",
    "UPDATE record SET name = char(27) || '[2J' WHERE generation = 2;",
    "UPDATE container SET details = x'00' WHERE generation = 2;",
    "UPDATE container SET details = zeroblob(70000) WHERE generation = 2;",
    "DELETE FROM container_state WHERE generation = 2;", "DELETE FROM container WHERE generation = 2;",
    "DELETE FROM store;", "UPDATE store SET boot_epoch = -5;",
    "UPDATE store SET boot_id = zeroblob(3000000);",
    "UPDATE store SET lock_directory = '../elsewhere';", "UPDATE sqlite_sequence SET seq = 0;",
    "INSERT INTO dependency VALUES (1, 1);", "INSERT INTO intent VALUES (1, 77, -1, -1, -1, -1, -1);",
  ]

  @Test("42: whatever was done to a database: refused or reported, the rest listed, no crash, no false row")
  func single() throws { try meetAll(Self.deeds.map { [$0] }, seed: 0) }

  @Test("42: two such deeds at once", arguments: SeededGenerator.seeds)
  func pairs(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    try meetAll(
      (0..<scaled(6)).map { _ in Array(Self.deeds.shuffled(using: &generator).prefix(2)) }, seed: seed)
  }

  private func meetAll(_ cases: [[String]], seed: UInt64) throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    for id in ["a", "b", "c"] { try store.add(id) }
    try store.close()
    try fixture.shell("PRAGMA wal_checkpoint(TRUNCATE);")
    let pristine = try readBytes(atPath: fixture.databasePath)
    for deeds in cases {
      try put(pristine, at: fixture.databasePath)
      unlink(fixture.databasePath + "-wal")
      for deed in deeds { _ = try? fixture.shell(deed) }
      try meet(fixture, deeds.joined(separator: " "), seed)
    }
  }

  private func put(_ bytes: [UInt8], at path: String) throws {
    let descriptor = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
    guard descriptor >= 0 else { throw TestSupportError.systemCall("open", path) }
    defer { close(descriptor) }
    #expect(bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count)
  }

  /// Opens, reads, changes and verifies it in a process of its own.
  private func meet(_ fixture: StoreFixture, _ deeds: String, _ seed: UInt64) throws {
    let child = try ChildProcess(role: "store", [fixture.root])
    try child.expect("ready")
    func ask(_ command: String) throws -> String {
      let answer = try child.ask(command)
      #expect(answer.hasPrefix("ok") || answer.hasPrefix("error "), "seed \(seed), \(deeds): \(answer)")
      return answer
    }
    guard try ask("open timeout=2000") == "ok" else { return }
    let (list, verify) = (try ask("list"), try ask("verify"))
    let listed = list.hasPrefix("ok") ? list.dropFirst(2).split(separator: " ").map(String.init) : []
    #expect(Set(listed).isSubset(of: ["a", "b", "c"]), "seed \(seed), \(deeds): \(list)")
    // What is not there is said.
    if listed.count < 3 { #expect(verify != "ok []", "seed \(seed), \(deeds)") }
    guard try ask("status a created").hasPrefix("ok") else { return }
    // A trigger of somebody else's must not have run.
    let after = try ask("list")
    #expect(after == list, "seed \(seed), \(deeds): \(after)")
  }
}
