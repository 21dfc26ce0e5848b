internal import CFaults
internal import ContainerStateStore
internal import Glibc

/// One kind of fault, as the verdict counts them.
struct FaultKind: Sendable {
  /// Where it strikes.
  enum Place: Sendable {
    /// At a failpoint, in a mode of `Failpoints`.
    case failpoint(mode: String)
    /// At a system call of these kinds (`faults_calls`), in a mode of `faults_mode`; `forever` as in
    /// `faults_plan`.
    case call(UInt64, faults_mode, error: Int32, forever: UInt32)
  }

  let name: String
  let place: Place
  /// What the store may answer in the process that it has struck; nothing where all is to succeed.
  let answers: Set<StoreError.Code>

  /// Whether it strikes where an error is planted.
  var isFailure: Bool { !answers.isEmpty }
  /// Whether the process dies of it.
  var isFatal: Bool { ["failpoint-kill", "kill", "tear", "kill-after"].contains(name) }
  /// Whether the process stops itself.
  var isStop: Bool { ["failpoint-stop", "stop"].contains(name) }

  private static func calls(_ kinds: faults_calls...) -> UInt64 {
    kinds.reduce(0) { $0 | UInt64($1.rawValue) }
  }

  private static let space = calls(FAULTS_WRITE, FAULTS_TRUNCATE, FAULTS_MAKE, FAULTS_RENAME)
  private static let files = calls(FAULTS_OPEN, FAULTS_DIRECTORY)
  private static let memory = calls(
    FAULTS_OPEN, FAULTS_LOOK, FAULTS_MAP, FAULTS_DIRECTORY, FAULTS_THREAD)
  private static let transfers = calls(FAULTS_READ, FAULTS_WRITE)
  // A futex of Swift's mutexes is one that no signal interrupts.
  private static let interruptible = calls(FAULTS_OPEN, FAULTS_READ, FAULTS_WRITE, FAULTS_TRUNCATE)
  private static let disk = calls(
    FAULTS_READ, FAULTS_WRITE, FAULTS_SYNC, FAULTS_TRUNCATE, FAULTS_RENAME, FAULTS_UNLINK, FAULTS_MAKE,
    FAULTS_OPEN, FAULTS_LOOK, FAULTS_MODE, FAULTS_DIRECTORY, FAULTS_CLOSE, FAULTS_MAP)
  private static let changing = calls(
    FAULTS_WRITE, FAULTS_SYNC, FAULTS_TRUNCATE, FAULTS_RENAME, FAULTS_UNLINK, FAULTS_MAKE, FAULTS_LOCK,
    FAULTS_UNLOCK, FAULTS_MAP, FAULTS_OPEN, FAULTS_CLOSE, FAULTS_MODE, FAULTS_FUTEX)

  private static func failpoint(
    _ mode: String, answers: Set<StoreError.Code> = []
  ) -> FaultKind {
    let name = mode.split(separator: ":").joined(separator: "-")
    return FaultKind(
      name: "failpoint-" + name, place: .failpoint(mode: mode), answers: answers)
  }

  private static func call(
    _ name: String, _ calls: UInt64, _ mode: faults_mode = FAULTS_FAIL, error: Int32 = 0,
    forever: UInt32 = 0, answers: Set<StoreError.Code> = []
  ) -> FaultKind {
    FaultKind(
      name: name, place: .call(calls, mode, error: error, forever: forever), answers: answers)
  }

  /// A failing call, once and for ever.
  private static func failures(
    _ name: String, _ calls: UInt64, _ error: Int32, answers: Set<StoreError.Code>
  ) -> [FaultKind] {
    [
      call(name, calls, error: error, answers: answers),
      call(name + "-always", calls, error: error, forever: 1, answers: answers),
    ]
  }

  /// SQLite opens a database that it cannot open for writing for reading.
  private static let broken: Set<StoreError.Code> = [.io, .durabilityUnknown, .readOnly]
  private static let full: Set<StoreError.Code> = broken.union([.outOfSpace])
  /// SQLite takes a lock that the kernel refuses for one that somebody holds.
  private static let locked: Set<StoreError.Code> = broken.union([.busy, .lockTimeout])

  static let all: [FaultKind] =
    [
      failpoint("kill"), failpoint("stop"), failpoint("delay:2000"),
      failpoint("error:EIO", answers: broken), failpoint("error-always:EIO", answers: broken),
      failpoint("error:ENOSPC", answers: full), failpoint("error-always:ENOSPC", answers: full),
      call("kill", changing, FAULTS_KILL), call("tear", calls(FAULTS_WRITE), FAULTS_TEAR),
      call("kill-after", changing, FAULTS_KILL_AFTER), call("stop", changing, FAULTS_STOP),
      call("delay", changing, FAULTS_DELAY, forever: 50), call("short", transfers, FAULTS_SHORT),
      call("short-always", transfers, FAULTS_SHORT, forever: 1),
      call("short-then-ENOSPC", calls(FAULTS_WRITE), FAULTS_SHORT, error: ENOSPC, forever: 1, answers: full),
      call("EINTR", interruptible, error: EINTR, forever: 2),
      call("ENOLCK", calls(FAULTS_LOCK), error: ENOLCK, answers: locked),
      call("ENOLCK-often", calls(FAULTS_LOCK), error: ENOLCK, forever: 7, answers: locked),
      call("ENOLCK-unlock", calls(FAULTS_UNLOCK), error: ENOLCK, answers: locked),
    ]
    + failures("EIO", disk, EIO, answers: broken)
    + failures("EIO-sync", calls(FAULTS_SYNC), EIO, answers: broken)
    + failures("ENOSPC", space, ENOSPC, answers: full)
    + failures("EMFILE", files, EMFILE, answers: broken)
    + failures("ENOMEM", memory, ENOMEM, answers: broken)
    + failures(memoryName, calls(FAULTS_MEMORY), ENOMEM, answers: broken)

  /// SQLite's own memory, which has to be watched from the beginning.
  static let memoryName = "memory"
  var isOfSQLiteMemory: Bool { name.hasPrefix(Self.memoryName) }
}
