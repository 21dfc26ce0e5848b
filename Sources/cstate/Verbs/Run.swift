internal import ContainerStateStore
internal import OCIEngine

extension CommandOption {
  static let removeAfterwards = CommandOption("rm", "Remove the container when it has ended")
  static let detach = CommandOption(
    "detach", letter: "d", "Print its id and do not wait; its output goes nowhere")
}

extension Verb {
  static let run = Verb(
    "run", "Create a container, start it and wait for its end", operands: "BUNDLE", count: 1...1,
    options: [.removeAfterwards, .detach] + description,
    details: [
      bundle, relations,
      "The container has the standard input and output of this command, whose exit status is the "
        + "container's: 128 and the signal's number where one killed it, 125 where cstate itself failed.",
      "INT, TERM, HUP and QUIT that this command gets go to the container.",
      fallback,
    ],
    json: #"with --detach {"id": TEXT, "name": TEXT}, else nothing but what the container prints"#,
    example: "cstate run --rm ./bundle"
  ) { invocation in
    do { return try carryOut(invocation) } catch {
      invocation.report(error)
      return ExitStatus.runFailed
    }
  }

  private static func carryOut(_ invocation: Invocation) throws -> Int32 {
    let isDetached = invocation.arguments.has(.detach)
    if isDetached, invocation.arguments.has(.removeAfterwards) {
      throw UsageError(
        "--detach --rm", "nobody would be there to remove it; leave one of them out", verb: "run")
    }
    let engine = try invocation.engine()
    // Before the monitor exists, so that no signal is lost between its start and ours.
    let signals = isDetached ? nil : SignalForwarding()
    let standardIO: StandardIO = isDetached ? .null : .inherit
    let container = try invocation.createContainer(standardIO: standardIO)
    do {
      try engine.start(container.id, standardIO: standardIO)
    } catch {
      if invocation.arguments.has(.removeAfterwards) { remove(container.id, engine, invocation) }
      throw error
    }
    guard let signals else {
      if invocation.settings.printsJSON {
        invocation.print(json(of: container))
      } else {
        invocation.output.line(container.id.rawValue)
      }
      return ExitStatus.done
    }
    signals.forward { signal in try? engine.kill(container.id, signal: signal) }
    let code = try engine.wait(container.id, deadlineNanoseconds: .max)
    if invocation.arguments.has(.removeAfterwards) { remove(container.id, engine, invocation) }
    if code < 0 {
      throw UnknownExit(container: container.name)
    }
    return code
  }

  /// The container's exit status stays the command's, even where it could not be removed; that is said.
  private static func remove(_ id: ContainerID, _ engine: Engine, _ invocation: Invocation) {
    do { try engine.remove(id, force: true) } catch { invocation.report(error, subject: id.short) }
  }
}

/// A container that ran, and whose end nobody saw.
private struct UnknownExit: Error, CustomStringConvertible {
  let container: String
  var description: String {
    "container \(container) has ended, but the monitor that could have seen its exit code was killed"
  }
}
