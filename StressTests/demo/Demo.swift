internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// Drives all containers from one thread: it starts commands, waits for their ends, and kills one now and
/// then.
final class Demo {
  let options: DemoOptions
  let workplace: Workplace
  let command: CommandLauncher
  private(set) var lives: [Life] = []
  private(set) var tally = Tally()
  private(set) var violations: [String] = []
  private var slots: [Slot]
  private var killer: Killer
  private var audit: Audit?
  private let readyEvents: Int32
  private var progress: Progress
  private var isLossPlanted = false
  private let startNanoseconds = clockNanoseconds(CLOCK_MONOTONIC)
  private static let commandLimitNanoseconds: UInt64 = 120_000_000_000
  private static let maximumKillsPerContainer = 20
  private static let readyLimitNanoseconds: UInt64 = 30_000_000_000

  /// One of the places in which a container is driven by one command after the other.
  private struct Slot {
    var life: Life?
    var program: Program?
    var sinceNanoseconds: UInt64 = 0
    var isProgramKilled = false
  }

  init(_ options: DemoOptions, workplace: Workplace, command: CommandLauncher) throws(StressFailure) {
    self.options = options
    self.workplace = workplace
    self.command = command
    slots = Array(repeating: Slot(), count: options.processes)
    killer = Killer(seed: options.seed, marker: workplace.marker, executable: command.executable)
    progress = Progress(descriptor: options.printsJSON ? STDERR_FILENO : STDOUT_FILENO)
    readyEvents = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
    guard inotify_add_watch(readyEvents, workplace.ready, UInt32(IN_CREATE | IN_CLOSE_WRITE)) >= 0 else {
      throw .systemCall("inotify_add_watch", workplace.ready)
    }
  }

  deinit { close(readyEvents) }

  var elapsedNanoseconds: UInt64 { clockNanoseconds(CLOCK_MONOTONIC) - startNanoseconds }

  /// Takes every container through its life.
  ///
  /// - Returns: whether it came to the end; false where a signal interrupted it.
  func run() throws(StressFailure) -> Bool {
    let killPause = UInt64(options.killEveryMilliseconds) * 1_000_000
    var nextTick = clockNanoseconds(CLOCK_MONOTONIC) + (killPause == 0 ? 1_000_000_000 : killPause)
    while try fillSlots() {
      wait(untilNanoseconds: nextTick)
      if Interruption.isRequested {
        killEverything()
        return false
      }
      for index in slots.indices { step(index) }
      try finishAudit()
      if clockNanoseconds(CLOCK_MONOTONIC) >= nextTick {
        nextTick += killPause == 0 ? 1_000_000_000 : killPause
        if killPause != 0 { kill() }
        try beginAudit()
      }
      showProgress()
    }
    progress.end()
    return true
  }

  private func showProgress() {
    let done = lives.count { $0.step == nil }
    let elapsed = elapsedNanoseconds
    progress.show(elapsedNanoseconds: elapsed, isLast: done == options.containers) {
      [
        "containers \(done)/\(options.containers) · operations \(tally.operationCount) · "
          + "kills \(tally.killCount) · \(elapsed / 1_000_000_000) s"
      ]
    }
  }

  func violate(_ what: String) { violations.append(what) }

  func record(_ operation: String, nanoseconds: UInt64) { tally.add(operation, nanoseconds: nanoseconds) }
}

// MARK: - Slots

extension Demo {
  /// Gives every empty slot something to do.
  ///
  /// - Returns: whether anything is left to do.
  private func fillSlots() throws(StressFailure) -> Bool {
    for index in slots.indices where slots[index].program == nil {
      if let life = slots[index].life, life.step == nil { retire(life, from: index) }
      if slots[index].life == nil, lives.count < options.containers {
        let journey = Journey(number: lives.count + 1, seed: options.seed)
        try workplace.makeBundle(of: journey)
        let life = Life(journey)
        lives.append(life)
        slots[index].life = life
      }
      if let life = slots[index].life, life.step != .awaitReady { try start(life, in: index) }
    }
    return slots.contains { $0.life != nil }
  }

  private func retire(_ life: Life, from index: Int) {
    violations += life.violations
    workplace.removeBundle(of: life.journey)
    slots[index].life = nil
  }

  private func start(_ life: Life, in index: Int) throws(StressFailure) {
    guard let step = life.step else { return }
    if options.plantsLoss, !isLossPlanted, step == .start { try plantLoss(of: life.journey) }
    if step == .start { unlink(workplace.readyFile(of: life.journey)) }
    life.begin()
    slots[index].program = try command.start(step, life.journey, workplace: workplace)
    slots[index].sinceNanoseconds = clockNanoseconds(CLOCK_MONOTONIC)
    slots[index].isProgramKilled = false
  }

