internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

/// A place for a store of one test, and everything a test does to it from outside.
struct StoreFixture {
  let directory: TemporaryDirectory
  var options = StoreOptions()

  init() throws {
    directory = try TemporaryDirectory()
  }

  var root: String { directory.path("store") }
  var location: StoreLocation { StoreLocation(root: root) }
  var databasePath: String { root + "/state.db" }

  func open() throws -> StateStore { try StateStore(at: location, options: options) }

  func lockFile(_ id: ContainerID) -> String { "\(root)/locks/\(id).lock" }
  func specificationFile(_ id: ContainerID) -> String { "\(root)/specs/\(id).json" }

  /// A process of its own that obeys commands on this store; see `StoreSession`.
  func child() throws -> ChildProcess {
    let child = try ChildProcess(role: "store", [root])
    try child.expect("ready")
    return child
  }

  /// A process with the store open, in which these failpoints are armed.
  func child(failpoints: String) throws -> ChildProcess {
    let child = try ChildProcess(
      executable: "store-test-child", ["store", root], environment: ["CSTATE_FAILPOINTS": failpoints])
    try child.expect("ready")
    try child.succeed("open")
    return child
  }

  /// That many processes with the store open.
  func openChildren(_ count: Int) throws -> [ChildProcess] {
    let children = try (0..<count).map { _ in try child() }
    for child in children { try child.send("open") }
    for child in children { try child.expect("ok", within: .seconds(30)) }
    return children
  }

  /// Runs the stock shell, a foreign program, to its end, with every rule of the schema switched off.
  @discardableResult
  func shell(_ sql: String) throws -> String {
    let switches = "PRAGMA foreign_keys=OFF;\nPRAGMA ignore_check_constraints=ON;\n.timeout 5000\n"
    let outcome = try ChildProcess.run(
      executable: "/usr/bin/sqlite3", [databasePath], input: ".bail on\n" + switches + sql + "\n",
      within: .seconds(120))
    guard outcome.status == .code(0) else { throw TestSupportError("sqlite3: \(outcome.errorOutput)") }
    return outcome.output
  }

  /// Runs statements on a table that has lost its types, its NOT NULL and its UNIQUE, then makes it what it
  /// was.
  func plant(in table: String, _ sql: String) throws {
    let reload = "PRAGMA writable_schema=RESET;"
    try shell(
      """
      PRAGMA writable_schema=ON;
      CREATE TEMP TABLE saved AS SELECT name, sql FROM sqlite_schema WHERE name = '\(table)';
      UPDATE sqlite_schema SET sql = replace(replace(sql, ' NOT NULL', ''), ') STRICT', ')')
        WHERE name = '\(table)';
      \(reload)
      \(sql)
      PRAGMA writable_schema=ON;
      UPDATE sqlite_schema SET sql = (SELECT sql FROM temp.saved) WHERE name = '\(table)';
      \(reload)
      """)
  }

  /// Overwrites a page of the database with zeros, in a process of its own: a descriptor that is closed in
  /// one that has the database open takes its locks along.
  func clearPage(_ number: Int) throws {
    let outcome = try ChildProcess.run(
      executable: "/bin/dd",
      ["if=/dev/zero", "of=\(databasePath)", "bs=4096", "seek=\(number - 1)", "count=1", "conv=notrunc"])
    guard outcome.status == .code(0) else { throw TestSupportError("dd: \(outcome.errorOutput)") }
  }

  /// The processes that hold a record lock on a file, or wait for one, as the kernel lists them this moment.
  func lockers(onInode inode: ino_t, areWaiting: Bool) throws -> Set<Int32> {
    let lines = try readText(atPath: "/proc/locks").split(separator: "\n")
    return Set(
      lines.compactMap { line in
        // `1: POSIX ADVISORY WRITE PID MAJOR:MINOR:INODE 0 EOF`, with `->` before the kind where it waits.
        let words = line.split(separator: " ").filter { $0 != "->" }
        guard words.count > 5, words[5].hasSuffix(":\(inode)"), line.contains(" -> ") == areWaiting else {
          return nil
        }
        return Int32(words[4])
      })
  }

