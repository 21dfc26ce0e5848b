internal import CPlatform
internal import Glibc
internal import StressSupport

/// Forks workers, kills and stops some, and forks others in their places; opens no store, ever.
///
/// It has one thread, and whatever it decides comes from the seed: which worker is hit is drawn among places,
/// not among pids.
final class Coordinator {
  let options: StressOptions
  let board: Board
  let run: StressRun
  private(set) var tally = Tally()
  private(set) var violations: [String] = []
  private var places: [Place]
  private var random: RandomSource
  private var nextSession: Int32 = 1
  private let ledger: Ledger
  /// Says which session has which fault.
  private let faultFile: LineFile?
  private var view: LiveView
  private let startNanoseconds = clockNanoseconds(CLOCK_MONOTONIC)
  private var nextKill: UInt64
  private var nextStop: UInt64
  /// How long workers that were told to come to an end may take: what they wait for ends before.
  private var endLimitNanoseconds: UInt64 { UInt64(options.timeoutSeconds + 30) * 1_000_000_000 }

  /// Where one worker follows the other.
  struct Place {
    let role: Role
    var session: Int32 = 0
    var faults: FaultPlan?
    var pid: pid_t = 0
    var bornNanoseconds: UInt64 = 0
    /// Whether this process sent it SIGKILL.
    var isKilled = false
    var isStopped = false
    var continueNanoseconds: UInt64 = 0
  }

  init(_ options: StressOptions, run: StressRun, board: Board) throws(StressFailure) {
    self.options = options
    self.run = run
    self.board = board
    places = options.roles.roles(ofPlaces: options.processes).map { Place(role: $0) }
    random = RandomSource(seed: options.seed)
    ledger = try Ledger(run)
    faultFile = options.hasFaults ? try LineFile(run.faults) : nil
    view = LiveView(options, board: board)
    (nextKill, nextStop) = (.max, .max)
  }

  var elapsedNanoseconds: UInt64 { clockNanoseconds(CLOCK_MONOTONIC) - startNanoseconds }

  func violate(_ what: String) { violations.append(what) }

  /// Runs the load to its end and lets one last worker look at what is left.
  ///
  /// - Returns: whether it came to its end; false where a signal interrupted it.
  func conduct() throws(StressFailure) -> Bool {
    // What killed workers had started becomes this process's to wait for.
    guard platform_set_child_subreaper() == 0 else {
      throw .systemCall("prctl", "PR_SET_CHILD_SUBREAPER")
    }
    let now = clockNanoseconds(CLOCK_MONOTONIC)
    nextKill = interval(options.killEveryMilliseconds, from: now)
    nextStop = interval(options.stopEveryMilliseconds, from: now)
    for place in places.indices { try give(birthAt: place) }
    while !isOver {
      wait(untilNanoseconds: min(nextKill, nextStop, nextContinuation, nextSecond))
      if Interruption.isRequested {
        killAll()
        view.end()
        return false
      }
      try reap(replacing: true)
      disturb()
      showProgress()
    }
    try finish()
    view.end()
    return true
  }

  private var isOver: Bool {
    let elapsed = elapsedNanoseconds
    return options.seconds > 0 && elapsed >= UInt64(options.seconds) * 1_000_000_000
      || options.operations > 0 && board.load(.operations) >= options.operations
      || options.kills > 0 && tally.kills >= options.kills
      || options.lifecycles > 0 && board.load(.lifecycles) >= options.lifecycles
  }

  private func showProgress() {
    let lives = places.filter { $0.pid > 0 }
    view.show(
      tally, living: lives.count, stopped: lives.count { $0.isStopped }, violations: violations.count,
      elapsedNanoseconds: elapsedNanoseconds)
  }

  /// Waits for the end or the stop of a worker, or for a moment.
  private func wait(untilNanoseconds deadline: UInt64) {
    let now = clockNanoseconds(CLOCK_MONOTONIC)
    let rest = deadline > now ? min(deadline - now, 100_000_000) : 0
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGCHLD)
    // Blocked since the beginning, so that none is missed between two looks.
    var time = timespec(tv_sec: 0, tv_nsec: Int(rest))
    sigtimedwait(&set, nil, &time)
  }

  private var nextSecond: UInt64 { clockNanoseconds(CLOCK_MONOTONIC) + 100_000_000 }

  private var nextContinuation: UInt64 {
    places.lazy.filter { $0.isStopped }.map(\.continueNanoseconds).min() ?? .max
  }
}

// MARK: - Births and deaths

