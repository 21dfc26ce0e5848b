internal import OCIEngine

extension CommandOption {
  static let time = CommandOption(
    "time", letter: "t", value: "SECONDS",
    "How long to wait before killing; else what the container's configuration says")
}

extension Verb {
  static let stop = Verb(
    "stop", "Stop containers: ask, wait, then kill", operands: "NAME…", count: oneOrMore, options: [.time],
    details: [
      "Sends the container's stop signal (TERM), waits, and kills what still runs. Prints each name when "
        + "it has ended."
    ],
    json: actedOnJSON, example: "cstate stop --time 3 web"
  ) { invocation in
    let timeout = try invocation.arguments.value(.time).map(seconds)
    return try invocation.actOnEachContainer { try $0.stop($1, timeout: timeout) }
  }

  private static func seconds(_ text: String) throws(UsageError) -> Duration {
    guard let seconds = UInt32(text) else {
      throw UsageError("--time \(text)", "a whole number of seconds is needed", verb: "stop")
    }
    return .seconds(Int64(seconds))
  }
}
