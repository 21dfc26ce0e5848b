internal import CFaults
internal import ContainerStateStore
internal import Glibc

/// Two processes that open a store whose last user was killed: one is stopped in the middle of recovering the
/// WAL while the other opens, and one of them is killed.
struct RecoveryRivals {
  let directory: String
  let budget: UInt64
  let seed: UInt64

  /// Says what came of it; false where anything is wrong.
  func run() throws -> Bool {
    let total = try countCalls()
    let stride = max(1, (total + budget - 1) / budget)
    var number = stride == 1 ? 1 : seed % stride + 1
    var isSound = true
    var tries = 0
    while number <= total {
      for killsFirst in [true, false] {
        if let finding = try meet(at: number, killsFirst: killsFirst) {
          say("bad recovery \(number) \(killsFirst ? "recoverer" : "other") killed: \(finding)")
          isSound = false
        }
        tries += 1
      }
      number += stride
    }
    say("loop recovery calls=\(total) stride=\(stride) tries=\(tries)")
    return isSound && tries > 0
  }

  private func subject(_ number: UInt64) throws -> FaultSubject {
    try FaultSubject(.openAfterKill, root: "\(directory)/store", number: number)
  }

  private func countCalls() throws -> UInt64 {
    let talk = try Conversation { talk in
      let subject = try subject(0)
      try subject.prepare()
      FaultRow.stop.arm(nil, passed: [])
      try subject.perform()
      talk.say("\(FaultRow.stop.disarm().counted)")
    }
    let counted = talk.hear().flatMap { UInt64($0) }
    guard talk.end() == 0, let counted, counted > 0 else { throw FaultFinding("an opening failed") }
    return counted
  }

  /// What was wrong; nil where both ended as they should.
  private func meet(at number: UInt64, killsFirst: Bool) throws -> String? {
    let stopped = try Conversation { talk in
      let subject = try subject(number)
      try subject.prepare()
      FaultRow.stop.arm(number, passed: [])
      try subject.perform()
      _ = FaultRow.stop.disarm()
      talk.say(try subject.observed())
      try subject.forget()
    }
    guard stopped.waitUntilStopped() else { return "it did not stop" }
    let other = try Conversation { talk in
      let subject = try subject(number)
      talk.say("opening")
      try subject.openAsJudgesDo()
      talk.say(try subject.observed())
      try subject.forget()
    }
    guard other.hear() == "opening" else { return "the other did not begin" }
    let (killed, left) = killsFirst ? (stopped, other) : (other, stopped)
    killed.signal(SIGKILL)
    stopped.signal(SIGCONT)
    let seen = left.hear()
    let status = left.end()
    guard seen == "running 30 -", status == 0 else { return "it ended with \(status): \(seen ?? "nothing")" }
    // The other may have been faster than its killer.
    _ = killed.end()
    return try judge(number)
  }

  private func judge(_ number: UInt64) throws -> String? {
    let talk = try Conversation { talk in
      let subject = try subject(number)
      try subject.openAsJudgesDo()
      _ = try subject.opened.recover()
      let violations = try subject.opened.verify()
      guard violations.isEmpty else { throw FaultFinding("verify: \(violations)") }
      guard try subject.observed() == "running 30 -" else {
        throw FaultFinding("an acknowledged change is lost")
      }
      try subject.liveOn(named: "judge", removingSubject: true)
      try subject.forget()
      talk.say("sound")
    }
    let line = talk.hear()
    return talk.end() == 0 && line == "sound" ? nil : "the judge: \(line ?? "nothing")"
  }
}
