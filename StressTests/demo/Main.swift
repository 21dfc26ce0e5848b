internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// The main job: processes that share nothing but the store drive containers through their lives, and some
/// are killed.
///
/// Ends with 0 only where nothing was lost and nothing is left over.
@main
struct Main {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    if words.contains("--help") || words.contains("-h") {
      say(DemoOptions.help)
      exit(0)
    }
    let options: DemoOptions
    do { options = try DemoOptions(words) } catch { fail("\(error)", status: 2) }
    do { exit(try run(options)) } catch { fail("\(error)", status: 1) }
  }

  private static func run(_ options: DemoOptions) throws(StressFailure) -> Int32 {
    guard let own = linkTarget("/proc/self/exe"), let slash = own.lastIndex(of: "/") else {
      throw StressFailure("/proc does not say where this program is")
    }
    let executable = own[..<slash] + "/cstate"
    guard access(String(executable), X_OK) == 0 else {
      throw StressFailure("\(executable) is missing; build it first: swift build --product cstate")
    }
    Interruption.hold()
    let workplace = try Workplace(root: options.root)
    let runtime = try chosenRuntime(options, executable: String(executable), workplace: workplace)
    let command = CommandLauncher(executable: String(executable), runtime: runtime.name, workplace: workplace)
    if !options.printsJSON {
      say(
        "seed \(options.seed): \(options.containers) containers, \(options.processes) processes at once, "
          + "runtime "
          + "\(runtime.name)")
      if let why = runtime.whyNoOther {
        say("no OCI runtime can run here (\(why)), so plain processes stand in")
      }
    }
    try workplace.makeRootFileSystem()
    let demo = try Demo(options, workplace: workplace, command: command)
    guard try demo.run() else {
      let failures = Aftermath.cleanUp(workplace: workplace, command: command)
      if failures.isEmpty { _ = workplace.removeAll() } else { say("left: \(workplace.path)") }
      say("interrupted; seed \(options.seed)")
      return 130
    }
    return try conclude(demo, runtime: runtime.name)
  }

  private static func conclude(_ demo: Demo, runtime: String) throws(StressFailure) -> Int32 {
    let workplace = demo.workplace
    var aftermath = Aftermath(workplace: workplace, command: demo.command)
    try aftermath.check(ids: Set(demo.lives.map(\.journey.id)))
    let summary = Summary(
      options: demo.options, runtime: runtime, lives: demo.lives, tally: demo.tally,
      lockWait: LongestLockWait(timings: readFile(workplace.timings) ?? []),
      verifyResult: aftermath.verifyResult,
      violations: demo.violations + aftermath.violations, elapsedNanoseconds: demo.elapsedNanoseconds)
    if demo.options.printsJSON {
      say(summary.json.formatted())
    } else {
      for line in summary.lines { say(line) }
    }
    if demo.options.isKept || !summary.isClean {
      if !demo.options.printsJSON { say("everything is kept in \(workplace.path)") }
    } else if !workplace.removeAll() {
      throw StressFailure("\(workplace.path) could not be removed")
    }
    if !summary.isClean, !demo.options.printsJSON { say("again: cstate-demo --seed \(demo.options.seed)") }
    return summary.isClean ? 0 : 1
  }

  /// The runtime that `cstate` itself finds usable, and why it is no OCI runtime where it is none.
  private static func chosenRuntime(
    _ options: DemoOptions, executable: String, workplace: Workplace
  ) throws(StressFailure) -> (name: String, whyNoOther: String?) {
    guard options.runtime == "auto" else { return (options.runtime, nil) }
    let command = CommandLauncher(executable: executable, runtime: "auto", workplace: workplace)
    let outcome = try command.run(["info", "--format", "json"])
    guard outcome.status == 0, let root = try? JSONBytes(outcome.output).root,
      let name = try? root.at("chosen_runtime")?.string()
    else { throw StressFailure("cstate info ended with \(outcome.status ?? -1): \(outcome.errorOutput)") }
    guard name == "builtin" else { return (name, nil) }
    let runtimes = (try? root.at("runtimes")?.elements()) ?? []
    let reasons = runtimes.compactMap { try? $0.at("why_not")?.string() }
    return (name, printable(reasons.joined(separator: "; "), limit: 300))
  }

  private static func say(_ text: String) { _ = writeAll(Array((text + "\n").utf8), to: STDOUT_FILENO) }

  private static func fail(_ text: String, status: Int32) -> Never {
    _ = writeAll(Array("cstate-demo: \(text)\n".utf8), to: STDERR_FILENO)
    exit(status)
  }
}
