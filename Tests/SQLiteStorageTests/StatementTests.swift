internal import SQLiteStorage
internal import StoreTestSupport
internal import Testing

@Suite("Statements, values and columns")
struct StatementTests {
  /// Gives the body the first row of a query.
  private func row<R>(_ sql: String, _ body: (borrowing Statement) throws -> R) throws -> R {
    let fixture = try Fixture()
    return try fixture.opened().readOne { connection in
      let query = try connection.statement(dynamic: sql)
      #expect(try query.step())
      return try body(query)
    }
  }

  @Test("each of many texts finds its own statement, however many there are and were lent before")
  func manyTexts() throws {
    let fixture = try Fixture()
    let texts = (0..<500).map { StatementText("SELECT \($0), ?1") }
    try fixture.opened().readOne { connection in
      for round in 0..<3 as Range<Int64> {
        for (number, text) in texts.enumerated() {
          let query = try connection.statement(text)
          try query.bind(1, round)
          #expect(try query.step())
          #expect(try query.int64(0) == Int64(number))
          #expect(try query.int64(1) == round)
        }
        // One that is lent already is made anew, and does not take its place.
        let lent = try connection.statement(texts[7])
        let again = try connection.statement(texts[7])
        #expect(try lent.step())
        #expect(try again.step())
        #expect(try again.int64(0) == 7)
      }
    }
  }

  @Test("every kind of value comes back as it was bound")
  func roundTrip() throws {
    let fixture = try Fixture()
    try fixture.opened().readOne { connection in
      let query = try connection.statement("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9")
      try query.bind(1, Int64.min)
      try query.bind(2, true)
      try query.bind(3, "päth\u{0}with NUL 🙂")
      try query.bind(4, "")
      try query.bind(5, literal: "literal")
      try query.bind(6, [0, 255, 7] as [UInt8])
      try query.bind(7, [] as [UInt8])
      try query.bind(8, nil as String?)
      #expect(try query.step())
      #expect(try query.int64(0) == Int64.min)
      #expect(try query.bool(1))
      #expect(try query.string(2) == "päth\u{0}with NUL 🙂")
      #expect(try query.string(3).isEmpty)
      #expect(try query.string(4) == "literal")
      #expect(try query.bytes(5) == [0, 255, 7])
      #expect(try query.withBytes(5) { $0[1] } == 255)
      #expect(try query.bytes(6).isEmpty)
      #expect(try query.optionalString(7) == nil)
      #expect(try query.optionalBytes(5) == [0, 255, 7])
      #expect(try query.optionalBytes(7) == nil)
      let isUnboundNull = query.isNull(8)
      #expect(isUnboundNull)
      #expect(try !query.step())
    }
  }

  @Test("a value of another kind than expected is an error, not a conversion")
  func types() throws {
    #expect(failure { try row("SELECT NULL") { try $0.int64(0) } } == .unexpectedType(column: 0))
    #expect(failure { try row("SELECT 1, '2'") { try $0.int64(1) } } == .unexpectedType(column: 1))
    #expect(failure { try row("SELECT 2.5") { try $0.int64(0) } } == .unexpectedType(column: 0))
    #expect(failure { try row("SELECT 1 << 40") { try $0.int32(0) } } == .unexpectedType(column: 0))
    #expect(failure { try row("SELECT 2") { try $0.bool(0) } } == .unexpectedType(column: 0))
    #expect(failure { try row("SELECT 1") { try $0.string(0) } } == .unexpectedType(column: 0))
    #expect(failure { try row("SELECT NULL") { try $0.string(0) } } == .unexpectedType(column: 0))
    #expect(failure { try row("SELECT x'41'") { try $0.optionalString(0) } } == .unexpectedType(column: 0))
    #expect(failure { try row("SELECT NULL") { try $0.bytes(0) } } == .unexpectedType(column: 0))
  }

  @Test("text that is not UTF-8 is reported, not repaired")
  func invalidText() throws {
    #expect(
      failure { try row("SELECT CAST(x'41ff42' AS TEXT)") { try $0.string(0) } } == .invalidText(column: 0))
  }

  @Test("a statement that was given back keeps neither values nor a snapshot")
  func givenBack() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 3)
    try database.readOne { connection in
      for note in ["some", nil] as [String?] {
        let query = try connection.statement("SELECT ?1, id FROM item")
        if let note { try query.bind(1, note) }
        #expect(try query.step())
        #expect(try query.optionalString(0) == note)
      }
      #expect(!connection.inTransaction)
    }
    #expect(try database.checkpoint(deadlineNanoseconds: soon).isComplete)
    try database.close()
  }

  @Test("one literal may be used again while it is in use, and after many others")
  func reentrance() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 2)
    try database.readOne { connection in
      let outer = try connection.statement("SELECT id FROM item ORDER BY id")
      #expect(try outer.step())
      let inner = try connection.countItems()
      let again = try connection.statement("SELECT id FROM item ORDER BY id")
      #expect(try again.step())
      #expect(try again.int64(0) == outer.int64(0))
      for number in 0..<50 {
        let query = try connection.statement(dynamic: "SELECT \(number) + ?1")
        try query.bind(1, 1)
        #expect(try query.step())
        #expect(try query.int64(0) == Int64(number) + 1)
      }
      #expect(try outer.step())
      #expect(inner == 2)
    }
  }

  @Test("a value or a statement beyond the limits is refused")
  func limits() throws {
    var fixture = try Fixture()
    fixture.options.largestValueBytes = 100_000
    let database = try fixture.opened()
    let code = failure {
      try database.write("big", durability: .committed, deadlineNanoseconds: soon) { connection in
        let insert = try connection.statement("INSERT INTO item (pid, bytes) VALUES (1, ?1)")
        try insert.bind(1, [UInt8](repeating: 1, count: 100_001))
        try insert.run()
      }
    }
    #expect(code == .tooBig)
    let attach = failure {
      try database.readOne { try $0.statement("ATTACH ':memory:' AS other").step() }
    }
    #expect(attach == .refused)
    #expect(try database.count() == 0)
  }

  @Test("a hostile trigger or view in the file does not run")
  func hostileSchema() throws {
    let fixture = try Fixture()
    try fixture.opened().close()
    try fixture.shell(
      """
      CREATE TRIGGER evil AFTER INSERT ON item BEGIN DELETE FROM item; END;
      CREATE VIEW trap AS SELECT load_extension('evil');
      """)
    let database = try fixture.open()
    try database.add()
    #expect(try database.count() == 1)
    #expect(
      failure { try database.readOne { try $0.statement("SELECT * FROM trap").step() } } == .schemaMismatch)
  }
}
