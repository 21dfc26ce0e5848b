internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

/// Each operation of a store in a process of its own, whose first call of a kind fails, then its second …,
/// until it passes untouched; see `FaultLoop` in `Tests/StoreTestChild`.
///
/// After each: nothing acknowledged is lost and everything else is there whole or not at all, the error is
/// the store's own and honest, `verify` is clean for a fresh process, nothing is locked or left open, and the
/// same operation works again.
@Suite("Faults: every call of every operation")
struct FaultLoopTests {
  static let operations = [
    "open-first", "open", "open-after-kill", "reboot", "migrate", "add", "update", "record-exit", "remove",
    "read", "list", "look-up", "checkpoint", "copy-ahead", "make-up", "make-durable", "close", "recover",
    "verify", "lock", "unlink",
  ]

  @Test(
    "1, D-1, D-2: killed at any call, in the middle of any write, a change is whole or not there",
    arguments: operations)
  func killed(operation: String) throws { try loop(operation, ["kill", "tear"]) }

  @Test(
    "9, D-3: EIO from any call, once or for ever, is `io`, and what failed is not there",
    arguments: operations)
  func inputOutputErrors(operation: String) throws { try loop(operation, ["EIO", "EIO-forever"]) }

  @Test(
    "11, I-14: ENOSPC, EDQUOT, EFBIG, EMFILE, ENFILE, ENOLCK, ENOMEM, no memory for SQLite; once, for ever",
    arguments: operations)
  func exhausted(operation: String) throws {
    let errors = ["ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE", "ENOLCK", "ENOMEM", "memory"]
    var rows = errors.flatMap { [$0, $0 + "-forever"] } + ["short-then-ENOSPC", "ENOLCK-unlock"]
    // SQLite waits up to 10 s for a lock that it is refused: all operations do in the long run.
    if scaled(1) == 1 && !["open", "add"].contains(operation) { rows.removeAll { $0 == "ENOLCK-forever" } }
    try loop(operation, rows)
  }

  @Test("12: short reads and writes and EINTR change nothing", arguments: operations)
  func interrupted(operation: String) throws {
    try loop(operation, ["short", "short-always", "EINTR", "EINTR-close-lock"])
  }

  @Test("12: an opening that asks the kernel which boot this is outlasts EINTR and short reads at every call")
  func interruptedBootID() throws { try loop("open", ["short", "short-always", "EINTR"], budget: 10_000) }

  /// What each operation passes, in no order.
  static let failpoints: [String: Set<String>] = [
    "open-first": [
      "create.made", "create.journaled", "create.filling", "create.changed", "create.committed",
      "create.filled",
      "create.synced",
      "open.gate", "open.read", "lock.opened",
    ],
    "open": ["open.gate", "open.read"],
    "reboot": ["recovery.begun", "recovery.reset"],
    "migrate": ["migration.step", "migration.changed", "migration.committed"],
    "add": [
      "lock.granted", "lock.confirmed", "lock.recorded", "lock.releasing", "gate.entered", "gate.leaving",
      "gate.left",
      "commit.begun", "commit.changed", "commit.unnoted", "commit.counted", "commit.committed",
      "commit.before-sync", "commit.synced", "commit.before-return", "specification.opened",
      "specification.written", "specification.renaming",
      "specification.renamed",
    ],
    "remove": ["specification.removing", "specification.removed", "unlink.before", "unlink.done"],
    "checkpoint": ["checkpoint.begun", "checkpoint.copied"],
    "copy-ahead": ["ahead.begun", "ahead.copied", "checkpoint.copied"],
    "make-up": ["amends.rewritten", "amends.made"],
    "close": ["close.restarting", "close.restarted"],
    "recover": ["recovery.reaping"],
  ]

  @Test(
    "1, 4: killed or failed at any failpoint, as at any call, and each named failpoint is passed",
    arguments: failpoints.keys.sorted())
  func atFailpoints(operation: String) throws {
    let lines = try loop(
      operation, ["failpoint-kill", "failpoint-error", "failpoint-error-always"], budget: scaled(60))
    let passed = lines.filter { $0.hasPrefix("passed \(operation) ") }.flatMap {
      $0.split(separator: " ").dropFirst(2)
    }
    let expected = try #require(Self.failpoints[operation])
    #expect(expected.subtracting(passed.map(String.init)).isEmpty, "passed: \(passed)")
  }

  @Test("3: killed while it recovers the WAL or waits for another's recovery, a process harms nobody")
  func killedInRecovery() throws {
    let directory = try TemporaryDirectory(inMemory: true)
    try run(ChildProcess(role: "fault-recovery", [directory.path, "\(scaled(8))", "\(Self.seed)"]))
  }

  @discardableResult
  private func loop(_ operation: String, _ rows: [String], budget: Int = scaled(3)) throws -> [String] {
    let directory = try TemporaryDirectory(inMemory: true)
    return try run(
      ChildProcess(
        role: "faults",
        [directory.path, operation, rows.joined(separator: ","), "\(budget)", "\(Self.seed)"]))
  }

  /// Hears it out; each line that begins with `bad` is a failure, and says at which call.
  @discardableResult
  private func run(_ child: ChildProcess) throws -> [String] {
    var lines: [String] = []
    while let line = try child.line(within: .seconds(300)) { lines.append(line) }
    let status = try child.waitForExit()
    let bad = lines.filter { !$0.hasPrefix("loop ") && !$0.hasPrefix("passed ") }
    #expect(bad.isEmpty, "seed \(Self.seed)")
    #expect(status == .code(0), "seed \(Self.seed)")
    #expect(lines.contains { $0.hasPrefix("loop ") }, "nothing was tried")
    return lines
  }

  /// Where a sample begins; `CSTATE_TEST_SEED` repeats one.
  static let seed = SeededGenerator.seeds.last ?? 0
}
