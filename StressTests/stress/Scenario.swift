internal import StressSupport

/// A group of faults as a run of its own: options, and what has to hold beside the history.
struct Scenario: Sendable {
  let name: String
  /// The numbers that docs/testing.md has for the groups.
  let groups: [Int]
  let explanation: String
  let change: @Sendable (inout StressOptions) -> Void

  /// The groups, for people.
  var groupText: String {
    "group\(groups.count > 1 ? "s" : "") \(groups.map(String.init).joined(separator: ", "))"
  }

  init(named name: String) throws(StressFailure) {
    guard let scenario = Scenario.all.first(where: { $0.name == name }) else {
      throw StressFailure(
        "--scenario \(name): one of \(Scenario.all.map(\.name).joined(separator: ", ")) is needed")
    }
    self = scenario
  }

  private init(
    _ name: String, groups: [Int], _ explanation: String,
    _ change: @escaping @Sendable (inout StressOptions) -> Void
  ) {
    self.name = name
    self.groups = groups
    self.explanation = explanation
    self.change = change
  }

  static let all = [
    Scenario("kills", groups: [2], "ten thousand random kills under load") {
      $0.seconds = 0
      $0.kills = 10_000
      $0.killEveryMilliseconds = 4
      $0.stopEveryMilliseconds = 500
    },
    Scenario("faults", groups: [1, 4, 9, 11, 12], "each worker fails, stops or dies at a place of its own") {
      $0.seconds = 60
      $0.hasFaults = true
      $0.killEveryMilliseconds = 1_000
      $0.checkpointFrames = 50
    },
    Scenario("runtime", groups: [5], "kills between the steps of an engine with a real OCI runtime") {
      $0.seconds = 60
      $0.runtime = "runc"
      $0.killEveryMilliseconds = 150
      $0.roles[.engine] = 60
    },
    Scenario("crowd", groups: [31], "200 processes at once, or as many as --processes says; none is killed") {
      $0.seconds = 60
      $0.processes = 200
      $0.killEveryMilliseconds = 0
      $0.timeoutSeconds = 120
      $0.roles = RoleWeights("command=40,monitor=40,remover=20") ?? RoleWeights()
    },
    Scenario(
      "reader", groups: [32], "readers stopped inside a snapshot, for longer than many WAL checkpoints"
    ) {
      $0.seconds = 60
      $0.killEveryMilliseconds = 1_000
      $0.stopForMilliseconds = 20_000
      $0.checkpointFrames = 20
      $0.roles = RoleWeights("command=40,monitor=30,reader=10,remover=20") ?? RoleWeights()
    },
    Scenario(
      "shell", groups: [34], "foreign sqlite3 shells, with their defaults where --foreign defaults says so"
    ) {
      $0.seconds = 60
      $0.checkpointFrames = 20
      $0.stopEveryMilliseconds = 300
      $0.roles = RoleWeights("command=30,monitor=30,lister=10,shell=30") ?? RoleWeights()
    },
  ]
}
