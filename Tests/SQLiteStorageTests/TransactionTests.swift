internal import Glibc
internal import SQLiteStorage
internal import StoreTestSupport
internal import Testing

@Suite("Transactions and snapshots")
struct TransactionTests {
  struct Failure: Error, Equatable { let number: Int }

  @Test("D-2: a write whose body throws leaves nothing, and its error arrives unchanged")
  func rollback() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    #expect(throws: Failure(number: 7)) {
      try database.write("fail", durability: .durable, deadlineNanoseconds: soon) { connection in
        try connection.insert()
        throw Failure(number: 7)
      }
    }
    #expect(!fixture.gate.isHeld)
    #expect(try database.count() == 1)
    #expect(try database.readOne { $0.inTransaction } == false)
    try database.add()
    #expect(try database.count() == 2)
  }

  @Test("D-2: a refused change rolls back, says which kind of rule, and names no bound value")
  func constraints() throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    try database.add(note: "secret")
    let error = #expect(throws: StorageError.self) {
      try database.write("twice", durability: .committed, deadlineNanoseconds: soon) { connection in
        try connection.insert(note: "first")
        try connection.insert(note: "secret")
      }
    }
    #expect(error?.code == .constraint(.unique))
    #expect(error?.message.contains("secret") == false)
    #expect(try database.count() == 1)
    let refused = { (sql: String) in
      failure {
        try database.write("refused", durability: .committed, deadlineNanoseconds: soon) {
          try $0.execute(sql)
        }
      }
    }
    #expect(refused("INSERT INTO item (id, pid) VALUES (1, 1)") == .constraint(.primaryKey))
    #expect(refused("INSERT INTO item (pid) VALUES (NULL)") == .constraint(.notNull))
    #expect(refused("INSERT INTO item (pid) VALUES ('text')") == .constraint(.dataType))
    #expect(refused("INSERT INTO nowhere VALUES (1)") == .refused)
    #expect(refused("CREATE TABLE a (b CHECK (b > 0)); INSERT INTO a VALUES (0)") == .constraint(.check))
    #expect(
      refused(
        "CREATE TABLE c (b REFERENCES item (id)); INSERT INTO c VALUES (99)") == .constraint(.foreignKey))
    #expect(try database.count() == 1)
  }

  @Test("D-2: a foreign key that is checked at COMMIT rolls back too")
  func deferredConstraint() throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    let code = failure {
      try database.write("dangling", durability: .committed, deadlineNanoseconds: soon) { connection in
        try connection.execute("CREATE TABLE d (i REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED)")
        try connection.execute("INSERT INTO d VALUES (99)")
      }
    }
    #expect(code == .constraint(.foreignKey))
    try database.add()
    #expect(
      failure { try database.readOne { try $0.statement("SELECT * FROM d").step() } } == .schemaMismatch)
  }

  @Test("D-2: a full database rolls back, says so, and works on")
  func outOfSpace() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    let code = failure {
      try database.write("fill", durability: .durable, deadlineNanoseconds: soon) { connection in
        let limit = try connection.statement("PRAGMA max_page_count=20")
        #expect(try limit.step())
        let insert = try connection.statement("INSERT INTO item (pid, bytes) VALUES (1, zeroblob(1000000))")
        try insert.run()
      }
    }
    #expect(code == .outOfSpace)
    #expect(try database.readOne { $0.inTransaction } == false)
    try database.add()
    #expect(try database.count() == 2)
  }

  @Test("a refused gate is passed on, and nothing was begun")
  func refusedGate() throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    fixture.gate.change { $0.refuses = true }
    #expect(throws: RecordingGate.Refused.self) { try database.add() }
    fixture.gate.change { $0.refuses = false }
    try database.add()
    #expect(fixture.gate.operations == ["add"])
  }

  @Test("D-2: a foreign program that holds SQLite's lock beyond the deadline is busy, and nothing is left")
  func foreignLock() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    let shell = try ChildProcess(executable: "/usr/bin/sqlite3", [fixture.path])
    try shell.send("BEGIN IMMEDIATE; SELECT 'begun';")
    try shell.expect("begun")
    let deadline = Deadline.after(.milliseconds(20))
    #expect(
      failure {
        try database.write("blocked", durability: .durable, deadlineNanoseconds: deadline.nanoseconds) { _ in
        }
      } == .busy)
    #expect(deadline.isPast)
    #expect(!fixture.gate.isHeld)
    #expect(try database.readOne { $0.inTransaction } == false)
    #expect(try database.count() == 1, "a reader does not wait for the shell either")
    try shell.send("COMMIT; SELECT 'done';")
    try shell.expect("done")
    try database.add()
    #expect(try database.count() == 2)
  }

  @Test("a foreign lock that is released in time is waited for")
  func foreignLockReleased() throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    let shell = try ChildProcess(executable: "/usr/bin/sqlite3", [fixture.path])
    try shell.send("BEGIN IMMEDIATE; SELECT 'begun';")
    try shell.expect("begun")
    // The shell ends its transaction once the gate is ours.
    nonisolated(unsafe) let holder = shell
    fixture.gate.change { $0.onEnter = { try? holder.send("COMMIT;") } }
    try database.add()
    #expect(try database.count() == 1)
  }

  @Test("D-7: a snapshot stays as it was while another process commits, and does not keep it from committing")
  func snapshot() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 2)
    let writer = try fixture.child()
    try writer.order("open")
    try database.read { connection in
      #expect(try connection.countItems() == 2)
      try writer.order("add 3")
      #expect(try connection.countItems() == 2)
    }
    #expect(try database.count() == 5)
  }

  @Test("D-7: reads neither wait for a writer, here or elsewhere, nor enter the gate")
  func readersDoNotWait() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 2)
    let writer = try fixture.child()
    try writer.order("open")
    try writer.send("hold")
    try writer.expect("holding")
    fixture.gate.change { $0.refuses = true }
    #expect(try database.count() == 2)
    #expect(try database.read { try $0.countItems() } == 2)
    let latecomer = try fixture.open()
    #expect(try latecomer.count() == 2, "opening does not wait either")
    try writer.send("")
    try writer.expect("ok")
    #expect(try database.count() == 3)
    fixture.gate.change { $0.refuses = false }
    try database.write("nested", durability: .committed, deadlineNanoseconds: soon) { connection in
      try connection.insert()
      #expect(try database.count() == 3, "a read inside a write sees what is committed")
    }
    #expect(try database.count() == 4)
  }

  @Test("rows of two processes that write through one gate are all there")
  func twoWriters() throws {
    let fixture = try Fixture()
    let children = try (0..<2).map { _ in try fixture.child() }
    for child in children { try child.send("open") }
    for child in children { try child.expect("ok") }
    for child in children { try child.send("add \(scaled(300))") }
    for child in children { try child.expect("ok", within: .seconds(60)) }
    #expect(try children[0].order("count") == "\(scaled(300) * 2)")
    #expect(try fixture.shell("PRAGMA integrity_check;") == "ok\n")
  }

  @Test("a write of a process that dies in its transaction is gone, and the next one need not wait")
  func killedWriter() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    let writer = try fixture.child()
    try writer.order("open")
    try writer.send("hold")
    try writer.expect("holding")
    writer.signal(SIGKILL)
    #expect(try writer.waitForExit() == .signal(SIGKILL))
    #expect(try database.count() == 1)
    try database.add()
    #expect(try database.count() == 2)
  }
}

