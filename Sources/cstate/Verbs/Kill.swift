internal import OCIEngine

extension CommandOption {
  static let signal = CommandOption(
    "signal", letter: "s", value: "SIGNAL", "A signal's name or number (KILL)")
}

extension Verb {
  static let kill = Verb(
    "kill", "Send a signal to containers", operands: "NAME…", count: oneOrMore, options: [.signal],
    details: ["The signal goes to the container's first process. Prints each name when it is sent."],
    json: actedOnJSON, example: "cstate kill --signal HUP web"
  ) { invocation in
    let signal = try SignalName.number(invocation.arguments.value(.signal) ?? "KILL")
    return try invocation.actOnEachContainer { try $0.kill($1, signal: signal) }
  }
}

/// The signals of Linux by name; their numbers are the same on every architecture this runs on.
enum SignalName {
  private static let names = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "IO", "PWR", "SYS",
  ]

  /// The number of a signal that is given as `TERM`, `SIGTERM`, `term` or `15`.
  static func number(_ text: String) throws(UsageError) -> Int32 {
    if let number = Int32(text), (1...64).contains(number) { return number }
    let upper = text.uppercased()
    let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
    guard let index = names.firstIndex(of: name) else {
      let hint = nearest(to: name, among: names).map { "; did you mean \($0)?" } ?? ", as in TERM or 15"
      throw UsageError("--signal \(text)", "there is no such signal\(hint)", verb: "kill")
    }
    return Int32(index + 1)
  }
}
