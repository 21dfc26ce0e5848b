internal import CSQLite
internal import Glibc
internal import Platform
internal import SQLiteStorage
internal import StoreTestSupport
internal import Synchronization
internal import Testing

/// A database of its own for one test.
struct Fixture {
  let directory: TemporaryDirectory
  let path: String
  let gate = RecordingGate()
  var options = DatabaseOptions(applicationID: 0x7465_7374, schemaVersion: 1)

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path("state.db")
    options.copiesBackInBackground = false
  }

  func create() throws {
    try Database.create(path: path, options: options, deadlineNanoseconds: soon) { connection in
      try connection.execute(
        """
        CREATE TABLE item (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, note TEXT UNIQUE, bytes BLOB) STRICT
        """
      )
    }
  }

  func open() throws -> Database { try Database(path: path, gate: gate, options: options) }

  /// A new database with that many rows, each from a transaction of its own.
  func opened(rows: Int = 0) throws -> Database {
    try create()
    let database = try open()
    for _ in 0..<rows { try database.add() }
    return database
  }

  /// A process of its own with the same path; it has a gate of its own, so it must not write while this
  /// one does.
  func child() throws -> ChildProcess {
    let child = try ChildProcess(role: "storage", [path])
    try child.expect("ready")
    return child
  }

  /// Runs the stock shell, a foreign program, to its end.
  @discardableResult
  func shell(_ sql: String) throws -> String {
    let outcome = try ChildProcess.run(
      executable: "/usr/bin/sqlite3", [path], input: ".bail on\n" + sql + "\n")
    guard outcome.status == .code(0) else { throw TestSupportError("sqlite3: \(outcome.errorOutput)") }
    return outcome.output
  }
}

/// Ten seconds from now.
var soon: UInt64 { Deadline.after(.seconds(10)).nanoseconds }

extension Database {
  func add(note: String? = nil, durability: CommitDurability = .committed) throws {
    try write("add", durability: durability, deadlineNanoseconds: soon) { try $0.insert(note: note) }
  }

  func count() throws -> Int64 { try readOne { try $0.countItems() } }
}

extension Connection {
  func insert(note: String? = nil) throws {
    let insert = try statement("INSERT INTO item (pid, note) VALUES (1, ?1)")
    try insert.bind(1, note)
    try insert.run()
  }

  func countItems() throws -> Int64 {
    let query = try statement("SELECT count(*) FROM item")
    #expect(try query.step())
    return try query.int64(0)
  }
}

extension ChildProcess {
  /// Sends a command and returns what is answered, whether `ok` or an error.
  func ask(_ command: String) throws -> String {
    try send(command)
    return try line() ?? "nothing"
  }

  /// Sends a command that must succeed.
  @discardableResult
  func order(_ command: String) throws -> String {
    try send(command)
    return try expect("ok")
  }
}

/// Performs a call that must fail, and returns the code it failed with.
func failure<R>(
  sourceLocation: SourceLocation = #_sourceLocation, of body: () throws -> R
) -> StorageError.Code? {
  let error = #expect(throws: StorageError.self, sourceLocation: sourceLocation) { _ = try body() }
  return error?.code
}

/// The descriptors of this process that are open on files whose names begin with the path.
func descriptors(below path: String) -> [Int32] {
  entries(ofDirectory: "/proc/self/fd").compactMap { name in
    var target = [CChar](repeating: 0, count: 4096)
    guard let descriptor = Int32(name), readlink("/proc/self/fd/\(name)", &target, 4095) > 0 else {
      return nil
    }
    return String(decoding: target.map { UInt8(bitPattern: $0) }, as: UTF8.self).hasPrefix(path)
      ? descriptor : nil
  }
}

