internal import Glibc
internal import ScratchStorage
internal import StressSupport

/// Many losses of power on one file system: the store of one round is the next one's.
struct Series {
  let kind: StorageKind
  let options: PowerLossOptions
  let directory: String
  private var random: RandomSource
  private var nextWorker: UInt64 = 0
  private(set) var rounds = 0
  private(set) var calls = 0
  private(set) var kept = 0
  private(set) var lost = 0
  /// Cuts where a commit was left that nothing had synced, and those that took it.
  private(set) var commitCuts = 0
  private(set) var takenCommits = 0
  private(set) var violations: [String] = []

  /// So many rounds share a store; then a new one begins on a new file system.
  private static let roundsPerStore = 10
  /// Longer than any honest end takes, however busy the machine is.
  private static let patienceNanoseconds: UInt64 = 120_000_000_000

  init(_ kind: StorageKind, options: PowerLossOptions, directory: String) throws(StressFailure) {
    self.kind = kind
    self.options = options
    self.directory = directory + "/" + kind.rawValue
    random = RandomSource(seed: options.seed ^ UInt64(kind.rawValue.utf8.first ?? 0))
    guard mkdir(self.directory, 0o700) == 0 else { throw .systemCall("mkdir", self.directory) }
  }

  mutating func run(progress: (Series) -> Void) throws {
    while rounds < options.rounds, violations.isEmpty {
      let ledgers = "\(directory)/ledgers-\(rounds)"
      guard mkdir(ledgers, 0o700) == 0 else { throw StressFailure.systemCall("mkdir", ledgers) }
      let storage = try ScratchStorage(kind, at: directory + "/storage", megabytes: kind == .xfs ? 320 : 64)
      for number in 0..<min(Self.roundsPerStore, options.rounds - rounds) where violations.isEmpty {
        try runRound(Round(root: storage.path + "/store", ledgers: ledgers, number: number), storage)
        progress(self)
      }
      try storage.remove()
    }
    // Where not even those get lost that nothing has synced, the power was not lost either.
    if violations.isEmpty, commitCuts > 0, takenCommits == 0, !options.lies {
      violations.append("\(commitCuts) cuts right after a commit took none of them: they cut nothing off")
    }
  }

  private mutating func runRound(_ round: Round, _ storage: ScratchStorage) throws {
    let cycle = Moment.cycle(lies: options.lies)
    let moment = cycle[rounds % cycle.count]
    let count = moment.isAlone ? 1 : options.processes
    var workers: [pid_t] = []
    for index in 0..<count {
      nextWorker += 1
      let (number, seed, lies) = (nextWorker, random.next(), options.lies)
      workers.append(
        try forkChild {
          guard
            let worker = try? Worker(
              root: round.root, bootID: round.bootID, number: number, seed: seed,
              ledgerPath: round.ledgerPath(worker: index), lies: lies)
          else { return 71 }
          return worker.work(until: index == 0 ? moment : .random)
        })
    }
    if moment == .random {
      pause(nanoseconds: UInt64.random(in: 0...options.longestMilliseconds * 1_000_000, using: &random))
    } else {
      try waitForStop(of: workers[0])
    }
    let cut = clockNanoseconds(CLOCK_MONOTONIC)
    try storage.cutOff()
    // Some meet a file system that fails them; none may take that for success.
    pause(nanoseconds: UInt64.random(in: 0...20_000_000, using: &random))
    for worker in workers { kill(worker, SIGKILL) }
    for worker in workers { _ = try end(of: worker) }
    try storage.restore()
    let judge = try forkChild { round.judge(at: moment, workers: count, cut: cut) }
    let status = try end(of: judge)
    rounds += 1
    try read(round, moment, judgeStatus: status)
  }

  private mutating func read(_ round: Round, _ moment: Moment, judgeStatus: Int32) throws {
    guard judgeStatus == 0, let bytes = readFile(round.verdictPath) else {
      violations.append("round \(rounds): the judge ended with \(judgeStatus)")
      return
    }
    var lines = bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    let counts = lines.removeFirst().split(separator: " ").compactMap { Int($0) }
    guard counts.count == 3 else { throw StressFailure("\(round.verdictPath): no verdict") }
    calls += counts[0]
    kept += counts[1]
    lost += counts[2]
    if moment.takesCommit {
      commitCuts += 1
      takenCommits += counts[2] > 0 ? 1 : 0
    }
    violations += lines.map { "round \(rounds), cut \(moment.cutText): \($0)" }
  }

  /// Waits for a worker to stop itself, or to end because it could not.
  private func waitForStop(of pid: pid_t) throws(StressFailure) {
    guard try change(of: pid, options: WUNTRACED) & 0xFF == 0x7F else {
      throw StressFailure("a worker ended before the moment it was to stop at")
    }
  }

  private func end(of pid: pid_t) throws(StressFailure) -> Int32 { try change(of: pid, options: 0) }

  private func change(of pid: pid_t, options: Int32) throws(StressFailure) -> Int32 {
    let deadline = clockNanoseconds(CLOCK_MONOTONIC) + Self.patienceNanoseconds
    var status: Int32 = 0
    while clockNanoseconds(CLOCK_MONOTONIC) < deadline {
      let result = waitpid(pid, &status, options | WNOHANG)
      if result == pid { return status }
      if result < 0, errno != EINTR { throw .systemCall("waitpid", "\(pid)") }
      pause(nanoseconds: 200_000)
    }
    kill(pid, SIGKILL)
    throw StressFailure("process \(pid) did not end within two minutes")
  }
}
