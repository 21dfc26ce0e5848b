internal import ContainerStateStore
internal import Glibc
internal import StoreHistory
internal import StressSupport

/// A foreign `sqlite3` shell that reads the database, and writes to it what changes nothing.
///
/// It is a program of its own, which knows nothing of gate and locks. What it reads goes into the histories
/// like any listing. It writes values over themselves: another table would be a change of the schema, which
/// `verify` names.
struct ForeignShell {
  private let plan: WorkerPlan
  private let complaints: Complaints
  private let hand: Hand
  private let shell: String
  private static let waitMilliseconds = 20_000

  init(_ plan: WorkerPlan, _ complaints: Complaints) throws {
    self.plan = plan
    self.complaints = complaints
    hand = try Hand(plan, complaints, thread: 0)
    guard let shell = Program.path(of: "sqlite3") else { throw StressFailure("sqlite3 is missing") }
    self.shell = shell
  }

  func run() throws {
    while plan.board.load(.ending) == 0 {
      guard access(plan.run.store + "/state.db", F_OK) == 0 else {
        poll(nil, 0, 5)
        continue
      }
      switch hand.draw(0...9) {
      case 0...5: read()
      case 6...8 where plan.options.foreign != .reads: write()
      case 9 where plan.options.foreign == .defaults: copyBack()
      default: read()
      }
    }
  }

  /// All containers, as one statement sees them.
  private func read() {
    hand.listAsStranger {
      let text = try execute(
        "SELECT r.id, r.generation, s.revision, s.finished_at_ns FROM record r JOIN container_state s "
          + "USING (generation) WHERE r.kind = 1;")
      return text.split(separator: "\n").compactMap(row)
    }
  }

  private func row(_ line: Substring) -> Seen? {
    let fields = line.split(separator: "|", omittingEmptySubsequences: false)
    guard fields.count == 4, let object = hand.objects.object(ofID: String(fields[0])) else { return nil }
    guard let generation = Int64(fields[1]), let revision = Int64(fields[2]), let value = UInt64(fields[3])
    else {
      complaints.add("a foreign shell read '\(line)'")
      return nil
    }
    return Seen(
      object: object, version: Version(generation: generation, revision: revision, value: value))
  }

  /// Values over themselves: pages are written, and nothing changes.
  private func write() {
    let ending = hand.draw(0...3) == 0 ? "ROLLBACK" : "COMMIT"
    let change = [
      "UPDATE container_state SET health = health", "UPDATE record SET image_name = image_name",
      "UPDATE store SET graph_root = graph_root",
    ][hand.draw(0...2)]
    hand.actAsStranger {
      _ = try execute("BEGIN IMMEDIATE; \(change); \(ending);")
    }
  }

  private func copyBack() {
    let kind = ["PASSIVE", "FULL", "RESTART", "TRUNCATE"][hand.draw(0...3)]
    hand.actAsStranger {
      _ = try execute("PRAGMA wal_checkpoint(\(kind));")
    }
  }

  /// Runs one shell.
  ///
  /// - Throws: where it fails by anything but a wait that was too long, which is the stranger's own affair.
  private func execute(_ sql: String) throws(StressFailure) -> String {
    var words = ["-batch", "-bail", "-init", "/dev/null", "-cmd", ".timeout \(Self.waitMilliseconds)"]
    if plan.options.foreign != .defaults {
      // The shell's own copying back would meet the WAL-reset race of SQLite: docs/durability.md, Limits.
      words += ["-cmd", "PRAGMA wal_autocheckpoint=0", "-cmd", ".dbconfig no_ckpt_on_close on"]
    }
    words += ["file:\(plan.run.store)/state.db?mode=rw", sql]
    let program = try Program(shell, words, outputIn: plan.run.scratch, diesWithParent: true)
    let limit = Int32(plan.options.timeoutSeconds * 1_000 + Self.waitMilliseconds)
    guard let outcome = program.outcome(withinMilliseconds: limit) else {
      kill(program.pid, SIGKILL)
      throw StressFailure("a foreign shell does not end")
    }
    // Until the first opener has made the tables there are none.
    let excuses = ["no such table", "unable to open database", "database is locked"]
    if outcome.status != 0, !excuses.contains(where: { outcome.errorOutput.contains($0) }) {
      throw StressFailure("a foreign shell failed: \(outcome.errorOutput)")
    }
    return outcome.output
  }
}
