internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Damaged rows")
struct DamageTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  /// A row that this program never wrote.
  struct Damage: CustomTestStringConvertible, Sendable {
    let table: String
    let column: String
    let value: String
    /// Whether listings read the column.
    var isListed = true
    var testDescription: String { "\(table).\(column) = \(value)" }
  }

  static let damages = [
    Damage(table: "record", column: "name", value: "NULL"),
    Damage(table: "record", column: "name", value: "x'ff00'"),
    Damage(table: "record", column: "name", value: "CAST(x'61ff' AS TEXT)"),
    Damage(table: "record", column: "created_at_ns", value: "'soon'"),
    Damage(table: "record", column: "image_name", value: "NULL"),
    Damage(table: "record", column: "image_id", value: "x'00'", isListed: false),
    Damage(table: "record", column: "created_zone_offset_s", value: "9999999999", isListed: false),
    Damage(table: "container", column: "details", value: "NULL", isListed: false),
    Damage(table: "container", column: "revision", value: "NULL", isListed: false),
    Damage(table: "container_state", column: "status", value: "NULL"),
    Damage(table: "container_state", column: "status", value: "77"),
    Damage(table: "container_state", column: "status", value: "'running'"),
    Damage(table: "container_state", column: "pid", value: "5000000000"),
    Damage(table: "container_state", column: "pid", value: "x''"),
    Damage(table: "container_state", column: "exit_code", value: "'zero'"),
    Damage(table: "container_state", column: "started_at_ns", value: "1e300"),
    Damage(table: "container_state", column: "mountpoint", value: "NULL", isListed: false),
    Damage(table: "container_state", column: "stopped_by_user", value: "2", isListed: false),
  ]

  @Test(
    "I-16: one bad row never hides the others: it is reported as corrupt and the rest is listed",
    arguments: damages)
  func damagedRow(damage: Damage) throws {
    let store = try fixture.open()
    for id in ["a", "bad", "z"] { try store.add(id) }
    let bad = try ContainerID("bad")
    let generation = try store.container(bad).generation
    try store.close()
    try fixture.plant(
      in: damage.table,
      "UPDATE \(damage.table) SET \(damage.column) = \(damage.value) WHERE generation = \(generation);")
    let again = try fixture.open()
    #expect(try again.containers().map(\.id.rawValue).sorted() == ["a", "z"])
    let list = try again.containerSummaries()
    #expect(
      list.containers.map(\.id.rawValue).sorted() == (damage.isListed ? ["a", "z"] : ["a", "bad", "z"]))
    #expect(list.corrupt.map(\.code) == (damage.isListed ? [.corrupt] : []))
    expectError(.corrupt) { try again.container(bad) }
    expectError(.corrupt) { try again.withLockedContainer(bad, wait: .none) { _ in } }
    #expect(try again.container(try ContainerID("a")).name == "name-a")
    #expect(try again.hasContainer(bad))
    #expect(try again.verify().contains { $0.rule == "I-16" && $0.subject == "bad" })
    // The others go on living.
    try again.change(try ContainerID("z")) { $0.status = .created }
    try again.remove(try ContainerID("a"))
  }

  @Test(
    "I-16: a row that has lost its id, or has one that is none, hides no other, not even from recovery",
    arguments: ["NULL", "x'ff'", "'../../x'", "'a' || char(10)", "''", "CAST(x'61ff' AS TEXT)"])
  func damagedID(value: String) throws {
    let store = try fixture.open()
    for id in ["a", "bad", "z"] { try store.add(id, state: ContainerState(status: .running)) }
    try store.close()
    try fixture.plant(in: "record", "UPDATE record SET id = \(value) WHERE id = 'bad';")
    var options = StoreOptions()
    options.bootID = "another"
    let again = try StateStore(at: fixture.location, options: options)
    #expect(try again.containers().map(\.id.rawValue).sorted() == ["a", "z"])
    let list = try again.containerSummaries()
    #expect(list.containers.map(\.id.rawValue).sorted() == ["a", "z"])
    #expect(list.containers.map(\.status) == [.exited, .exited])
    #expect(list.corrupt.count == 1)
    let ids = try again.containerIDs()
    #expect(ids.ids.map(\.rawValue).sorted() == ["a", "z"] && ids.corrupt.map(\.code) == [.corrupt])
    expectError(.corrupt) { try again.lookUpContainer("name-bad") }
    #expect(try again.recover().wasRebooted == false)
    #expect(try again.verify().contains { $0.rule == "I-16" })
  }

  @Test("I-16: a configuration whose JSON is damaged is listed, got, and `corrupt` where it is decoded")
  func damagedDetails() throws {
    let store = try fixture.open()
    for id in ["a", "bad"] { try store.add(id) }
    for json in ["'{'", "''", "'[1]'", "'{\"labels\":7}'", "x'fffe'", "'{\"labels\":{\"a\":1}}'"] {
      try fixture.shell(
        "UPDATE container SET details = CAST(\(json) AS BLOB) WHERE generation = "
          + "(SELECT generation FROM record WHERE id = 'bad');")
      #expect(try store.containers().count == 2)
      let found = try store.container(try ContainerID("bad"))
      expectError(.corrupt, json) { try found.configuration.details() }
      #expect(try store.verify().map(\.rule) == ["I-16"], "\(json)")
    }
  }

  @Test("I-16: a pod whose configuration is damaged is got, and `corrupt` where it is decoded")
  func damagedPodDetails() throws {
    let store = try fixture.open()
    for id in ["a", "bad"] { try store.addPod(id) }
    for json in ["'{'", "''", "'[1]'", "'{\"labels\":7}'", "x'fffe'"] {
      try fixture.shell(
        "UPDATE pod SET details = CAST(\(json) AS BLOB) WHERE generation = "
          + "(SELECT generation FROM record WHERE id = 'bad');")
      let found = try store.pod(try ContainerID("bad"))
      expectError(.corrupt, json) { try found.configuration.details() }
      #expect(try store.pods().map(\.id.rawValue).sorted() == ["a", "bad"])
      #expect(try store.verify().map(\.rule) == ["I-16"], "\(json)")
    }
  }

  @Test("I-16: a change whose id is no text is named as corrupt, and the others are read")
  func damagedChangeID() throws {
    let store = try fixture.open()
    for id in ["a", "b", "c"] { try store.add(id) }
    try fixture.shell("UPDATE change SET id = CAST(x'62ff' AS TEXT) WHERE id = 'b';")
    let batch = try ChangeReader(store).next(after: .beginning)
    #expect(batch.changes.map(\.id) == ["a", "c"] && batch.corrupt.count == 1)
    // Two batches keep texts of their own, and what they say is the same.
    let again = try ChangeReader(store).next(after: batch.changes[0].sequence)
    #expect(again.changes == [batch.changes[1]] && again.changes[0] != batch.changes[0])
    #expect(Set(again.changes + batch.changes).count == 2)
  }

  @Test(
    "I-16: a row that lost its state or its configuration is reported and hides nothing",
    arguments: [
      "container_state", "container",
    ])
  func missingPart(table: String) throws {
    let store = try fixture.open()
    for id in ["a", "bad", "z"] { try store.add(id) }
    try fixture.shell(
      "DELETE FROM \(table) WHERE generation = (SELECT generation FROM record WHERE id = 'bad');")
    #expect(try store.containers().map(\.id.rawValue).sorted() == ["a", "z"])
    let bad = try ContainerID("bad")
    expectError(.corrupt) { try store.container(bad) }
    expectError(.corrupt) { try store.lookUpContainer("bad") }
    expectError(.corrupt) { try store.withLockedContainer(bad, wait: .none) { _ in } }
    if table == "container_state" {
      let list = try store.containerSummaries()
      #expect(list.containers.map(\.id.rawValue).sorted() == ["a", "z"])
      #expect(list.corrupt.map(\.subject) == ["bad"])
      expectError(.corrupt) { try store.state(of: bad) }
    }
    #expect(try store.verify().contains { $0.rule == "I-10" && $0.subject.contains("bad") })
  }

  @Test("I-16: a page of damage hides only the containers that are on it")
  func damagedPage() throws {
    let store = try fixture.open()
    for number in 0..<40 {
      let padding = String(repeating: "x", count: 600)
      try store.add("c\(number)", labels: ["padding": padding])
    }
    try store.close()
    let page = try fixture.shell(
      "PRAGMA wal_checkpoint(TRUNCATE); "
        + "SELECT max(pageno) FROM dbstat WHERE name = 'container' AND pagetype = 'leaf';")
    let offset = try #require(Int(page.split(separator: "\n").last ?? "")) - 1
    let descriptor = open(fixture.databasePath, O_WRONLY | O_CLOEXEC)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    #expect(pwrite(descriptor, [UInt8](repeating: 0, count: 4096), 4096, off_t(offset * 4096)) == 4096)
    let damaged = try fixture.open()
    let readable = try damaged.containers().count
    #expect(readable > 20 && readable < 40)
    #expect(try damaged.containerSummaries().containers.count == 40)
    #expect(!(try damaged.verify()).isEmpty)
  }

  @Test("an intent of an operation from a newer version is `corrupt`, not somebody's to finish")
  func unknownIntent() throws {
    let store = try fixture.open()
    let id = try store.add("abc")
    try store.withLockedContainer(id, wait: .none) { try $0.setIntent(.begin(.stop)) }
    try fixture.shell("UPDATE intent SET operation = 99;")
    expectError(.corrupt) { try store.withLockedContainer(id, wait: .none) { _ in } }
    #expect(try store.container(id).id == id)
    #expect(!(try store.verify()).isEmpty)
  }

  @Test("a trigger or a view that somebody put into the database does nothing, and `verify` names it")
  func hostileSchema() throws {
    let store = try fixture.open()
    try store.add("abc")
    try store.close()
    try fixture.shell(
      """
      CREATE TRIGGER evil AFTER INSERT ON record BEGIN DELETE FROM record WHERE id = 'abc'; END;
      CREATE VIEW evil_view AS SELECT 1;
      """)
    let again = try fixture.open()
    try again.add("def")
    #expect(try again.hasContainer(try ContainerID("abc")))
    let rules = try again.verify()
    #expect(rules.map(\.rule) == ["database", "database"])
    #expect(Set(rules.map(\.subject)) == ["trigger evil", "view evil_view"])
  }

  @Test("the row that says what the store is: missing, the store is refused as `corrupt`")
  func noIdentity() throws {
    try fixture.open().close()
    try fixture.shell("DELETE FROM store;")
    expectError(.corrupt) { try fixture.open() }
  }
}
