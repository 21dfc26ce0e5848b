internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Foreign programs beside the store")
struct ForeignShellTests {
  @Test(
    "34: a foreign shell that writes and copies the WAL back, stopped at random like all, costs no commit",
    arguments: SeededGenerator.seeds)
  func foreignShell(seed: UInt64) throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    let ids = ["a", "b", "c"]
    for id in ids { try store.add(id) }
    let before = try Int64(
      fixture.shell("SELECT created_at_ns FROM store;").split(separator: "\n").last ?? "")
    let counts = scaled(60)
    let writers = try ids.map { _ in
      let child = try fixture.child()
      // A WAL that is copied back and restarted all the time.
      try child.succeed("open frames=3 timeout=60000")
      return child
    }
    for (id, child) in zip(ids, writers) { try child.send("count \(id) \(counts)") }
    let shell = try ChildProcess(executable: "/usr/bin/sqlite3", [fixture.databasePath])
    try shell.send(".timeout 60000")
    let modes = ["PASSIVE", "FULL", "RESTART", "TRUNCATE"]
    for round in 0..<counts {
      try shell.send("UPDATE store SET created_at_ns = created_at_ns + 1;")
      try shell.send("PRAGMA wal_checkpoint(\(modes[round % modes.count])); SELECT count(*) FROM record;")
    }
    shell.closeInput()
    try stopAtRandom(shell, writers, store, seed: seed)
    for child in writers { #expect(try child.line(within: .seconds(120)) == "ok \(counts)") }
    #expect(try shell.waitForExit(within: .seconds(120)) == .code(0))
    for id in ids {
      #expect(try store.state(of: ContainerID(id)).restartCount == Int32(counts), "seed \(seed)")
    }
    let after = try Int64(fixture.shell("SELECT created_at_ns FROM store;").split(separator: "\n").last ?? "")
    #expect(try #require(after) == #require(before) + Int64(counts), "seed \(seed): the shell's own commits")
    try expectClean(store)
  }

  /// Stops one after the other for the length of a few looks at the store, wherever it is.
  ///
  /// A shell that is stopped while it restarts the WAL keeps readers out as well: then a look says `busy`.
  private func stopAtRandom(
    _ shell: ChildProcess, _ writers: [ChildProcess], _ store: StateStore, seed: UInt64
  ) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<scaled(40) {
      guard let victim = ([shell] + writers).randomElement(using: &generator) else { return }
      victim.signal(SIGSTOP)
      defer { victim.signal(SIGCONT) }
      var looks = Int.random(in: 0...3, using: &generator)
      // The rest goes on, or waits for it; both are what it is stopped for.
      try waitUntil("a few looks at the store") {
        looks -= 1
        do { return try store.containers().count == 3 && looks < 0 } catch let error as StoreError
          where error.code == .busy && victim === shell
        { return true }
      }
    }
  }
}
