internal import CPlatform
internal import ContainerStateStore
internal import Glibc
internal import Platform

/// One operation under one fault, in a process of its own, and what a fresh process finds afterwards.
struct FaultTrial {
  let operation: FaultOperation
  let row: FaultRow
  let directory: String
  /// Failpoints in the order in which the operation passes them; empty for system calls.
  let passed: [String]

  /// What became of it.
  struct Result {
    /// `ok`, `killed`, or the code of an error.
    var outcome = ""
    var counted: UInt64 = 0
    /// The call that was treated; empty where none was.
    var last = ""
    var message = ""
    /// Rules that `verify` found broken before recovery.
    var leftovers: [String] = []
    var findings: [String] = []
    var passed: [String] = []
  }

  /// Runs it with the nth call treated; nil only counts.
  func run(_ nth: UInt64?) throws -> Result {
    let number = nth ?? 0
    let root = operation.needsFreshStore ? "\(directory)/\(number)" : "\(directory)/store"
    let subject = try FaultSubject(operation, root: root, number: number)
    let victim = try Conversation { talk in try suffer(subject, nth, talk) }
    var result = Result()
    hear(victim, &result)
    let isAlive = result.outcome != "killed"
    let judge = try Conversation { talk in try self.judge(subject, isVictimAlive: isAlive, talk) }
    hear(judge: judge, subject, &result)
    if isAlive {
      victim.say(result.leftovers.isEmpty ? "go on" : "reaped")
      if let line = victim.hear(), line != "end" { result.findings.append("the victim: \(line)") }
      if victim.end() != 0 { result.findings.append("the victim did not end by itself") }
    }
    if operation.needsFreshStore { _ = platform_remove_tree(root) }
    return result
  }

  // MARK: - The victim

  private func suffer(_ subject: FaultSubject, _ nth: UInt64?, _ talk: Conversation.End) throws {
    let descriptors = openDescriptors()
    try subject.prepare()
    row.arm(nth, passed: passed)
    let failure = failure { try subject.perform() }
    let named = row.calls == nil ? Failpoints.passed : []
    let (counted, last) = row.disarm()
    talk.say(
      "\(counted)|\(last)|\(word(failure))|\(failure.map { "\($0)" } ?? "")|\(named.joined(separator: " "))")
    guard let answer = talk.hear() else { return }
    try goOn(subject, after: failure)
    try subject.forget()
    // A lockfile that the judge has reaped stays open here like any other that is not in use.
    let kept = answer == "reaped" ? [".lock", "/gate", ".lock (deleted)"] : [".lock", "/gate"]
    for path in openDescriptors() where !descriptors.contains(path) && !isKept(path, kept) {
      throw FaultFinding("a descriptor was left open: \(path)")
    }
    talk.say("end")
  }

  /// The operation is repeated without a fault, which makes up for a sync that had failed; where the gate
  /// could not remember that, by a store that is opened again.
  private func goOn(_ subject: FaultSubject, after failure: (any Error)?) throws {
    let first = (failure as? StoreError)?.code
    if failure != nil && subject.operation.opens { return try again(subject, first) }
    do { try again(subject, first) } catch let error as StoreError
      where error.message.contains("earlier sync")
    {
      try subject.openAsJudgesDo()
      try again(subject, first)
    }
  }

  private func again(_ subject: FaultSubject, _ first: StoreError.Code?) throws {
    do { try subject.perform() } catch let error as StoreError {
      switch (subject.operation, error.code) {
      case (.add, .alreadyExists) where first == nil || first == .durabilityUnknown: break
      case (.remove, .notFound) where first == nil || first == .durabilityUnknown: break
      case (.close, .closed): break
      case (_, .io) where error.message.contains("earlier sync"): throw error
      default: throw FaultFinding("the same again, without a fault: \(error.code) \(error)")
      }
    }
    if subject.operation == .close { try subject.openAsJudgesDo() }
    try subject.liveOn(named: "victim", removingSubject: true)
  }

  private func failure(_ body: () throws -> Void) -> (any Error)? {
    do {
      try body()
      return nil
    } catch { return error }
  }

  private func word(_ failure: (any Error)?) -> String {
    guard let failure else { return "ok" }
    return (failure as? StoreError)?.code.rawValue ?? "untyped"
  }