@Suite("A schema that changes under an open database")
struct SchemaChangeTests {
  @Test("a newer version is refused by writes and by reads of every form, prepared before or after")
  func newerVersion() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    #expect(try database.count() == 1)
    try fixture.shell("BEGIN; ALTER TABLE item ADD COLUMN more TEXT; PRAGMA user_version=2; COMMIT;")
    let tooNew = StorageError.Code.schemaTooNew(found: 2, known: 1)
    #expect(failure { try database.count() } == tooNew, "prepared before")
    #expect(failure { try database.readOne { try $0.statement("SELECT more FROM item").step() } } == tooNew)
    #expect(failure { try database.read { try $0.countItems() } } == tooNew)
    #expect(failure { try database.add() } == tooNew)
    #expect(failure { try database.count() } == tooNew, "and again")
    #expect(failure { try fixture.open() } == tooNew)
    try fixture.shell("PRAGMA user_version=1;")
    try database.add()
    #expect(try database.count() == 2, "usable again once it is what it was")
  }

  @Test("a change of the schema that keeps the version goes unnoticed by readers")
  func sameVersion() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    #expect(try database.count() == 1)
    try fixture.shell("CREATE INDEX byPid ON item (pid);")
    #expect(try database.count() == 1)
    try database.add()
  }

  @Test("one of two migrators does the work, in one transaction, and old handles are refused after")
  func migration() throws {
    var fixture = try Fixture()
    let old = try fixture.opened(rows: 1)
    fixture.options = DatabaseOptions(
      applicationID: fixture.options.applicationID, schemaVersion: 2, oldestSchemaVersion: 1)
    let databases = try [fixture.open(), fixture.open()]
    #expect(
      failure { try databases[0].add() } == .schemaTooOld(found: 1, oldest: 2),
      "not written to before it is migrated")
    var runs = 0
    struct Interrupted: Error {}
    #expect(throws: Interrupted.self) {
      try databases[0].migrate(deadlineNanoseconds: soon) { connection, _ in
        try connection.execute("ALTER TABLE item ADD COLUMN more TEXT")
        throw Interrupted()
      }
    }
    #expect(try old.count() == 1, "a failed migration changes nothing")
    for database in databases {
      try database.migrate(deadlineNanoseconds: soon) { connection, found in
        #expect(found == 1)
        runs += 1
        try connection.execute("ALTER TABLE item ADD COLUMN more TEXT")
      }
      try database.add()
    }
    #expect(runs == 1)
    #expect(failure { try old.count() } == .schemaTooNew(found: 2, known: 1))
    #expect(failure { try old.add() } == .schemaTooNew(found: 2, known: 1))
  }
}
