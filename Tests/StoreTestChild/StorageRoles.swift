internal import Glibc
internal import SQLiteStorage

/// Roles for the tests of SQLiteStorage.
let storageRoles: [String: Role] = [
  // storage PATH [GATE]: obeys commands, one a line, and answers each by `ok …`, or `error` and the code.
  "storage": { arguments in
    let session = StorageSession(path: arguments[0], gatePath: arguments.dropFirst().first)
    say("ready")
    while let line = hear() {
      let words = line.split(separator: " ").map(String.init)
      do {
        say("ok \(try session.perform(words[0], Array(words.dropFirst())))")
      } catch let error as StorageError {
        say("error \(error.code)")
      }
    }
    return 0
  }
]

/// A database in a process of its own, driven by commands.
private final class StorageSession {
  private let path: String
  private let gate: LockfileGate
  private var database: Database?
  private let options = DatabaseOptions(applicationID: 0x7465_7374, schemaVersion: 1)

  init(path: String, gatePath: String?) {
    self.path = path
    gate = LockfileGate(path: gatePath ?? path + ".gate")
  }

  /// Performs one command and returns what to answer.
  func perform(_ command: String, _ arguments: [String]) throws -> String {
    switch command {
    case "open": try open()
    case "add": return try add(count: Int64(arguments[0]) ?? 0)
    case "try-add":
      // Whether somebody is inside the gate is all that is asked.
      guard try gate.tryEnter("try") else { return "held" }
      gate.leave()
      return try add(count: 1)
    case "hold": try hold()
    case "count": return try "\(count())"
    case "stray": strayClose(arguments.first ?? "")
    case "snapshot": return try snapshot()
    case "checkpoint": return try "\(current.checkpoint(deadlineNanoseconds: .max))"
    case "elsewhere": return try "\(current.isOpenElsewhere() == true)"
    case "fork": return "\(waitForChild(forkChild { self.useAfterFork(arguments[0]) }))"
    case "linger": return "\(forkChild { pause() })"
    case "close": try current.close()
    default: return "unknown command"
    }
    return ""
  }

  private var current: Database {
    guard let database else { preconditionFailure("open first") }
    return database
  }

  /// As a store opens: only who finds no finished database goes through the gate.
  private func open() throws {
    do {
      database = try Database(path: path, gate: gate, options: options)
    } catch {
      guard error.code == .missing || error.code == .incomplete else { throw error }
      try gate.enter("create", deadlineNanoseconds: .max)
      defer { gate.leave() }
      try Database.create(path: path, options: options, deadlineNanoseconds: .max) { connection in
        try connection.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL) STRICT")
      }
      database = try Database(path: path, gate: gate, options: options)
    }
  }

  private func add(count: Int64) throws -> String {
    for _ in 0..<count {
      try current.write("add", durability: .durable, deadlineNanoseconds: .max) { connection in
        let insert = try connection.statement("INSERT INTO item (pid) VALUES (?1)")
        try insert.bind(1, Int64(getpid()))
        try insert.run()
      }
    }
    return "\(count)"
  }

  /// Adds a row and says so inside the transaction, which ends with the next line: to be killed meanwhile.
  private func hold() throws {
    try current.write("hold", durability: .durable, deadlineNanoseconds: .max) { connection in
      try connection.statement("INSERT INTO item (pid) VALUES (0)").run()
      sayAndWait("holding")
    }
  }

  private func count() throws -> Int64 { try current.readOne(countItems) }

  private func countItems(_ connection: Connection) throws -> Int64 {
    let query = try connection.statement("SELECT count(*) FROM item")
    _ = try query.step()
    return try query.int64(0)
  }

  /// What any other code in the process may do.
  private func strayClose(_ suffix: String) {
    let descriptor = Glibc.open(path + suffix, O_RDWR | O_CLOEXEC)
    precondition(descriptor >= 0, "nothing to open at \(path)\(suffix)")
    Glibc.close(descriptor)
  }

  /// Counts twice in one snapshot, with a line from the test in between.
  private func snapshot() throws -> String {
    try current.read { connection in
      let before = try countItems(connection)
      sayAndWait("reading")
      return try "\(before) \(countItems(connection))"
    }
  }

  /// In a forked child: 0 when everything is refused as used after a fork.
  private func useAfterFork(_ what: String) -> Int32 {
    do {
      switch what {
      case "read": _ = try count()
      case "write": _ = try add(count: 1)
      case "close": try current.close()
      case "forget":
        database = nil
        return 0
      case "open": database = try Database(path: path, gate: gate, options: options)
      default: return 2
      }
      return 1
    } catch {
      return (error as? StorageError)?.code == .usedAfterFork ? 0 : 3
    }
  }
}

/// A gate for a process of one thread: a classic record lock on a file.
private final class LockfileGate: WriteGate {
  private let descriptor: Int32

  init(path: String) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    precondition(descriptor >= 0, "no gate at \(path)")
  }

  func enter(_ operation: String, deadlineNanoseconds: UInt64) throws {
    while !set(F_WRLCK, F_SETLKW) { precondition(errno == EINTR) }
  }

  func tryEnter(_ operation: String) throws -> Bool { set(F_WRLCK, F_SETLK) }

  func leave() { precondition(set(F_UNLCK, F_SETLK)) }

  private func set(_ type: Int32, _ command: Int32) -> Bool {
    var lock = flock()
    lock.l_type = Int16(type)
    return fcntl(descriptor, command, &lock) == 0
  }
}