/// Arms failpoints for the length of the body, and returns which of them it passed, in their order.
///
/// They are those of this thread and of those that it starts with `inOwnThreads`: the other tests of the
/// process go on meanwhile. Whoever else arms waits.
func passing(
  _ failpoints: String, noting: (@Sendable (String) -> Void)? = nil, _ body: () throws -> Void
) rethrows -> [String] {
  try armed.withLock { _ in
    Failpoints.arm(failpoints, noting: noting) { ownThreads.withLock { $0.contains(pthread_self()) } }
    defer { Failpoints.arm("") }
    try owning(body)
    return Failpoints.passed
  }
}

/// As `inParallel`, with threads whose failpoints are those of `passing`.
func inOwnThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
  try inParallel(count) { number in try owning { try body(number) } }
}

private func owning(_ body: () throws -> Void) rethrows {
  _ = ownThreads.withLock { $0.insert(pthread_self()) }
  defer { _ = ownThreads.withLock { $0.remove(pthread_self()) } }
  try body()
}

private let ownThreads = Mutex<Set<pthread_t>>([])
private let armed = Mutex(())

/// A gate between the threads of this process that remembers who went through it.
final class RecordingGate: WriteGate {
  struct Refused: Error {}

  nonisolated(unsafe) private let mutex: UnsafeMutableRawPointer
  nonisolated(unsafe) private let sharedBytes: UnsafeMutableRawPointer
  private let state = Mutex(State())

  struct State {
    var operations: [String] = []
    var isHeld = false
    var refuses = false
    /// Whether the gate can remember a failed sync for all handles, and whether it does.
    var remembers = false
    var hasFailedSync = false
    /// Whether a database that is opened from now on believes that its directory stays where it is.
    var vouches = false
    /// Whether a database that is opened from now on shares its syncs with the others behind this gate.
    var sharesSyncs = false
    /// Called with the gate held: after each grant, and before each release.
    var onEnter: (@Sendable () -> Void)?
    var onLeave: (@Sendable () -> Void)?
  }

  init() {
    mutex = .allocate(byteCount: MemoryLayout<pthread_mutex_t>.size, alignment: 16)
    pthread_mutex_init(mutex.bindMemory(to: pthread_mutex_t.self, capacity: 1), nil)
    sharedBytes = .allocate(byteCount: SharedSyncs.size, alignment: SharedSyncs.size)
    sharedBytes.initializeMemory(as: UInt8.self, repeating: 0, count: SharedSyncs.size)
  }

  deinit {
    mutex.deallocate()
    sharedBytes.deallocate()
  }

  private var lock: UnsafeMutablePointer<pthread_mutex_t> {
    mutex.assumingMemoryBound(to: pthread_mutex_t.self)
  }

  var operations: [String] { state.withLock { $0.operations } }
  var isHeld: Bool { state.withLock { $0.isHeld } }

  func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

  var hasFailedSync: Bool { state.withLock { $0.hasFailedSync } }

  func rememberFailedSync() -> Bool {
    state.withLock {
      $0.hasFailedSync = $0.remembers
      return $0.remembers
    }
  }

  func forgetFailedSync() { state.withLock { $0.hasFailedSync = false } }

  func sharedSyncs(of wal: FileIdentity) -> SharedSyncs? {
    state.withLock { $0.sharesSyncs } ? SharedSyncs(at: sharedBytes, boot: 1, wal: wal) : nil
  }

  var vouchesForDirectory: Bool { state.withLock { $0.vouches } }

  func enter(_ operation: String, deadlineNanoseconds: UInt64) throws {
    if state.withLock({ $0.refuses }) { throw Refused() }
    pthread_mutex_lock(lock)
    granted(operation)
  }

  func tryEnter(_ operation: String) throws -> Bool {
    guard !state.withLock({ $0.refuses }), pthread_mutex_trylock(lock) == 0 else { return false }
    granted(operation)
    return true
  }

  func leave() {
    state.withLock {
      $0.onLeave?()
      $0.isHeld = false
    }
    pthread_mutex_unlock(lock)
  }

  private func granted(_ operation: String) {
    state.withLock {
      $0.operations.append("\(operation)")
      $0.isHeld = true
      $0.onEnter?()
    }
  }
}
