internal import StressSupport

/// Starts commands of one demo: each a process of its own that is told nothing but where the store is.
struct CommandLauncher {
  let executable: String
  let runtime: String
  private let globalOptions: [String]
  private let marker: String
  private let outputDirectory: String

  init(executable: String, runtime: String, workplace: Workplace) {
    self.executable = executable
    self.runtime = runtime
    globalOptions = [
      "--root", workplace.store, "--run-directory", workplace.run, "--runtime", runtime, "--timings",
      workplace.timings,
    ]
    marker = workplace.marker
    outputDirectory = workplace.path
  }

  /// Starts a command about no container in particular.
  func start(_ words: [String], container: String = "") throws(StressFailure) -> Program {
    try Program(
      executable, globalOptions + words,
      environment: [
        "\(DemoProcess.variable)=\(marker)", "\(DemoProcess.containerVariable)=\(container)",
      ], outputIn: outputDirectory)
  }

  /// Runs a command to its end.
  func run(
    _ words: [String], withinMilliseconds limit: Int32 = 120_000
  ) throws(StressFailure) -> Program.Outcome {
    guard let outcome = try start(words).outcome(withinMilliseconds: limit) else {
      throw StressFailure("'cstate \(words.joined(separator: " "))' does not end")
    }
    return outcome
  }

  /// Starts the command of one step of a journey.
  func start(_ step: Step, _ journey: Journey, workplace: Workplace) throws(StressFailure) -> Program {
    let bundle = workplace.bundle(of: journey)
    let identity = ["--name", journey.name, "--id", journey.id]
    let words: [String] =
      switch step {
      case .create: ["create", "--label", "demo=\(journey.kind.rawValue)"] + identity + [bundle]
      case .start: ["start", journey.name]
      case .stop: ["stop", "--time", "10", journey.name]
      case .kill: ["kill", "--signal", "KILL", journey.name]
      case .wait: ["wait", journey.name]
      case .remove: ["rm", journey.name]
      case .run: ["run", "--rm"] + identity + [bundle]
      case .look: ["inspect", journey.name]
      case .removeByForce: ["rm", "--force", journey.name]
      case .awaitReady: preconditionFailure("awaiting readiness is no command")
      }
    return try start(words, container: journey.name)
  }
}
