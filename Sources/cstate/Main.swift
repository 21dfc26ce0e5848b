internal import Glibc

/// The command: reads its arguments, calls the store or the engine, prints, and ends with a documented exit
/// status.
@main
struct Main {
  static func main() {
    let startNanoseconds = monotonicNanoseconds()
    // A parent that ignores SIGPIPE hands that down; `cstate ps | head -1` shall end quietly all the same.
    signal(SIGPIPE, SIG_DFL)
    let words = Array(CommandLine.arguments.dropFirst())
    var command: ParsedCommand?
    do {
      let parsed = try CommandLineParser.parse(words)
      command = parsed
      exit(try run(parsed, startNanoseconds: startNanoseconds))
    } catch {
      let usage = (error as? UsageError)?.of(verb: command?.verb?.name)
      let verb = command?.verb?.name ?? usage?.verb
      let failure = Failure(usage ?? error)
      failure.print(verb: verb)
      exit(verb == Verb.run.name ? ExitStatus.runFailed : failure.status)
    }
  }

  private static func run(_ command: ParsedCommand, startNanoseconds: UInt64) throws -> Int32 {
    if command.arguments.has(.help) {
      return write(command.group.map(Help.text(ofGroup:)) ?? Help.text(of: command.verb))
    }
    if command.arguments.has(.version) {
      return write("cstate \(Version.number)")
    }
    if let group = command.group {
      throw UsageError(
        group, "say what to do: " + Verb.named(inGroup: group).map(\.name).joined(separator: ", "))
    }
    guard let verb = command.verb else {
      throw UsageError("", "say what to do: cstate VERB")
    }
    try verb.check(command.arguments)
    let settings = try Settings(command.arguments)
    let invocation = Invocation(verb: verb, arguments: command.arguments, settings: settings)
    let status = carryOut(invocation)
    if let path = settings.timingsPath {
      Timings(of: invocation, status: status, startNanoseconds: startNanoseconds).append(to: path)
    }
    return status
  }

  private static func carryOut(_ invocation: Invocation) -> Int32 {
    var status = ExitStatus.done
    do { status = try invocation.verb.carryOut(invocation) } catch { invocation.report(error) }
    invocation.finish()
    let writeError = invocation.output.flush(to: STDOUT_FILENO)
    if writeError != 0 { invocation.report(OutputError(writeError)) }
    guard let failure = invocation.firstFailure else { return status }
    return status == ExitStatus.done ? failure.status : status
  }

  private static func write(_ text: String) -> Int32 {
    var output = OutputBuffer()
    output.line(text)
    return output.flush(to: STDOUT_FILENO) == 0 ? ExitStatus.done : ExitStatus.failed
  }
}

/// Standard output that could not be written.
struct OutputError: Error, CustomStringConvertible {
  let description: String

  init(_ code: Int32) {
    description =
      "standard output cannot be written: \(String(cString: strerror(code))); the command itself is done"
  }
}

/// The time on the monotonic clock.
func monotonicNanoseconds() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

/// The time on a clock of the kernel.
func nanoseconds(_ clock: clockid_t) -> UInt64 {
  var time = timespec()
  clock_gettime(clock, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
