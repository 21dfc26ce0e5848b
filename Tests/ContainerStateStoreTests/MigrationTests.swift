internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Schema versions")
struct MigrationTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  /// The version after this one, as a later program would have it.
  private static let next = Schema.current.migrated(by: [
    "ALTER TABLE record ADD COLUMN added TEXT",
    "UPDATE record SET added = 'by migration'",
  ])

  private func openNext() throws -> StateStore {
    try StateStore(at: fixture.location, options: fixture.options, schema: Self.next)
  }

  @Test(
    "39: a migration from 1 to 2 while an old process has the store open: the old one gets `schemaTooNew`")
  func oldProcess() throws {
    let old = try fixture.child()
    try old.succeed("open")
    try old.succeed("add abc abc")
    #expect(try old.succeed("list") == "abc")

    let new = try openNext()
    #expect(try new.facts().schemaVersion == Self.next.version)
    #expect(try fixture.shell("SELECT id, added FROM record;") == "abc|by migration\n")

    for command in [
      "list", "get abc", "has abc", "look-up abc", "status abc created", "add def def", "remove abc",
      "verify", "recover", "facts",
    ] { try old.fail(command, with: .schemaTooNew) }
    try old.succeed("close")
    try old.fail("open", with: .schemaTooNew)
    let id = try ContainerID("abc")
    #expect(try new.state(of: id).status == .configured)
    try new.change(id) { $0.status = .created }
    #expect(fixture.leftovers() == ["abc.lock", "abc.json"])
  }

  @Test("39: old stores of this process are refused as well, and so is what they hold")
  func oldStoreInThisProcess() throws {
    let old = try fixture.open()
    let id = try old.add("abc")
    let handle = try old.handle(for: id)
    try openNext().close()
    expectError(.schemaTooNew) { try handle.refresh() }
    expectError(.schemaTooNew) { try old.containers() }
    expectError(.schemaTooNew) { try old.change(id) { $0.status = .created } }
    expectError(.schemaTooNew) { try old.read { _ = try $0.container(id) } }
    try old.close()
    expectError(.schemaTooNew) { try fixture.open() }
  }

  @Test("39: a migration that changes no table is noticed by the reads of an old store as well")
  func migrationOfRowsAlone() throws {
    let old = try fixture.open()
    let id = try old.add("abc")
    #expect(try old.containers().count == 1)
    #expect(try old.state(of: id).status == .configured)
    let next = Schema.current.migrated(by: ["UPDATE record SET image_name = 'by migration'"])
    try StateStore(at: fixture.location, options: fixture.options, schema: next).close()
    expectError(.schemaTooNew) { try old.state(of: id) }
    expectError(.schemaTooNew) { try old.containers() }
    expectError(.schemaTooNew) { try old.change(id) { $0.status = .created } }
  }

  @Test("a migration under the lock of an old process does not let its write through")
  func underLock() throws {
    let old = try fixture.open()
    let id = try old.add("abc")
    try old.withLockedContainer(id, wait: .none) { locked in
      try openNext().close()
      expectError(.schemaTooNew) { try locked.update { $0.status = .created } }
      expectError(.schemaTooNew) { try locked.remove() }
    }
    #expect(try fixture.shell("SELECT status FROM container_state;") == "1\n")
  }

  @Test("many processes that open an old store with a new program migrate it once")
  func migratedOnce() throws {
    let old = try fixture.open()
    try old.add("abc")
    try old.close()
    let children = try (0..<8).map { _ in try fixture.child() }
    for child in children { try child.send("open schema=next") }
    for child in children { try child.expect("ok") }
    for child in children { #expect(try child.succeed("facts") == "\(Self.next.version) 1") }
    for child in children { #expect(try child.succeed("list") == "abc") }
  }

  @Test("a migration that fails leaves the old version whole")
  func failedMigration() throws {
    let old = try fixture.open()
    try old.add("abc")
    try old.close()
    let broken = Schema.current.migrated(by: ["ALTER TABLE record ADD COLUMN added TEXT", "SELECT nonsense"])
    #expect(throws: StoreError.self) {
      try StateStore(at: fixture.location, options: fixture.options, schema: broken)
    }
    let again = try fixture.open()
    #expect(try again.facts().schemaVersion == Schema.current.version)
    try expectClean(again)
    try again.close()
    try openNext().close()
  }

  @Test("a new store of the next version is made at once, and is what a migrated one is")
  func newStore() throws {
    let new = try openNext()
    try new.add("abc")
    #expect(try new.facts().schemaVersion == Self.next.version)
    try new.close()
    expectError(.schemaTooNew) { try fixture.open() }
  }

  @Test(
    "a store of each earlier version becomes what a new one is, with all that it held",
    arguments: Schema.versions.dropLast().map(\.version))
  func fromEarlier(version: Int32) throws {
    let model = try StoreFixture()
    try model.open().add("model")
    let specification = try model.shell("SELECT digest || ', ' || quote(json) FROM specification;")
    let old = try StateStore(
      at: fixture.location, options: fixture.options, schema: Schema.versions[Int(version) - 1])
    #expect(try old.facts().schemaVersion == version)
    try old.close()
    _ = try fixture.shell(
      """
      INSERT INTO record VALUES (7, 1, 'abc', 'web', 1, 0, '', 'busybox');
      INSERT INTO container VALUES (7, 1, CAST('{"labels":{"a":"b"}}' AS BLOB), NULL);
      INSERT INTO label VALUES (7, 'a', 'b');
      INSERT INTO container_state
        VALUES (7, 3, 2, 0, 0, 0, 0, NULL, NULL, NULL, 0, 0, 0, '', '', '', '', '', '');
      INSERT INTO specification VALUES (7, \(specification.dropLast()));
      """)
    let new = try fixture.open()
    #expect(try new.facts().schemaVersion == Schema.current.version)
    let container = try new.container(try ContainerID("abc"))
    #expect(container.name == "web" && container.stateRevision == 3 && container.status == .created)
    try expectClean(new)
  }
}
