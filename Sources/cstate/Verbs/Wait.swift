internal import ContainerStateStore
internal import OCIEngine

extension CommandOption {
  static let timeout = CommandOption(
    "timeout", value: "DURATION", "Give up after so long: 500ms, 30s, 5m (forever)")
}

extension Verb {
  static let wait = Verb(
    "wait", "Wait for containers to end", operands: "NAME…", count: oneOrMore, options: [.timeout],
    details: [
      "Prints each exit code on a line of its own, in the order of the names: 128 and the signal's number "
        + "where one killed it, -1 where the process that could have known was killed too."
    ],
    json: #"[{"name": TEXT as given, "id": TEXT, "exit_code": NUMBER}, …], without those that failed"#,
    example: "cstate wait --timeout 30s web"
  ) { invocation in
    let timeout = try Settings.duration(invocation.arguments.value(.timeout) ?? "forever", of: .timeout)
    let deadlineNanoseconds = timeout.map { deadline(after: $0) } ?? UInt64.max
    let engine = try invocation.engine()
    var codes: [(name: String, id: ContainerID, code: Int32)] = []
    try invocation.forEachContainer { name, id in
      codes.append((name, id, try engine.wait(id, deadlineNanoseconds: deadlineNanoseconds)))
    }
    print(codes, on: invocation)
    return ExitStatus.done
  }

  private static func deadline(after duration: Duration) -> UInt64 {
    let (seconds, attoseconds) = duration.components
    guard seconds < Int64.max / 2_000_000_000 else { return .max }
    return monotonicNanoseconds() + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }

  private static func print(
    _ codes: [(name: String, id: ContainerID, code: Int32)], on invocation: Invocation
  ) {
    guard invocation.settings.printsJSON else {
      for (_, _, code) in codes { invocation.output.line("\(code)") }
      return
    }
    invocation.print(
      .objects(codes) { json, element in
        let (name, id, code) = element
        json.member("name", name)
        json.member("id", id.rawValue)
        json.member("exit_code", code)
      })
  }
}
