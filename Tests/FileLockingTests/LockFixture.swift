@testable import FileLocking
internal import Glibc
internal import Platform
internal import StoreTestSupport
internal import Testing

/// A directory with lockfiles, this process's table, and children that use the same files.
struct LockFixture {
  let directory: TemporaryDirectory
  let table = LockTable.shared

  init() throws { directory = try TemporaryDirectory() }

  func name(_ key: String) -> LockName {
    LockName(directory: directory.path, fileName: key + ".lock", rank: 1, key: key)
  }

  func acquire(_ key: String, _ wait: LockWait = .none) throws(LockError) -> LockGrant {
    try table.acquire(name(key), wait: wait, operation: "test \(key)")
  }

  /// A child that takes and releases locks as it is told.
  func session(failpoints: String? = nil) throws -> ChildProcess {
    let child = try ChildProcess(
      executable: "store-test-child", ["locks", directory.path],
      environment: ["CSTATE_FAILPOINTS": failpoints])
    try child.expect("ready")
    return child
  }

  func waitUntilKernelListsWaiter(_ pid: Int32, for key: String) throws {
    let file = try FileIdentity.of(path: name(key).path)
    try waitUntil("/proc/locks to list \(pid) as a waiter for \(key)") {
      try kernelLocks().contains { $0.pid == pid && $0.isWaiting && $0.file == file }
    }
  }

  /// What the table says of every file of the directory.
  func report() throws(LockError) -> [LockReport] {
    try table.report(on: entries(ofDirectory: directory.path), in: directory.path)
  }

  func waitUntilThreadsQueue(_ count: Int, for key: String) throws {
    try waitUntil("\(count) threads to queue for \(key)") {
      try waitingThreads(for: key) == count
    }
  }

  func waitingThreads(for key: String) throws -> Int {
    let entry = try #require(try table.descriptors.checkOut(path: name(key).path, creates: false))
    defer { table.descriptors.checkIn(entry) }
    return entry.queueLength
  }
}

extension ChildProcess {
  /// Sends a command and returns what the child answers behind `prefix`.
  @discardableResult
  func ask(_ command: String, _ prefix: String) throws -> String {
    try send(command)
    return try expect(prefix)
  }
}

/// Threads of this process that take locks, and what came of it.
final class LockThreads: Sendable {
  private let threads = WaitThreads()
  private let outcomes = Guarded<[String]>([])

  /// What the threads that have ended said, in the order of their ends.
  var ended: [String] { outcomes.withLock { $0 } }

  func start(_ body: @escaping @Sendable () throws -> String) {
    let isRunning = threads.run { [self] in
      let outcome: String
      do { outcome = try body() } catch { outcome = "\(error)" }
      outcomes.withLock { $0.append(outcome) }
    }
    #expect(isRunning, "a thread for the test")
  }

  func waitForEnd(of count: Int) throws -> [String] {
    try waitUntil("\(count) threads to end") { ended.count >= count }
    return ended
  }
}

/// The error that a call throws, as its type.
func lockError(_ body: () throws(LockError) -> Void) -> LockError? {
  do throws(LockError) {
    try body()
    return nil
  } catch {
    return error
  }
}

extension LockError {
  var timedOutHolder: LockHolder? {
    if case .timeout(_, let holder, _) = self { return holder }
    return nil
  }
}