extension Coordinator {
  private func give(birthAt index: Int) throws(StressFailure) {
    let session = nextSession
    nextSession += 1
    let plan = WorkerPlan(
      role: places[index].role, place: index, session: session, options: options, run: run, board: board)
    board.store(index, .operations, 0)
    board.store(index, .faultHits, 0)
    board.store(index, .lastProgress, clockNanoseconds(CLOCK_MONOTONIC))
    ledger.born(session, places[index].role)
    let pid = try fork(plan)
    places[index].session = session
    places[index].faults = plan.faults
    if let fault = plan.faults { faultFile?.append("session \(session): \(fault.text)") }
    places[index].pid = pid
    places[index].isKilled = false
    places[index].isStopped = false
    places[index].bornNanoseconds = clockNanoseconds(CLOCK_MONOTONIC)
    tally.births[places[index].role, default: 0] += 1
  }

  private func fork(_ plan: WorkerPlan) throws(StressFailure) -> pid_t {
    let parent = getpid()
    let context = Unmanaged.passRetained(Birth(plan, parent: parent))
    defer { context.release() }
    let pid = platform_fork_call(
      { context in
        guard let context else { return 1 }
        return Unmanaged<Birth>.fromOpaque(context).takeUnretainedValue().run()
      }, context.toOpaque())
    guard pid > 0 else { throw .systemCall("fork", "session \(plan.session)") }
    return pid
  }

  /// Takes note of all workers that have ended, stopped or gone on.
  private func reap(replacing: Bool) throws(StressFailure) {
    while true {
      var status: Int32 = 0
      let pid = waitpid(-1, &status, WNOHANG | WUNTRACED)
      guard pid > 0 else { return }
      guard let index = places.firstIndex(where: { $0.pid == pid }) else { continue }
      if status & 0xFF == 0x7F {
        noteStop(at: index)
        continue
      }
      noteEnd(at: index, status: status)
      if replacing { try give(birthAt: index) }
    }
  }

  /// A worker that stopped by itself is woken later; so is one that was stopped.
  private func noteStop(at index: Int) {
    guard !places[index].isStopped else { return }
    if places[index].faults?.kind.isStop == true { tally.faultStops += 1 } else { tally.selfStops += 1 }
    ledger.stopped(places[index].session)
    stopUntilLater(index)
  }

  private func noteEnd(at index: Int, status: Int32) {
    let place = places[index]
    let signal = status & 0x7F
    let code = (status >> 8) & 0xFF
    ledger.died(place.session)
    places[index].pid = 0
    places[index].isStopped = false
    let isStruck = board.load(index, .faultHits) > 0
    if let fault = place.faults { tally.faults.add(fault, isHit: isStruck) }
    if signal == SIGKILL, place.isKilled {
      tally.deaths += 1
    } else if signal == 0, code == WorkerExit.done {
      tally.ends += 1
    } else if signal == SIGKILL, isStruck, place.faults?.kind.isFatal == true {
      tally.faultKills += 1
    } else if signal == SIGKILL, place.role == .engine {
      // It ended itself between two steps of an operation.
      tally.stepKills += 1
    } else if code != WorkerExit.complained || signal != 0 {
      let how = signal != 0 ? "signal \(signal)" : "status \(code)"
      violate("session \(place.session) (\(place.role.rawValue)) ended with \(how); see its journal")
    }
  }
}

// MARK: - Kills and stops

extension Coordinator {
  private func interval(_ milliseconds: Int, from moment: UInt64) -> UInt64 {
    guard milliseconds > 0 else { return .max }
    return moment + UInt64.random(in: 1...UInt64(milliseconds) * 2_000_000, using: &random)
  }

  private func disturb() {
    let now = clockNanoseconds(CLOCK_MONOTONIC)
    for index in places.indices where places[index].isStopped && places[index].continueNanoseconds <= now {
      wake(index)
    }
    // A late look makes up for what it missed, so that the rate is the one that was asked for.
    var strokes = 0
    while nextKill <= now, strokes < 64 {
      nextKill = interval(options.killEveryMilliseconds, from: nextKill)
      strokes += 1
      if options.runtime != "none", Int.random(in: 0...2, using: &random) == 0 {
        killMonitor()
        continue
      }
      hit { index in
        places[index].isKilled = true
        kill(places[index].pid, SIGKILL)
        tally.kills += 1
      }
    }
    if nextStop <= now {
      nextStop = interval(options.stopEveryMilliseconds, from: now)
      hit { index in
        ledger.stopped(places[index].session)
        kill(places[index].pid, SIGSTOP)
        tally.stops += 1
        stopUntilLater(index)
      }
    }
  }

  /// Draws a place; where nobody lives there any more, the next one.
  private func hit(_ body: (Int) -> Void) {
    let first = Int.random(in: 0..<places.count, using: &random)
    for offset in places.indices {
      let index = (first + offset) % places.count
      guard places[index].pid > 0, !places[index].isKilled else { continue }
      return body(index)
    }
  }

  /// Kills the monitor of a container: they are this process's children as soon as their engine has gone on,
  /// so none of their numbers is anybody else's before it is reaped here.
  private func killMonitor() {
    let monitors = names(in: "/proc").compactMap { Int32($0) }.filter { pid in
      let words = (readFile("/proc/\(pid)/cmdline") ?? []).split(separator: 0)
      return words.count > 2 && words[1].elementsEqual("monitor".utf8)
        && String(decoding: words[words.count - 1], as: UTF8.self).contains(run.store)
    }
    guard let victim = monitors.randomElement(using: &random), kill(victim, SIGKILL) == 0 else { return }
    tally.monitorKills += 1
  }

