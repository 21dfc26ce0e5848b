internal import Glibc
internal import SQLiteStorage
internal import StoreTestSupport
internal import Testing

@Suite("Files changed under an open database")
struct ReplacedFileTests {
  @Test(
    "D-4: a write to a database, WAL or index that was unlinked or swapped fails",
    arguments: ["", "-wal", "-shm"])
  func replaced(suffix: String) throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    let path = fixture.path + suffix
    let copy = try readBytes(atPath: path)
    #expect(rename(path, path + ".away") == 0)
    #expect(failure { try database.add(durability: .durable) } == .replaced)
    #expect(failure { try database.checkpoint(deadlineNanoseconds: soon) } == .replaced)
    #expect(failure { try database.makeDurable(deadlineNanoseconds: soon) } == .replaced)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    #expect(copy.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == copy.count)
    close(descriptor)
    #expect(failure { try database.add(durability: .durable) } == .replaced, "a copy is not the file")
    #expect(!fixture.gate.isHeld)
    #expect(rename(path + ".away", path) == 0)
    try database.add(durability: .durable)
    #expect(try database.count() == 2)
  }

  @Test("D-4: a second handle does not open beside an index that SQLite still has and the path has not")
  func indexOfTheFirstHandle() throws {
    let fixture = try Fixture()
    let first = try fixture.opened(rows: 1)
    #expect(unlink(fixture.path + "-shm") == 0)
    let other = try fixture.child()
    try other.order("open")
    // SQLite shares the first handle's index within a process, whatever the path names by now.
    #expect(failure { try fixture.open() } == .replaced)
    try first.close()
    let second = try fixture.open()
    try second.add()
    #expect(try other.order("count") == "2")
    try second.close()
  }

  @Test("D-4: the error names the file that is another one")
  func nameOfTheFile() throws {
    let fixture = try Fixture()
    let database = try fixture.opened()
    unlink(fixture.path + "-wal")
    let error = #expect(throws: StorageError.self) { try database.add() }
    #expect(error?.path == fixture.path + "-wal")
    #expect(error?.code == .replaced)
  }

  @Test("a bit that was flipped in a page is corrupt, never a crash")
  func flippedBits() throws {
    let fixture = try Fixture()
    try fixture.opened(rows: 50).close()
    try fixture.shell("PRAGMA wal_checkpoint(TRUNCATE);")
    let pristine = try readBytes(atPath: fixture.path)
    var outcomes: Set<String> = []
    for offset in stride(from: 100, to: min(pristine.count, 16_384), by: 97) {
      let victim = fixture.directory.path("victim-\(offset)")
      let descriptor = open(victim, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      var bytes = pristine
      bytes[offset] ^= 0x80
      #expect(bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count)
      close(descriptor)
      do {
        let database = try Database(path: victim, gate: fixture.gate, options: fixture.options)
        try database.readOne { connection in
          let query = try connection.statement("SELECT id, pid, note FROM item")
          while try query.step() { _ = try (query.int64(0), query.int64(1), query.optionalString(2)) }
        }
        outcomes.insert("read")
      } catch let error as StorageError {
        outcomes.insert("\(error.code)")
      }
    }
    #expect(outcomes.contains("corrupt"))
    #expect(outcomes.contains("read"), "most bits of these pages are unused")
  }
}
