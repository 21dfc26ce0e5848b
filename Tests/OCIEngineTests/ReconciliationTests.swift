internal import ContainerStateStore
internal import OCIEngine
internal import Testing

@Suite("Engine: what becomes of a container that a dead process left")
struct ReconciliationTests {
  typealias Action = Reconciliation.Action
  typealias Liveness = ProcessIdentity.Liveness

  /// One line of the table.
  struct Row: CustomTestStringConvertible, Sendable {
    let status: ContainerStatus
    var intent: IntentOperation?
    var owner = Liveness.dead
    var process = Liveness.dead
    var monitor = Liveness.dead
    var runtime: RuntimeStatus?
    let action: Action

    var testDescription: String {
      "\(status.name), intent \(intent?.name ?? "none"), owner \(owner), process \(process), "
        + "monitor \(monitor), runtime \(runtime?.rawValue ?? "not asked"): \(action)"
    }
  }

  static let table = [
    // Nothing was begun.
    Row(status: .configured, action: .nothing), Row(status: .exited, action: .nothing),
    Row(status: .created, process: .alive, monitor: .alive, action: .nothing),
    Row(status: .running, process: .alive, monitor: .alive, action: .nothing),
    Row(status: .running, process: .alive, monitor: .dead, action: .nothing),
    Row(status: .paused, process: .alive, monitor: .alive, action: .nothing),
    // A process has ended.
    Row(status: .running, process: .dead, monitor: .alive, action: .awaitMonitor),
    Row(status: .running, process: .dead, monitor: .dead, action: .recordUnknownExit),
    Row(status: .created, process: .dead, monitor: .dead, action: .recordUnknownExit),
    Row(status: .paused, process: .dead, monitor: .alive, action: .awaitMonitor),
    Row(status: .stopping, intent: .stop, owner: .alive, monitor: .dead, action: .recordUnknownExit),
    Row(status: .stopping, intent: .stop, monitor: .alive, action: .awaitMonitor),
    // Its end is recorded.
    Row(status: .stopped, monitor: .alive, action: .awaitMonitor),
    Row(status: .stopped, monitor: .dead, action: .cleanUp),
    // A creation was begun.
    Row(status: .configured, intent: .create, monitor: .alive, action: .undoCreate),
    Row(status: .exited, intent: .create, action: .undoCreate),
    // A start was begun.
    Row(status: .created, intent: .start, process: .alive, monitor: .alive, action: .askRuntime),
    Row(
      status: .created, intent: .start, process: .alive, monitor: .alive, runtime: .created,
      action: .undoStart),
    Row(
      status: .created, intent: .start, process: .alive, monitor: .alive, runtime: .running,
      action: .finishStart),
    Row(status: .created, intent: .start, process: .dead, monitor: .alive, action: .awaitMonitor),
    Row(status: .created, intent: .start, process: .dead, monitor: .dead, action: .recordUnknownExit),
    // A stop was begun.
    Row(
      status: .stopping, intent: .stop, owner: .alive, process: .alive, monitor: .alive, action: .leaveToOwner
    ),
    Row(status: .stopping, intent: .stop, owner: .unknown, process: .alive, action: .leaveToOwner),
    Row(status: .stopping, intent: .stop, process: .alive, monitor: .alive, action: .undoStop),
    // A removal was begun.
    Row(status: .removing, intent: .remove, process: .alive, monitor: .alive, action: .leaveToRemoval),
    Row(status: .removing, action: .leaveToRemoval),
    // Nobody knows.
    Row(status: .unknown, process: .alive, action: .askRuntime),
    Row(status: .unknown, process: .alive, runtime: .created, action: .undoStart),
    Row(status: .unknown, process: .alive, runtime: .paused, action: .finishStart),
    Row(status: .unknown, action: .recordUnknownExit),
  ]

  @Test("each situation has one action", arguments: table)
  func row(_ row: Row) {
    let question = Reconciliation(
      status: row.status, foreignIntent: row.intent, owner: row.owner, process: row.process,
      monitor: row.monitor)
    #expect(question.action(runtime: row.runtime) == row.action)
  }

  @Test("in no situation an end is recorded that may not be one, or a question asked twice")
  func everySituation() {
    let intents: [IntentOperation?] = [nil] + IntentOperation.allCases
    let livenesses: [Liveness] = [.alive, .dead, .unknown]
    let answers: [RuntimeStatus?] = [nil] + RuntimeStatus.allCases
    for status in ContainerStatus.allCases {
      for intent in intents {
        for (owner, process) in livenesses.flatMap({ owner in livenesses.map { (owner, $0) } }) {
          for (monitor, runtime) in livenesses.flatMap({ monitor in answers.map { (monitor, $0) } }) {
            let action = Reconciliation(
              status: status, foreignIntent: intent, owner: owner, process: process, monitor: monitor
            ).action(runtime: runtime)
            let isDead = process == .dead && monitor == .dead
            if action == .recordUnknownExit { #expect(isDead, "\(status) \(process) \(monitor)") }
            if action == .cleanUp { #expect(status == .stopped && monitor == .dead) }
            if action == .askRuntime { #expect(runtime == nil && process != .dead) }
            if action == .undoStop { #expect(owner == .dead) }
            if intent == .remove || status == .removing { #expect(action == .leaveToRemoval) }
          }
        }
      }
    }
  }
}
