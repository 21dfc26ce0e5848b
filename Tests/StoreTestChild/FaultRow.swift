internal import CFaults
internal import Glibc
internal import Platform

/// One kind of fault at one place in an operation.
struct FaultRow {
  let name: String
  /// Of `faults_calls`; nil for failpoints.
  let calls: UInt64?
  let mode: UInt32
  var error: Int32 = 0
  /// As in `faults_plan`.
  var forever: UInt32 = 0
  /// The operation succeeds all the same.
  var isHarmless = false

  /// Its operations run into deadlines: SQLite takes a lock that it cannot have for one that somebody holds.
  var isSlow: Bool { name == "ENOLCK-forever" }
  /// The process dies of it.
  var isFatal: Bool { [kill, tear, Self.killAfter].contains(mode) }
  private var kill: UInt32 { UInt32(FAULTS_KILL.rawValue) }
  private var tear: UInt32 { UInt32(FAULTS_TEAR.rawValue) }
  private static let killAfter = UInt32(FAULTS_KILL_AFTER.rawValue)

  private static func calls(_ kinds: faults_calls...) -> UInt64 {
    kinds.reduce(0) { $0 | UInt64($1.rawValue) }
  }

  private static func rows(
    _ name: String, _ calls: UInt64, _ error: Int32, mode: faults_mode = FAULTS_FAIL
  ) -> [FaultRow] {
    [
      FaultRow(name: name, calls: calls, mode: UInt32(mode.rawValue), error: error),
      FaultRow(name: name + "-forever", calls: calls, mode: UInt32(mode.rawValue), error: error, forever: 1),
    ]
  }

  private static let changing = calls(
    FAULTS_WRITE, FAULTS_SYNC, FAULTS_TRUNCATE, FAULTS_RENAME, FAULTS_UNLINK, FAULTS_MAKE, FAULTS_LOCK,
    FAULTS_UNLOCK, FAULTS_MAP, FAULTS_OPEN, FAULTS_CLOSE, FAULTS_MODE, FAULTS_FUTEX)
  private static let space = calls(FAULTS_WRITE, FAULTS_TRUNCATE, FAULTS_MAKE, FAULTS_RENAME)

  /// What a tracer can count by the name of the call.
  static let counted = FaultRow(
    name: "counted",
    calls: calls(FAULTS_WRITE, FAULTS_SYNC, FAULTS_TRUNCATE, FAULTS_RENAME, FAULTS_UNLINK, FAULTS_MAKE),
    mode: UInt32(FAULTS_FAIL.rawValue), error: EIO)
  /// A process that stops at a call that changes something or takes a lock.
  static let stop = FaultRow(name: "stop", calls: changing, mode: UInt32(FAULTS_STOP.rawValue))

  static let all: [FaultRow] =
    [
      FaultRow(name: "kill", calls: changing, mode: UInt32(FAULTS_KILL.rawValue)),
      FaultRow(name: "tear", calls: calls(FAULTS_WRITE), mode: UInt32(FAULTS_TEAR.rawValue)),
      FaultRow(
        name: "short", calls: calls(FAULTS_READ, FAULTS_WRITE), mode: UInt32(FAULTS_SHORT.rawValue),
        isHarmless: true),
      FaultRow(
        name: "short-always", calls: calls(FAULTS_READ, FAULTS_WRITE), mode: UInt32(FAULTS_SHORT.rawValue),
        forever: 1, isHarmless: true),
      FaultRow(
        name: "short-then-ENOSPC", calls: calls(FAULTS_WRITE), mode: UInt32(FAULTS_SHORT.rawValue),
        error: ENOSPC, forever: 1),
      FaultRow(
        name: "EINTR", calls: calls(FAULTS_OPEN, FAULTS_READ, FAULTS_WRITE, FAULTS_TRUNCATE, FAULTS_FUTEX),
        mode: UInt32(FAULTS_FAIL.rawValue), error: EINTR, forever: 2, isHarmless: true),
      FaultRow(
        name: "EINTR-close-lock", calls: calls(FAULTS_CLOSE, FAULTS_LOCK), mode: UInt32(FAULTS_FAIL.rawValue),
        error: EINTR),
      FaultRow(name: "failpoint-kill", calls: nil, mode: UInt32(FAULTS_KILL.rawValue)),
      FaultRow(name: "failpoint-error", calls: nil, mode: UInt32(FAULTS_FAIL.rawValue), error: EIO),
      FaultRow(
        name: "failpoint-error-always", calls: nil, mode: UInt32(FAULTS_FAIL.rawValue), error: EIO, forever: 1
      ),
      FaultRow(
        name: "memory", calls: calls(FAULTS_MEMORY), mode: UInt32(FAULTS_FAIL.rawValue), error: ENOMEM),
      FaultRow(
        name: "memory-forever", calls: calls(FAULTS_MEMORY), mode: UInt32(FAULTS_FAIL.rawValue),
        error: ENOMEM,
        forever: 1),
      FaultRow(
        name: "ENOLCK-unlock", calls: calls(FAULTS_UNLOCK), mode: UInt32(FAULTS_FAIL.rawValue),
        error: ENOLCK),
    ]
    + rows(
      "EIO",
      calls(
        FAULTS_READ, FAULTS_WRITE, FAULTS_SYNC, FAULTS_TRUNCATE, FAULTS_RENAME, FAULTS_UNLINK, FAULTS_MAKE,
        FAULTS_OPEN, FAULTS_LOOK, FAULTS_MODE, FAULTS_DIRECTORY, FAULTS_CLOSE, FAULTS_MAP), EIO)
    + rows("ENOSPC", space, ENOSPC) + rows("EDQUOT", space, EDQUOT)
    + rows("EFBIG", calls(FAULTS_WRITE, FAULTS_TRUNCATE), EFBIG)
    + rows("ENOLCK", calls(FAULTS_LOCK), ENOLCK)
    + rows("EMFILE", calls(FAULTS_OPEN, FAULTS_DIRECTORY), EMFILE)
    + rows("ENFILE", calls(FAULTS_OPEN, FAULTS_DIRECTORY), ENFILE)
    + rows("ENOMEM", calls(FAULTS_OPEN, FAULTS_LOOK, FAULTS_MAP, FAULTS_DIRECTORY, FAULTS_THREAD), ENOMEM)

  /// Arms this process for the nth call, or failpoint of `passed`; nil only counts.
  func arm(_ nth: UInt64?, passed: [String]) {
    guard let calls else {
      guard let nth else { return Failpoints.arm("*=note") }
      let name = passed[Int(nth) - 1]
      let time = passed.prefix(Int(nth)).count { $0 == name }
      let word = isFatal ? "kill" : forever != 0 ? "error-always:\(error)" : "error:\(error)"
      return Failpoints.arm("\(name)=\(word)@\(time)")
    }
    var plan = faults_plan()
    plan.calls = calls
    plan.nth = nth ?? .max
    plan.mode = mode
    plan.error = error
    plan.forever = forever
    faults_arm(&plan)
  }

  /// Ends what `arm` began: calls that were counted, and the one that was treated last.
  func disarm() -> (counted: UInt64, last: String) {
    if calls == nil {
      let passed = Failpoints.passed
      Failpoints.arm("")
      return (UInt64(passed.count), passed.last ?? "")
    }
    faults_disarm()
    return (faults_counted(), String(cString: faults_last()))
  }
}
