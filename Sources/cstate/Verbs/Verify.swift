internal import ContainerStateStore

extension Verb {
  static let verify = Verb(
    "verify", "Check every rule that the store has to keep",
    details: ["Changes nothing. Prints one line per violation; the exit status is 3 where there is one."],
    json: #"[{"rule": TEXT, "subject": TEXT, "message": TEXT}, …]"#, example: "cstate verify"
  ) { invocation in
    let violations = try invocation.store().verify()
    if invocation.settings.printsJSON {
      invocation.print(json(of: violations))
    } else if violations.isEmpty {
      invocation.output.line("No violation.")
    } else {
      var table = Table("RULE", "SUBJECT", "VIOLATION")
      for violation in violations { table.add(violation.rule, violation.subject, violation.message) }
      table.print(to: &invocation.output)
    }
    return violations.isEmpty ? ExitStatus.done : ExitStatus.violations
  }

  private static func json(of violations: [Violation]) -> JSONBytes {
    .objects(violations) { json, violation in
      json.member("rule", violation.rule)
      json.member("subject", violation.subject)
      json.member("message", violation.message)
    }
  }
}
