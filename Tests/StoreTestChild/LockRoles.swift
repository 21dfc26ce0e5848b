internal import FileLocking
internal import Glibc
internal import Platform

/// Roles for the tests of FileLocking.
let lockRoles: [String: Role] = [
  "locks": { arguments in try LockSession(directory: arguments[0]).run() },
  "lock-contend": { arguments in
    let ledger = try LockLedger(directory: arguments[0])
    guard sayAndWait("ready") else { return 0 }
    for round in 0..<(Int(arguments[1]) ?? 0) {
      try ledger.visit(isLast: (round + Int(getpid())) % 3 == 0)
    }
    say("done")
    return 0
  },
  "gate-contend": { arguments in
    let ledger = try LockLedger(directory: arguments[0])
    let gate = try WriteGate(directory: arguments[0])
    guard sayAndWait("ready") else { return 0 }
    for _ in 0..<(Int(arguments[1]) ?? 0) {
      try gate.enter(
        operation: "contend", deadlineNanoseconds: LockWait.upTo(.seconds(60)).deadlineNanoseconds)
      try ledger.note(token: Clock.bootTimeNanoseconds)
      gate.leave()
    }
    say("done")
    return 0
  },
  "lock-fork": lockFork,
  "lock-umask": { arguments in
    umask(mode_t(arguments[1], radix: 8) ?? 0)
    let directory = try StoreDirectory(path: arguments[0])
    _ = try WriteGate(directory: directory.path)
    try LockTable.shared.acquire(lockName("a", in: directory.path), wait: .none, operation: "umask").release()
    say("done")
    return 0
  },
]

/// A name of the tests: `KEY.lock`, rank 1.
func lockName(_ key: String, in directory: String) -> LockName {
  LockName(directory: directory, fileName: key + ".lock", rank: 1, key: key)
}

/// A grant that something else than a scope keeps.
private final class Held {
  var grant: LockGrant?
  init(_ grant: consuming LockGrant) { self.grant = consume grant }
}

/// Takes and releases locks as the test says, one command a line, one answer each.
private final class LockSession {
  private let directory: String
  private let gate: WriteGate
  private let threads = WaitThreads()
  private var held: [String: Held] = [:]
  private var filler: [Int32] = []

  init(directory: String) throws {
    self.directory = directory
    gate = try WriteGate(directory: directory)
  }

  func run() -> Int32 {
    say("ready")
    while let line = hear() {
      let words = line.split(separator: " ").map(String.init)
      do {
        say(try answer(words[0], words.count > 1 ? words[1] : "", words.count > 2 ? words[2] : "none"))
      } catch {
        say(describe(error))
      }
    }
    return 0
  }

  private func answer(_ command: String, _ key: String, _ wait: String) throws -> String {
    switch command {
    case "acquire":
      let grant = try LockTable.shared.acquire(
        lockName(key, in: directory), wait: lockWait(wait), operation: "hold \(key)")
      let token = grant.bootTimeNanoseconds
      held[key] = Held(grant)
      return "granted \(key) \(token)"
    case "background":
      let name = lockName(key, in: directory)
      let wait = lockWait(wait)
      let isRunning = threads.run {
        do {
          let grant = try LockTable.shared.acquire(name, wait: wait, operation: "background \(key)")
          let token = grant.bootTimeNanoseconds
          grant.release()
          say("background granted \(key) \(token)")
        } catch {
          say("background \(describe(error))")
        }
      }
      return isRunning ? "started" : "no thread"
    case "release":
      held[key] = nil
      return "released \(key)"
    case "unlink":
      let isGone = held.removeValue(forKey: key)?.grant.take()?.unlinkAndRelease()
      return "unlinked \(key) \(isGone ?? false)"
    case "enter":
      try gate.enter(operation: "hold the gate", deadlineNanoseconds: lockWait(key).deadlineNanoseconds)
      return "entered"
    case "leave":
      gate.leave()
      return "left"
    case "exhaust":
      while case let taken = open("/dev/null", O_RDONLY | O_CLOEXEC), taken >= 0 { filler.append(taken) }
      return "exhausted \(errno)"
    case "relax":
      for taken in filler { close(taken) }
      filler.removeAll()
      return "relaxed"
    default: return "unknown command \(command)"
    }
  }
}

