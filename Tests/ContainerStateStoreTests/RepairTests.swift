internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Repair")
struct RepairTests {
  let fixture: StoreFixture
  let store: StateStore

  /// Of each three containers the last depends on the two others.
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    for number in 0..<6 {
      try store.add(
        "c\(number)", dependingOn: number % 3 == 2 ? ["c\(number - 1)", "c\(number - 2)"] : [],
        labels: ["n": "\(number)"])
    }
  }

  /// Damage as SQL, the rule whose repair mends it, and how many rows that moves.
  struct Damage: CustomTestStringConvertible, Sendable {
    let rule: String
    let sql: String
    /// Rows of each table that are moved to quarantine.
    var moved: [String: Int] = [:]
    /// The containers that are left.
    var left = "c0 c1 c2 c3 c4 c5"
    var testDescription: String { "\(rule): \(sql)" }
  }

  private static func generation(_ id: String) -> String {
    "(SELECT generation FROM record WHERE id = '\(id)')"
  }

  static let damages = [
    Damage(rule: "I-3", sql: "DELETE FROM label WHERE generation = \(generation("c1"));"),
    Damage(rule: "I-3", sql: "UPDATE label SET value = 'no' WHERE generation = \(generation("c1"));"),
    Damage(rule: "I-3", sql: "DELETE FROM dependency WHERE dependant = \(generation("c2"));"),
    Damage(rule: "I-3", sql: "INSERT INTO dependency VALUES (\(generation("c0")), \(generation("c5")));"),
    Damage(rule: "I-3", sql: "DELETE FROM container_listing WHERE generation = \(generation("c1"));"),
    Damage(
      rule: "I-3",
      sql:
        "UPDATE container_listing SET labels = x'7b', ports = x'5b5d' WHERE generation = \(generation("c1"));"
    ),
    Damage(rule: "I-4", sql: "UPDATE container_state SET pid = 4711 WHERE generation = \(generation("c0"));"),
    Damage(
      rule: "I-10", sql: "INSERT INTO label VALUES (900, 'k', 'v'), (901, 'k', 'v');", moved: ["label": 2]),
    Damage(rule: "I-10", sql: "INSERT INTO intent VALUES (900, 1, 1, 1, 1, 1, 1);", moved: ["intent": 1]),
    Damage(
      rule: "I-10", sql: "INSERT INTO container VALUES (900, 1, x'7b7d', NULL);", moved: ["container": 1]),
    Damage(
      rule: "I-16", sql: "UPDATE container SET details = x'7b' WHERE generation = \(generation("c5"));",
      moved: [
        "record": 1, "container": 1, "container_state": 1, "specification": 1, "label": 1, "dependency": 2,
        "container_listing": 1,
      ], left: "c0 c1 c2 c3 c4"),
    Damage(
      rule: "I-16", sql: "DELETE FROM container_state WHERE generation = \(generation("c5"));",
      moved: [
        "record": 1, "container": 1, "specification": 1, "label": 1, "dependency": 2, "container_listing": 1,
      ],
      left: "c0 c1 c2 c3 c4"),
    Damage(
      rule: "I-16", sql: "UPDATE record SET id = '../x' WHERE id = 'c5';",
      moved: [
        "record": 1, "container": 1, "container_state": 1, "specification": 1, "label": 1, "dependency": 2,
        "container_listing": 1,
      ], left: "c0 c1 c2 c3 c4"),
  ]

  @Test("a repair mends each planted damage, says so, and moves what it cannot keep", arguments: damages)
  func mended(damage: Damage) throws {
    try fixture.shell(damage.sql)
    #expect(try !store.verify().isEmpty)
    let before = try contents()
    let planned = try store.repair(dryRun: true)
    #expect(try contents() == before, "a dry run changes nothing")
    let done = try store.repair()
    #expect(done == planned)
    #expect(done.remaining.isEmpty, "\(done)")
    #expect(Set(done.actions.map(\.rule)).contains(damage.rule), "\(done)")
    let moved = try fixture.shell("SELECT source || ' ' || count(*) FROM quarantine GROUP BY source;")
    #expect(
      moved.split(separator: "\n").map(String.init) == damage.moved.map { "\($0.key) \($0.value)" }.sorted())
    #expect(try store.containers().map(\.id.rawValue).sorted().joined(separator: " ") == damage.left)
    _ = try store.recover()
    try expectClean(store)
    #expect(try store.repair().actions.isEmpty, "what is mended needs no repair")
  }

  @Test("what was moved can be put back from its literals, to the byte")
  func nothingIsLost() throws {
    let before = try fixture.shell("SELECT * FROM container; SELECT hex(json) FROM specification;")
    let details = try fixture.shell("SELECT hex(details) FROM container WHERE generation = 6;").dropLast()
    try fixture.shell("UPDATE container SET details = x'7b' WHERE generation = 6;")
    _ = try store.repair()
    let statements = try fixture.shell(
      """
      SELECT 'INSERT INTO ' || source || ' (' || columns || ') VALUES (' || literals || ');' FROM quarantine
      ORDER BY source = 'record' DESC, number;
      """)
    try fixture.shell(statements + "UPDATE container SET details = x'\(details)' WHERE generation = 6;")
    #expect(try fixture.shell("SELECT * FROM container; SELECT hex(json) FROM specification;") == before)
    try expectClean(store)
  }

  @Test("a container that others depend on stays, and what no rule decides is left and named")
  func undecided() throws {
    try fixture.shell(
      "DELETE FROM container_state WHERE generation = \(Self.generation("c1"));"
        + "UPDATE specification SET json = x'7b7d' WHERE generation = \(Self.generation("c3"));")
    let report = try store.repair()
    #expect(report.actions.isEmpty, "\(report)")
    #expect(Set(report.remaining.map { "\($0.rule) \($0.subject)" }) == ["I-10 c1", "I-17 c3"])
  }

  @Test("a repair waits for the lock of a container that it changes, and names its holder")
  func lock() throws {
    try fixture.shell("DELETE FROM label WHERE generation = \(Self.generation("c1"));")
    let holder = try fixture.child()
    try holder.succeed("open")
    try holder.send("hold c1")
    try holder.expect("holding")
    var impatient = fixture
    impatient.options.operationTimeout = .milliseconds(50)
    let other = try impatient.open()
    #expect(expectError(.lockTimeout) { try other.repair() }?.holder?.pid == holder.pid)
    #expect(try other.repair(dryRun: true).actions.count == 1, "to look needs no lock")
    try other.close()
    try holder.send("")
    try holder.expect("ok")
    #expect(try store.repair().actions.count == 1)
    try expectClean(store)
  }

  private func contents() throws -> String {
    try fixture.shell(".dump")
  }
}