  /// Every file of the store's directories, except for what SQLite and the gate keep.
  func leftovers() -> [String] {
    entries(ofDirectory: root + "/locks") + entries(ofDirectory: root + "/specs")
  }
}

/// The specification that tests add; its bytes are told apart from any other JSON by their odd spacing.
let sampleSpecification = JSONBytes(
  unchecked: Array(#"{ "ociVersion" : "1.0.2" ,"process":{"args":["true"]} }"#.utf8))

extension ContainerID {
  /// An id that a test wrote down itself.
  init(known text: String) throws { self = try ContainerID(text) }
}

extension ContainerConfiguration {
  /// A configuration with the least in it.
  static func plain(
    _ id: String, name: String? = nil, createdAt: Timestamp = .now, dependingOn dependencies: [String] = [],
    labels: [String: String] = [:], extra: JSONBytes? = nil
  ) throws -> ContainerConfiguration {
    var details = ContainerDetails()
    details.labels = labels
    for dependency in dependencies { details.dependencies.insert(try ContainerID(dependency)) }
    return try ContainerConfiguration(
      id: try ContainerID(id), name: name ?? "name-" + id, createdAt: createdAt, details: details,
      extra: extra)
  }
}

extension StateStore {
  /// Adds a container with the least in it.
  @discardableResult
  func add(
    _ id: String, name: String? = nil, createdAt: Timestamp = .now, dependingOn dependencies: [String] = [],
    labels: [String: String] = [:], state: ContainerState = .init()
  ) throws -> ContainerID {
    let configuration = try ContainerConfiguration.plain(
      id, name: name, createdAt: createdAt, dependingOn: dependencies, labels: labels)
    try add(configuration, specification: sampleSpecification, state: state, durability: .committed)
    return configuration.id
  }

  /// Changes the state of a container under its lock.
  func change(_ id: ContainerID, _ change: (inout ContainerState) -> Void) throws {
    try withLockedContainer(id, wait: .upTo(.seconds(10))) {
      try $0.update(durability: .committed, change)
    }
  }

  func remove(_ id: ContainerID) throws {
    try withLockedContainer(id, wait: .upTo(.seconds(10))) { try $0.remove(durability: .committed) }
  }
}

/// Expects a typed error of that code, and returns it.
@discardableResult
func expectError<R>(
  _ code: StoreError.Code, _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> R
) -> StoreError? {
  do {
    let result = try body()
    Issue.record(
      "\(what) \(code) was expected, and it succeeded with \(result)", sourceLocation: sourceLocation)
  } catch let error as StoreError {
    #expect(error.code == code, "\(what) \(error)", sourceLocation: sourceLocation)
    return error
  } catch {
    Issue.record("\(what) \(code) was expected, not \(error)", sourceLocation: sourceLocation)
  }
  return nil
}

/// Expects a clean store.
func expectClean(_ store: StateStore, sourceLocation: SourceLocation = #_sourceLocation) throws {
  #expect(try store.verify() == [], sourceLocation: sourceLocation)
}

extension ChildProcess {
  /// Sends a command and returns what is answered: `ok …` or `error CODE …`.
  func ask(_ command: String, within limit: Duration = .seconds(20)) throws -> String {
    try send(command)
    guard let line = try line(within: limit) else {
      throw TestSupportError("the child ended at '\(command)'")
    }
    return line
  }

  /// Sends a command that has to succeed and returns what is behind `ok`.
  @discardableResult
  func succeed(
    _ command: String, within limit: Duration = .seconds(20),
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let answer = try ask(command, within: limit)
    #expect(
      answer == "ok" || answer.hasPrefix("ok "), "\(command): \(answer)", sourceLocation: sourceLocation)
    return String(answer.dropFirst(3))
  }

  /// Sends a command that has to fail with this code.
  func fail(
    _ command: String, with code: StoreError.Code, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let answer = try ask(command)
    #expect(
      answer.hasPrefix("error \(code.rawValue)"), "\(command): \(answer)", sourceLocation: sourceLocation)
  }
}