  /// Lockfiles stay open for the next time, each once.
  private func isKept(_ path: String, _ suffixes: [String]) -> Bool {
    suffixes.contains { path.hasSuffix($0) } && openDescriptors().count { $0 == path } == 1
  }

  private func openDescriptors() -> [String] {
    (Int32(0)..<256).compactMap { descriptor in
      guard fcntl(descriptor, F_GETFD) >= 0 else { return nil }
      let bytes = [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
        guard let start = buffer.baseAddress else { return }
        count = max(0, readlink("/proc/self/fd/\(descriptor)", start, buffer.count))
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  // MARK: - The judge

  /// Says what it sees and which rules were broken before recovery; throws where anything is wrong.
  private func judge(_ subject: FaultSubject, isVictimAlive: Bool, _ talk: Conversation.End) throws {
    try subject.openAsJudgesDo()
    let leftovers = try subject.opened.verify().filter { $0.rule != "database" }
    let failures = try subject.opened.recover().failures
    guard failures.isEmpty else { throw FaultFinding("recovery failed: \(failures)") }
    // The schema that a migration leads to is one that this version does not know.
    let violations = try subject.opened.verify().filter { !$0.subject.hasSuffix(FaultSubject.addition) }
    guard violations.isEmpty else { throw FaultFinding("verify: \(violations)") }
    let observed = try subject.observed()
    try subject.liveOn(named: "judge", removingSubject: !isVictimAlive)
    try subject.forget()
    talk.say("seen|\(observed)|\(leftovers.map { "\($0.rule) \($0.subject)" }.joined(separator: ";"))")
  }

  private func hear(_ victim: Conversation, _ result: inout Result) {
    guard let line = victim.hear() else {
      result.outcome = "killed"
      let status = victim.end()
      if !row.isFatal || status != 128 + SIGKILL { result.findings.append("the victim ended with \(status)") }
      return
    }
    let parts = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 5, let counted = UInt64(parts[0]) else {
      result.outcome = "broken"
      result.findings.append("the victim: \(line)")
      return
    }
    (result.counted, result.last, result.outcome, result.message) = (counted, parts[1], parts[2], parts[3])
    result.passed = parts[4].split(separator: " ").map(String.init)
    if let finding = Self.finding(about: parts[2], row) { result.findings.append("\(finding): \(parts[3])") }
  }

  private func hear(judge: Conversation, _ subject: FaultSubject, _ result: inout Result) {
    let line = judge.hear() ?? "nothing"
    let parts = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    let status = judge.end()
    guard status == 0, parts.count == 3, parts[0] == "seen" else {
      return result.findings.append("the judge ended with \(status): \(line)")
    }
    result.leftovers = parts[2].split(separator: ";").map(String.init)
    let expected: Set<String> =
      switch result.outcome {
      case "ok", "durabilityUnknown": [operation.after]
      case "killed": [operation.before, operation.after]
      default: [operation.before]
      }
    if !expected.contains(parts[1]) {
      result.findings.append("after '\(result.outcome)' a fresh process saw '\(parts[1])', not \(expected)")
    }
    if !result.leftovers.isEmpty && !mayLeave(result) {
      result.findings.append("left behind: \(result.leftovers)")
    }
  }

  /// Whether files may lie there that recovery has to reap: a death leaves some, and so does a file system
  /// that removes nothing.
  private func mayLeave(_ result: Result) -> Bool {
    let unremoved = ["unlink", "unlink.before", "specification.removing"]
    // PROTOCOL L-4: a lockfile that cannot be locked or looked at is not the asker's to remove.
    let unlocked = ["fcntl", "statx"]
    return operation == .recover || row.isFatal || row.forever == 1
      || (unremoved + unlocked).contains(result.last)
  }

  /// Failures that no fault of the system may be taken for.
  private static func finding(about code: String, _ row: FaultRow) -> String? {
    if row.isHarmless && code != "ok" { return "\(code), and it could have succeeded" }
    let honest: Set<String> = [
      "ok", "io", "outOfSpace", "durabilityUnknown", "busy", "lockTimeout", "readOnly",
    ]
    return honest.contains(code) ? nil : "said to be \(code)"
  }
}
