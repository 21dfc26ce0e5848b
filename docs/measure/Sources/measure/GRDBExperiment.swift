import CSQLiteRaw
import Foundation
import GRDB

/// A row of 1 KB found by its id: through the C interface, and through GRDB.
func measureGRDB() throws {
  try withTemporaryDirectory { directory in
    let path = directory + "/test.db"
    let raw = try RawReader(path: path, creates: true)
    let queue = try DatabaseQueue(path: path)
    let read = median("raw, prepared read", count: 2000) { raw.read() }
    let unsafe = try median("GRDB, unsafeRead", count: 2000) { try queue.unsafeRead(readRow) }
    let queued = try median("GRDB, DatabaseQueue.read", count: 500) { try queue.read(readRow) }
    let opened = try median("raw, open, read, close", count: 100) { try RawReader(path: path).read() }
    let openedQueue = try median("GRDB, open, read, close", count: 100) {
      let queue = try DatabaseQueue(path: path)
      try queue.read(readRow)
      try queue.close()
    }
    print("ratios to raw: unsafeRead", rounded(unsafe / read), "read", rounded(queued / read))
    print("open, read, close", rounded(openedQueue / opened))
  }
}

private let id = String(repeating: "0", count: 61) + "500"
private let query = "SELECT generation, name, status, pid, created, details FROM container WHERE id = ?"

private func readRow(_ database: Database) throws {
  let statement = try database.cachedStatement(sql: query)
  guard let row = try Row.fetchOne(statement, arguments: [id]) else { preconditionFailure("no row") }
  consume(row[0], row[1], row[2], row[3], row[4], Array(row[5] as Data))
}

@inline(never) private func consume(
  _ generation: Int64, _ name: String, _ status: Int64, _ pid: Int64, _ created: Int64, _ details: [UInt8]
) {
  precondition(status == 3 && details.count == 1024)
}

private final class RawReader {
  private var database: OpaquePointer?
  private var statement: OpaquePointer?

  init(path: String, creates: Bool = false) throws {
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (creates ? SQLITE_OPEN_CREATE : 0)
    precondition(sqlite3_open_v2(path, &database, flags, nil) == SQLITE_OK)
    if creates {
      let schema = """
        PRAGMA journal_mode=WAL;
        CREATE TABLE container(generation INTEGER PRIMARY KEY, id TEXT UNIQUE, name TEXT, status INTEGER,
          pid INTEGER, created INTEGER, details BLOB);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1000)
        INSERT INTO container SELECT i, printf('%064d', i), 'name' || i, 3, i, i, zeroblob(1024) FROM n;
        """
      precondition(sqlite3_exec(database, schema, nil, nil, nil) == SQLITE_OK)
    }
    precondition(sqlite3_prepare_v2(database, query, -1, &statement, nil) == SQLITE_OK)
  }

  deinit {
    sqlite3_finalize(statement)
    sqlite3_close(database)
  }

  func read() {
    id.withCString { text in
      sqlite3_bind_text(statement, 1, text, -1, nil)
      precondition(sqlite3_step(statement) == SQLITE_ROW)
    }
    let bytes = UnsafeRawBufferPointer(
      start: sqlite3_column_blob(statement, 5), count: Int(sqlite3_column_bytes(statement, 5)))
    consume(
      sqlite3_column_int64(statement, 0), String(cString: sqlite3_column_text(statement, 1)),
      sqlite3_column_int64(statement, 2), sqlite3_column_int64(statement, 3),
      sqlite3_column_int64(statement, 4), Array(bytes))
    sqlite3_reset(statement)
  }
}
