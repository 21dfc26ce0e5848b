extension Verb {
  static let completion = Verb(
    "completion", "Print a script that completes its command lines in a shell", operands: "SHELL",
    count: 1...1,
    details: [
      "SHELL is \(Completion.shells.joined(separator: ", ")). For this session: "
        + "source <(cstate completion bash)."
    ],
    json: "the same script", example: "cstate completion bash"
  ) { invocation in
    let shell = invocation.arguments.operands[0]
    guard let script = Completion.script(for: shell) else {
      throw UsageError(shell, "the shell is one of " + Completion.shells.joined(separator: ", "))
    }
    invocation.output.line(script)
    return ExitStatus.done
  }

  static let manual = Verb(
    "manual", "Print the manual page", details: ["For man(1): cstate manual > cstate.1."],
    json: "the same page", example: "cstate manual"
  ) { invocation in
    invocation.output.line(Manual.page)
    return ExitStatus.done
  }
}