  /// Looks what has become of a slot's command, or of its container's readiness.
  private func step(_ index: Int) {
    guard let life = slots[index].life, let step = life.step else { return }
    let age = clockNanoseconds(CLOCK_MONOTONIC) - slots[index].sinceNanoseconds
    guard let program = slots[index].program else {
      if access(workplace.readyFile(of: life.journey), F_OK) == 0 {
        life.becameReady()
      } else if age > Demo.readyLimitNanoseconds {
        life.isNotReady()
      }
      return
    }
    if let outcome = program.outcome() {
      slots[index].program = nil
      slots[index].sinceNanoseconds = clockNanoseconds(CLOCK_MONOTONIC)
      if slots[index].isProgramKilled, outcome.signal == SIGKILL { return life.commandWasKilled() }
      record(step.rawValue, nanoseconds: outcome.nanoseconds)
      life.ended(outcome)
    } else if age > Demo.commandLimitNanoseconds {
      Glibc.kill(program.pid, SIGKILL)
      _ = program.outcome(withinMilliseconds: 10_000)
      slots[index].program = nil
      life.hangs(program.words.joined(separator: " "))
    }
  }

  /// Waits until something has happened, at most until a moment.
  private func wait(untilNanoseconds deadline: UInt64) {
    var descriptors = slots.compactMap { $0.program?.descriptor } + [readyEvents]
    if let audit { descriptors.append(audit.program.descriptor) }
    var requests = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let now = clockNanoseconds(CLOCK_MONOTONIC)
    let milliseconds = deadline > now ? (deadline - now + 999_999) / 1_000_000 : 0
    _ = poll(&requests, nfds_t(requests.count), Int32(min(milliseconds, 200)))
    withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 8) { buffer in
      while read(readyEvents, buffer.baseAddress, buffer.count) > 0 {}
    }
  }
}

// MARK: - Kills

extension Demo {
  private func kill() {
    // Where kills come faster than a command can end, the last containers would be killed over and over.
    let spared = lives.filter { $0.commandKills + $0.monitorKills >= Demo.maximumKillsPerContainer }
    guard let victim = killer.kill(sparing: Set(spared.map(\.journey.name))) else { return }
    tally.addKill(of: victim.verb)
    let pid = victim.identity.pid
    if let index = slots.firstIndex(where: { $0.program?.pid == pid }) {
      slots[index].isProgramKilled = true
    } else if audit?.program.pid == pid {
      audit?.isKilled = true
    } else {
      lives.first { $0.journey.name == victim.container }?.monitorWasKilled()
    }
  }

  private func killEverything() {
    progress.end()
    for index in slots.indices {
      if let program = slots[index].program { Glibc.kill(program.pid, SIGKILL) }
      _ = slots[index].program?.outcome(withinMilliseconds: 10_000)
      slots[index].program = nil
    }
    if let audit {
      Glibc.kill(audit.program.pid, SIGKILL)
      _ = audit.program.outcome(withinMilliseconds: 10_000)
    }
    audit = nil
  }

  /// Removes a row with a foreign program, as a bug in the store would: the demo has to notice.
  private func plantLoss(of journey: Journey) throws(StressFailure) {
    isLossPlanted = true
    let statements = "PRAGMA foreign_keys=ON; DELETE FROM record WHERE name = '\(journey.name)';"
    let shell = try Program(
      "/usr/bin/sqlite3", [workplace.store + "/state.db", statements], environment: [],
      outputIn: workplace.path)
    guard let outcome = shell.outcome(withinMilliseconds: 10_000), outcome.status == 0 else {
      throw StressFailure("the loss could not be planted")
    }
  }
}

// MARK: - Audits

extension Demo {
  /// A listing that has to show every container whose creation was acknowledged before it began.
  private struct Audit {
    let program: Program
    let expected: [Life]
    let sinceNanoseconds: UInt64
    var isKilled = false
  }

  private func beginAudit() throws(StressFailure) {
    guard audit == nil else { return }
    let expected = lives.filter { $0.isCreated && !$0.isRemovalTried }
    let program = try command.start(["ps", "-a", "--format", "json"])
    audit = Audit(program: program, expected: expected, sinceNanoseconds: clockNanoseconds(CLOCK_MONOTONIC))
  }

  private func finishAudit() throws(StressFailure) {
    guard let audit else { return }
    guard let outcome = audit.program.outcome() else {
      if clockNanoseconds(CLOCK_MONOTONIC) - audit.sinceNanoseconds > Demo.commandLimitNanoseconds {
        throw StressFailure("ps does not end")
      }
      return
    }
    self.audit = nil
    if audit.isKilled, outcome.signal == SIGKILL { return }
    record("ps -a", nanoseconds: outcome.nanoseconds)
    guard outcome.status == 0, let names = try? listedNames(outcome.output) else {
      return violate("ps -a ended with \(outcome.status ?? -1): \(outcome.errorOutput)")
    }
    for life in audit.expected where !names.contains(life.journey.name) { life.isMissingInListing() }
  }

  private func listedNames(_ output: String) throws -> Set<String> {
    Set(try JSONBytes(output).root.elements().compactMap { try $0.at("name")?.string() })
  }
}