  private func wake(_ index: Int) {
    places[index].isStopped = false
    kill(places[index].pid, SIGCONT)
    ledger.woken(places[index].session)
  }

  private func stopUntilLater(_ index: Int) {
    let pause = UInt64.random(in: 1...UInt64(options.stopForMilliseconds), using: &random) * 1_000_000
    places[index].isStopped = true
    places[index].continueNanoseconds = clockNanoseconds(CLOCK_MONOTONIC) + pause
  }
}

// MARK: - The end

extension Coordinator {
  /// Lets everybody come to an end; then the last worker looks.
  private func finish() throws(StressFailure) {
    checkProgress()
    board.store(.ending, 1)
    let deadline = clockNanoseconds(CLOCK_MONOTONIC) + endLimitNanoseconds
    while places.contains(where: { $0.pid > 0 }), clockNanoseconds(CLOCK_MONOTONIC) < deadline {
      for index in places.indices where places[index].isStopped { wake(index) }
      wait(untilNanoseconds: nextSecond)
      try reap(replacing: false)
      showProgress()
      if Interruption.isRequested { break }
    }
    for place in places where place.pid > 0 {
      violate("session \(place.session) (\(place.role.rawValue)) does not end")
    }
    killAll()
    try look()
  }

  /// Whoever has lived for long and was not stopped has got something done.
  private func checkProgress() {
    let now = clockNanoseconds(CLOCK_MONOTONIC)
    for (index, place) in places.enumerated() where place.pid > 0 && !place.isStopped {
      let age = now - place.bornNanoseconds
      if age > UInt64(options.timeoutSeconds) * 500_000_000, board.load(index, .operations) == 0 {
        let seconds = age / 1_000_000_000
        violate("session \(place.session) (\(place.role.rawValue)) has done nothing in \(seconds) s")
      }
    }
  }

  /// Forks the last worker, which opens the store once more and writes down everything that is there.
  private func look() throws(StressFailure) {
    let session = nextSession
    nextSession += 1
    let plan = WorkerPlan(
      role: nil, place: 0, session: session, options: options, run: run, board: board)
    ledger.born(session, nil)
    let pid = try fork(plan)
    let deadline = clockNanoseconds(CLOCK_MONOTONIC) + 300_000_000_000
    var status: Int32 = 0
    while waitpid(pid, &status, WNOHANG) == 0 {
      guard clockNanoseconds(CLOCK_MONOTONIC) < deadline else {
        violate("the last session (\(session)) does not end")
        kill(pid, SIGKILL)
        waitpid(pid, &status, 0)
        break
      }
      wait(untilNanoseconds: nextSecond)
    }
    ledger.died(session)
    if status != 0, status >> 8 & 0xFF != WorkerExit.complained {
      violate("the last session (\(session)) ended with wait status \(status)")
    }
  }

  private func killAll() {
    for index in places.indices where places[index].pid > 0 {
      kill(places[index].pid, SIGKILL)
      var status: Int32 = 0
      while waitpid(places[index].pid, &status, 0) < 0, errno == EINTR {}
      ledger.died(places[index].session)
      places[index].pid = 0
    }
    // Monitors of containers live on, until their containers are removed.
    if options.runtime == "none" { awaitOrphans() }
  }

  /// A foreign shell dies with its worker, and has the store's files open until then.
  private func awaitOrphans() {
    let deadline = clockNanoseconds(CLOCK_MONOTONIC) + 30_000_000_000
    while clockNanoseconds(CLOCK_MONOTONIC) < deadline {
      var status: Int32 = 0
      let pid = waitpid(-1, &status, WNOHANG)
      if pid < 0, errno == ECHILD { return }
      if pid == 0 { wait(untilNanoseconds: nextSecond) }
    }
    violate("a process that a worker started does not end")
  }
}

/// What a forked child is born with.
private final class Birth {
  fileprivate let plan: WorkerPlan
  private let parent: pid_t

  init(_ plan: WorkerPlan, parent: pid_t) {
    self.plan = plan
    self.parent = parent
  }

  func run() -> Int32 {
    _ = platform_die_with_parent(parent)
    // What a terminal sends is for the coordinator to handle.
    setpgid(0, 0)
    Interruption.release()
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGCHLD)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    // Not this one, which is a copy of the coordinator's: see `platform_run_on_new_thread`.
    let status = platform_run_on_new_thread(
      { context in
        guard let context else { return 1 }
        return Worker(Unmanaged<Birth>.fromOpaque(context).takeUnretainedValue().plan).run()
      }, Unmanaged.passUnretained(self).toOpaque())
    return status < 0 ? 1 : status
  }
}
