internal import CPlatform
internal import ContainerStateStore
internal import Glibc
internal import OCIEngine
internal import ScratchStorage
internal import StressSupport

/// The stress harness: many processes work on one store, some are killed or stopped, and what each saw is
/// judged.
///
/// Ends with 0 only where every check holds.
@main
struct Main {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    // An engine under test starts its monitors as this program.
    if words.first == "monitor" { exit(monitorMain(arguments: Array(words.dropFirst()))) }
    if words.contains("--help") || words.contains("-h") || words.first == "help" {
      say(Help.text)
      exit(0)
    }
    do {
      if words.first == "check" { exit(try check(Array(words.dropFirst()))) }
      let options: StressOptions
      do { options = try StressOptions(words.first == "run" ? Array(words.dropFirst()) : words) } catch {
        fail("\(error)", status: 2)
      }
      exit(try run(options))
    } catch { fail("\(error)", status: 1) }
  }

  private static func run(_ options: StressOptions) throws(StressFailure) -> Int32 {
    holdSignals()
    var run = try StressRun(directory: options.directory)
    let storage: ScratchStorage
    do { storage = try run.makeStorage(options.storage) } catch {
      _ = run.remove()
      throw error
    }
    run.store = storage.path + "/store"
    if options.runtime != "none" { try run.makeBundle() }
    let verdict: Verdict?
    do { verdict = try conduct(options, run) } catch {
      _ = run.release(storage, keepingStore: true)
      throw error
    }
    guard var verdict else {
      _ = run.release(storage, keepingStore: false)
      _ = run.remove()
      say("interrupted; seed \(options.seed)", to: STDERR_FILENO)
      return 130
    }
    verdict.violations += run.release(storage, keepingStore: !verdict.isClean || options.isKept)
    return try conclude(verdict, run, options)
  }

  private static func conduct(_ options: StressOptions, _ run: StressRun) throws(StressFailure) -> Verdict? {
    let board = try Board(places: options.processes, objects: Objects(options).witnessCount)
    try Replay.write(options, to: run)
    let coordinator = try Coordinator(options, run: run, board: board)
    guard try coordinator.conduct() else { return nil }
    return try Verdict(of: coordinator)
  }

  private static func conclude(
    _ verdict: Verdict, _ run: StressRun, _ options: StressOptions
  ) throws(StressFailure) -> Int32 {
    try writeFile(verdict.json.bytes, to: run.verdict)
    try verdict.judgement.draw(into: run)
    for line in verdict.lines { say(line, to: STDERR_FILENO) }
    say(verdict.json.text)
    if verdict.isClean, !options.isKept {
      guard run.remove() else { throw StressFailure("\(run.path) could not be removed") }
      return 0
    }
    say("everything is kept in \(run.path)", to: STDERR_FILENO)
    if !verdict.isClean { say("again: \(Replay.command(options))", to: STDERR_FILENO) }
    return verdict.isClean ? 0 : 1
  }

  /// Judges the journals of a run directory again.
  private static func check(_ words: [String]) throws(StressFailure) -> Int32 {
    guard words.count == 1 else { fail("check needs one run directory", status: 2) }
    let run = try StressRun(existing: words[0])
    let judgement = try Judgement(of: run)
    try judgement.draw(into: run)
    say(judgement.json.text)
    for line in judgement.lines { say(line, to: STDERR_FILENO) }
    return judgement.isClean ? 0 : 1
  }

  /// INT, TERM and CHLD are looked for, never taken; a wait for CHLD must not miss one.
  private static func holdSignals() {
    Interruption.hold()
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGCHLD)
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  private static func say(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
    _ = writeAll(Array((text + "\n").utf8), to: descriptor)
  }

  private static func fail(_ text: String, status: Int32) -> Never {
    say("cstate-stress: \(text)", to: STDERR_FILENO)
    exit(status)
  }
}
