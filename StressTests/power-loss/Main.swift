internal import Glibc
internal import ScratchStorage
internal import StressSupport

/// Loses the power of a file system under a running load, again and again, and checks what is left.
@main
struct Main {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    if words.contains("--help") || words.contains("-h") {
      say(PowerLossOptions.help)
      exit(0)
    }
    let options: PowerLossOptions
    do { options = try PowerLossOptions(words) } catch { fail("\(error)", status: 2) }
    do { exit(try run(options)) } catch { fail("\(error)", status: 1) }
  }

  private static func run(_ options: PowerLossOptions) throws -> Int32 {
    let kinds = options.kinds.filter { kind in
      guard let obstacle = ScratchStorage.obstacle(to: kind) else { return true }
      say("SKIPPED \(kind.rawValue): \(obstacle)")
      return false
    }
    guard !kinds.isEmpty else {
      say("nothing was tested")
      return 77
    }
    try ScratchStorage.ownMounts()
    let directory = try workingDirectory(options)
    say("seed \(options.seed): \(options.rounds) losses of power on each of \(kinds.map(\.rawValue))")
    var violations: [String] = []
    for kind in kinds {
      var series = try Series(kind, options: options, directory: directory)
      let start = clockNanoseconds(CLOCK_MONOTONIC)
      try series.run { series in if series.rounds % 10 == 0 { say(line(series, since: start)) } }
      if series.rounds % 10 != 0 { say(line(series, since: start)) }
      violations += series.violations.map { "\(kind.rawValue): \($0)" }
    }
    for violation in violations { say(violation) }
    if violations.isEmpty, !options.isKept {
      removeTree(directory)
    } else {
      say("the ledgers are in \(directory)")
    }
    if !violations.isEmpty {
      say("again: cstate-power-loss --seed \(options.seed) --rounds \(options.rounds)")
    }
    return violations.isEmpty ? 0 : 1
  }

  private static func line(_ series: Series, since start: UInt64) -> String {
    let seconds = (clockNanoseconds(CLOCK_MONOTONIC) - start) / 1_000_000_000
    return
      "\(series.kind.rawValue): \(series.rounds) losses of power, \(series.calls) calls, \(series.kept) "
      + "changes kept, \(series.lost) lost that were only committed, \(series.takenCommits) of "
      + "\(series.commitCuts) cuts right after a commit took it, \(series.violations.count) violations, "
      + "\(seconds) s"
  }

  /// A directory on a file system that keeps its power.
  private static func workingDirectory(_ options: PowerLossOptions) throws(StressFailure) -> String {
    if let directory = options.directory { return directory }
    return try makeTemporaryDirectory("cstate-power-loss")
  }

  private static func say(_ text: String) { _ = writeAll(Array((text + "\n").utf8), to: STDOUT_FILENO) }

  private static func fail(_ text: String, status: Int32) -> Never {
    _ = writeAll(Array("cstate-power-loss: \(text)\n".utf8), to: STDERR_FILENO)
    exit(status)
  }
}
