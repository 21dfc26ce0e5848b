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
    // A reader who goes away misses the rest; the containers still have to come to their ends.
    signal(SIGPIPE, SIG_IGN)
    let workplace = try Workplace(root: options.root)
    let demo: Demo
    do throws(StressFailure) {
      demo = try prepare(options, executable: String(executable), workplace: workplace)
    } catch {
      _ = workplace.removeAll()
      throw error
    }
    guard try demo.run() else {
      let failures = Aftermath.cleanUp(workplace: workplace, command: demo.command)
      if failures.isEmpty { _ = workplace.removeAll() } else { say("left: \(workplace.path)") }
      say("interrupted; seed \(options.seed)")
      return 130
    }
    return try conclude(demo)
  }

  private static func prepare(
    _ options: DemoOptions, executable: String, workplace: Workplace
  ) throws(StressFailure) -> Demo {
    let runtime = try chosenRuntime(options, executable: executable, workplace: workplace)
    if !options.printsJSON {
      say(
        "seed \(options.seed) · containers \(options.containers) · processes at once \(options.processes) · "
          + "runtime \(runtime.name)")
      if let notice = runtime.notice { say(notice) }
    }
    try workplace.makeRootFileSystem()
    let command = CommandLauncher(executable: executable, runtime: runtime.name, workplace: workplace)
    return try Demo(options, workplace: workplace, command: command)
  }

  private static func conclude(_ demo: Demo) throws(StressFailure) -> Int32 {
    let workplace = demo.workplace
    var aftermath = Aftermath(workplace: workplace, command: demo.command)
    try aftermath.check(ids: Set(demo.lives.map(\.journey.id)))
    let summary = Summary(
      options: demo.options, runtime: demo.command.runtime, lives: demo.lives, tally: demo.tally,
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

  /// The runtime that was asked for, or else the one that `cstate` chooses and what it says where that is no
  /// OCI runtime.
  ///
  /// - Throws: where the one that was asked for cannot run here.
  private static func chosenRuntime(
    _ options: DemoOptions, executable: String, workplace: Workplace
  ) throws(StressFailure) -> (name: String, notice: String?) {
    if options.runtime == "builtin" { return (options.runtime, nil) }
    let command = CommandLauncher(executable: executable, runtime: "auto", workplace: workplace)
    let outcome = try command.run(["info", "--format", "json"])
    guard outcome.status == 0, let root = try? JSONBytes(outcome.output).root,
      let name = try? root.at("chosen_runtime")?.string()
    else { throw StressFailure("cstate info ended with \(outcome.status ?? -1): \(outcome.errorOutput)") }
    if options.runtime == "auto" {
      let notice = try? root.at("runtime_notice")?.string()
      return (name, notice.map { printable($0, limit: 300) })
    }
    let trials = (try? root.at("runtimes")?.elements()) ?? []
    let trial = trials.first { (try? $0.at("name")?.string()) == options.runtime }
    if let why = try? trial?.at("why_not")?.string() {
      throw StressFailure("--runtime \(options.runtime): it cannot run here: \(printable(why, limit: 300))")
    }
    return (options.runtime, nil)
  }

  private static func say(_ text: String) { _ = writeAll(Array((text + "\n").utf8), to: STDOUT_FILENO) }

  private static func fail(_ text: String, status: Int32) -> Never {
    _ = writeAll(Array("cstate-demo: \(text)\n".utf8), to: STDERR_FILENO)
    exit(status)
  }
}