private func lockWait(_ text: String) -> LockWait {
  switch text {
  case "none": .none
  case "forever": .indefinitely
  default: .upTo(.milliseconds(Int(text) ?? 0))
  }
}

private func describe(_ error: any Error) -> String {
  guard case LockError.timeout(_, let holder?, _) = error else { return "error \(error)" }
  let kind = holder.isConfirmed ? "confirmed" : "unconfirmed"
  return "timeout \(holder.process.pid) \(kind) \(holder.command) \(holder.operation)"
}

/// A file in which everybody who has a lock writes that he is inside and his fencing token, to find out
/// when two are inside at once or a token did not grow.
private final class LockLedger {
  struct Violation: Error { let what: String }

  private let directory: String
  private let descriptor: Int32

  init(directory: String) throws {
    self.directory = directory
    descriptor = open(directory + "/ledger", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Violation(what: "no ledger: errno \(errno)") }
  }

  /// One stay under a container lock; the last one out removes the lockfile.
  func visit(isLast: Bool) throws {
    let grant = try LockTable.shared.acquire(
      lockName("contended", in: directory), wait: .upTo(.seconds(60)), operation: "contend")
    try note(token: grant.bootTimeNanoseconds)
    guard isLast else { return grant.release() }
    guard grant.unlinkAndRelease() else { throw Violation(what: "the lockfile of the holder was gone") }
  }

  func note(token: UInt64) throws {
    let (occupant, before) = try read()
    guard occupant == 0 else { throw Violation(what: "\(getpid()) met \(occupant) inside") }
    guard before < token else { throw Violation(what: "token \(token) after \(before)") }
    try write(UInt64(getpid()), token)
    guard try read() == (UInt64(getpid()), token) else { throw Violation(what: "overwritten inside") }
    try write(0, token)
  }

  private func read() throws -> (occupant: UInt64, token: UInt64) {
    var words: (UInt64, UInt64) = (0, 0)
    guard pread(descriptor, &words, 16, 0) >= 0 else { throw Violation(what: "pread: errno \(errno)") }
    return words
  }

  private func write(_ occupant: UInt64, _ token: UInt64) throws {
    var words = (occupant, token)
    guard pwrite(descriptor, &words, 16, 0) == 16 else { throw Violation(what: "pwrite: errno \(errno)") }
  }
}

/// `lock-fork DIRECTORY WAY`: forks with a lock and the gate held; the child tries to use what it inherited,
/// and ends by WAY: exit, or exec of the role `descriptors`.
private func lockFork(_ arguments: [String]) throws -> Int32 {
  let directory = arguments[0]
  let table = LockTable.shared
  let gate = try WriteGate(directory: directory)
  let held = Held(try table.acquire(lockName("forked", in: directory), wait: .none, operation: "parent"))
  try gate.enter(operation: "parent", deadlineNanoseconds: 0)
  let parent = getpid()
  let child = forkChild {
    let other = lockName("other", in: directory)
    say("inherited table: \(outcome { try table.acquire(other, wait: .none, operation: "") })")
    say("inherited gate: \(outcome { try gate.enter(operation: "", deadlineNanoseconds: 0) })")
    say("inherited grant: \(held.grant?.isStillHeld() ?? false)")
    held.grant = nil
    gate.leave()
    let own = outcome {
      try LockTable.shared.acquire(lockName("forked", in: directory), wait: .none, operation: "child")
    }
    say("own table: \(own.replacing(parent: parent))")
    say("own identity: \(ProcessIdentity.current == ProcessIdentity.running(pid: getpid()))")
    guard arguments[1] == "exec" else { return 0 }
    execv("/proc/self/exe", [strdup("store-test-child"), strdup("descriptors"), nil])
    return 126
  }
  say("child ended: \(waitForChild(child))")
  say("parent holds lock \(held.grant?.isStillHeld() ?? false) gate \(gate.isStillHeld())")
  gate.leave()
  held.grant = nil
  return 0
}

private func outcome<Value: ~Copyable>(_ body: () throws -> Value) -> String {
  do {
    _ = try body()
    return "done"
  } catch {
    return describe(error)
  }
}

extension String {
  fileprivate func replacing(parent pid: Int32) -> String {
    split(separator: " ").map { $0 == "\(pid)" ? "PARENT" : String($0) }.joined(separator: " ")
  }
}
