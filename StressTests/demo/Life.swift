internal import ContainerStateStore
internal import StressSupport

/// What is known of one container from the answers of commands alone, and what has to happen to it next.
///
/// A command that was killed leaves the question open whether it did its work; the next one finds out.
final class Life {
  let journey: Journey
  /// What comes next; nil when the container is gone or given up.
  private(set) var step: Step?
  /// Whether a command said that it was created.
  private(set) var isCreated = false
  /// Whether a command that removes it was ever started.
  private(set) var isRemovalTried = false
  /// Whether a command said that it is gone.
  private(set) var isGone = false
  /// What its process was said to have ended with.
  private(set) var exitCode: Int32?
  /// Whether its exit code went with its monitor.
  private(set) var isExitCodeLost = false
  /// What a command said or did that cannot be explained by a kill.
  private(set) var violations: [String] = []
  private(set) var commandKills = 0
  private(set) var monitorKills = 0
  private var interruptedSteps: Set<Step> = []
  private var attempts = 0
  /// Failures since something of this container was last killed or worked.
  private var failuresInARow = 0
  private static let maximumAttempts = 60
  private static let maximumFailuresInARow = 3

  init(_ journey: Journey) {
    self.journey = journey
    step = journey.steps.first
  }

  /// Whether something that worked for this container was killed, so that a failure is no surprise.
  private var isDisturbed: Bool { commandKills + monitorKills > 0 }

  /// The monitor, or what had come out of it to become the container's process, was killed.
  func monitorWasKilled() {
    monitorKills += 1
    failuresInARow = 0
    // Whoever was to say that he is ready may be dead.
    if step == .awaitReady { step = .look }
  }

  /// The command of the present step is about to be started.
  func begin() {
    attempts += 1
    if step == .remove || step == .removeByForce || step == .run { isRemovalTried = true }
  }

  /// The command of the present step was killed by the demo; the next one goes on where it stood.
  func commandWasKilled() {
    commandKills += 1
    failuresInARow = 0
    guard let step else { return }
    interruptedSteps.insert(step)
    // A second `run` would be a second container of that name: what is left of the first is removed instead.
    if step == .run { self.step = .removeByForce }
    limitAttempts()
  }

  /// The container said that it handles signals.
  func becameReady() { if step == .awaitReady { advance() } }

  /// The container did not say so in time.
  func isNotReady() { disturbedOrFailed("is not ready in time") }

  /// A command hangs.
  func hangs(_ words: String) { giveUp("'\(words)' does not end") }

  /// The command of the present step has ended by itself.
  func ended(_ outcome: Program.Outcome) {
    guard let step, let status = outcome.status else {
      return giveUp("\(step?.rawValue ?? "?") died of signal \(outcome.signal)")
    }
    if status == Life.notFound, isCreated, !isRemovalTried {
      return giveUp("lost: \(step.rawValue) does not find it although create was acknowledged")
    }
    if status != 0 {
      failed(step, status, outcome)
    } else {
      // What `inspect` says changes nothing, so it is no progress either.
      if step != .look { failuresInARow = 0 }
      succeeded(step, outcome)
    }
    limitAttempts()
  }

  /// A listing that began after its creation was acknowledged, and ended before its removal began, lacks it.
  func isMissingInListing() {
    if !isRemovalTried { violations.append("\(journey.name): lost: ps -a does not list it") }
  }
}

// MARK: - What follows from an outcome

extension Life {
  private static let notFound: Int32 = 13
  private static let alreadyExists: Int32 = 14
  private static let runFailed: Int32 = 125

  private func succeeded(_ step: Step, _ outcome: Program.Outcome) {
    switch step {
    case .create:
      isCreated = true
      advance()
    case .start, .stop, .kill, .awaitReady: advance()
    case .wait:
      guard let code = Int32(outcome.output.filter { !$0.isWhitespace }) else {
        return giveUp("wait printed '\(outcome.output)'")
      }
      check(exitCode: code)
      advance()
    case .look: look(outcome.output)
    case .run:
      check(exitCode: 0)
      end()
    case .remove, .removeByForce: end()
    }
  }

  private func failed(_ step: Step, _ status: Int32, _ outcome: Program.Outcome) {
    switch (step, status) {
    case (.run, let code) where code != Life.runFailed:
      check(exitCode: code)
      end()
    case (.create, Life.alreadyExists) where isDisturbed:
      isCreated = true
      advance()
    case (.remove, Life.notFound) where interruptedSteps.contains(.remove): end()
    case (.removeByForce, Life.notFound): end()
    default: disturbedOrFailed("\(step.rawValue) ended with \(status): \(outcome.errorOutput)")
    }
  }

  /// A failure after a kill is looked into; any other is a violation, and the container is removed by force.
  private func disturbedOrFailed(_ what: String) {
    failuresInARow += 1
    // A kill explains a failure or two; what fails on and on is broken.
    if !isDisturbed || failuresInARow == Life.maximumFailuresInARow {
      violate(what)
      step = step == .removeByForce ? nil : .removeByForce
      return
    }
    switch step {
    case .run, .remove, .look: step = .removeByForce
    case .removeByForce, .create: break
    default: step = .look
    }
  }

  private func look(_ output: String) {
    let row = try? JSONBytes(output).root.elements().first
    let status = try? row?.at("state", "status")?.string()
    switch status.flatMap(ContainerStatus.init(name:)) {
    case .configured, .created: step = .start
    case .running, .paused, .stopping:
      // Where the monitor is dead too, the row goes on saying that it runs until somebody settles it.
      step = journey.isEndless && isAlive(row) ? .awaitReady : .wait
    case .stopped, .exited, .unknown: step = .wait
    case .removing: step = .removeByForce
    case nil: giveUp("inspect printed '\(output)'")
    }
  }

  /// Whether the process of which `inspect` told lives.
  private func isAlive(_ row: JSONView?) -> Bool {
    guard let state = try? row?.at("state"), let pid = try? state.at("pid")?.int64(),
      let startTime = try? state.at("pid_start_time_ticks")?.uint64()
    else { return false }
    return ProcessIdentity(pid: Int32(clamping: pid), startTime: startTime).liveness == .alive
  }

  private func check(exitCode code: Int32) {
    exitCode = code
    if code == journey.expectedExitCode { return }
    // A monitor that is killed before its container's program has begun takes that with it, hence 137.
    if monitorKills > 0, code == ContainerState.unknownExitCode || code == 128 + 9 {
      isExitCodeLost = true
    } else {
      violate("its exit code is \(code) instead of \(journey.expectedExitCode)")
    }
  }

  private func advance() {
    guard let step, let index = journey.steps.firstIndex(of: step) else { return }
    self.step = journey.steps[index + 1]
  }

  private func end() {
    isGone = true
    step = nil
  }

  private func giveUp(_ what: String) {
    violate(what)
    step = step == .removeByForce ? nil : .removeByForce
  }

  private func limitAttempts() {
    if attempts > Life.maximumAttempts, step != nil {
      violate("did not come to its end in \(attempts) commands")
      step = nil
    }
  }

  private func violate(_ what: String) {
    let line = what.split(separator: "\n").joined(separator: " / ")
    violations.append("\(journey.name) (\(journey.kind.rawValue)): \(line)")
  }
}
