internal import CFaults
internal import Glibc

/// Roles that repeat an operation under faults.
let faultRoles: [String: Role] = [
  // faults DIRECTORY OPERATION ROW,… BUDGET SEED [NUMBER]: see `FaultLoop`; `any` means every row.
  "faults": { arguments in
    guard let operation = FaultOperation(rawValue: arguments[1]) else { return 2 }
    guard faults_are_possible() == 1, faults_watch_sqlite_memory() == 0 else {
      say("failed: system calls are not interposed in this build")
      return 2
    }
    let names = arguments[2].split(separator: ",").map(String.init)
    var isSound = true
    for row in FaultRow.all where names == ["any"] || names.contains(row.name) {
      let loop = FaultLoop(
        operation: operation, row: row, directory: arguments[0], budget: UInt64(arguments[3]) ?? 1,
        seed: UInt64(arguments[4]) ?? 0)
      isSound = try loop.run(only: arguments.count > 5 ? UInt64(arguments[5]) : nil) && isSound
    }
    return isSound ? 0 : 1
  },
  // fault-recovery DIRECTORY BUDGET SEED: see `RecoveryRivals`.
  "fault-recovery": { arguments in
    let rivals = RecoveryRivals(
      directory: arguments[0], budget: UInt64(arguments[1]) ?? 1, seed: UInt64(arguments[2]) ?? 0)
    return try rivals.run() ? 0 : 1
  },
  // fault-count ROOT OPERATION: performs it between two looks at /faults/…, for a tracer that counts too.
  "fault-count": { arguments in
    guard let operation = FaultOperation(rawValue: arguments[1]) else { return 2 }
    let subject = try FaultSubject(operation, root: arguments[0], number: 1)
    try subject.prepare()
    access("/faults/begin", F_OK)
    FaultRow.counted.arm(nil, passed: [])
    try subject.perform()
    let counted = FaultRow.counted.disarm().counted
    access("/faults/end", F_OK)
    say("counted \(counted)")
    return 0
  },
]

/// An operation, again and again: its first call fails, its second …, until it passes untouched.
///
/// The process has one thread and opens no store itself. Where the operation makes more calls than the budget
/// allows it takes a sample of them, evenly spread, that begins where the seed says.
struct FaultLoop {
  let operation: FaultOperation
  let row: FaultRow
  let directory: String
  let budget: UInt64
  let seed: UInt64

  /// Says what came of it; false where anything is wrong.
  func run(only: UInt64?) throws -> Bool {
    let probe = try FaultTrial(operation: operation, row: row, directory: directory, passed: []).run(nil)
    var isSound = report(probe, 0)
    if row.calls == nil { say("passed \(operation.rawValue) \(probe.passed.joined(separator: " "))") }
    let trial = FaultTrial(operation: operation, row: row, directory: directory, passed: probe.passed)
    let total = probe.counted
    let tries = row.isSlow ? max(1, budget / 4) : budget
    let stride = max(1, (total + tries - 1) / tries)
    var outcomes: [String: Int] = [:]
    var number = only ?? (stride == 1 ? 1 : seed % stride + 1)
    // One beyond the last call has to pass untouched: what was counted is all there is.
    while number <= total {
      let result = try trial.run(number)
      outcomes[result.outcome, default: 0] += 1
      isSound = report(result, number) && isSound
      if only != nil { break }
      number += stride
    }
    let found = outcomes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    say("loop \(operation.rawValue) \(row.name) calls=\(total) stride=\(stride) \(found)")
    return isSound
  }

  private func report(_ result: FaultTrial.Result, _ number: UInt64) -> Bool {
    for finding in result.findings {
      say("bad \(operation.rawValue) \(row.name) \(number) \(result.last): \(finding)")
    }
    return result.findings.isEmpty
  }
}
