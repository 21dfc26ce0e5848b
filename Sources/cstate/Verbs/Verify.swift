internal import ContainerStateStore

extension CommandOption {
  static let repair = CommandOption("repair", "Mend what the store itself can decide")
  static let dryRun = CommandOption("dry-run", "With --repair: say what would be done, and change nothing")
}

extension Verb {
  static let verify = Verb(
    "verify", "Check every rule that the store has to keep", options: [.repair, .dryRun],
    details: [
      "Without --repair it changes nothing. Prints one line per violation; the exit status is 3 where there "
        + "is one, or one is left. Where standard error is a terminal it shows there how far it is.",
      "A repair makes indexes anew and moves what cannot be read, lacks a part or refers to what is not "
        + "there to the table quarantine of the database: nothing is deleted. What no rule decides is left "
        + "to a backup.",
    ],
    json: #"[{"rule": TEXT, "subject": TEXT, "message": TEXT}, …]; with --repair "#
      + #"{"actions": [{"rule": TEXT, "subject": TEXT, "action": TEXT}, …], "remaining": the array}"#,
    example: "cstate verify"
  ) { invocation in
    let isDryRun = invocation.arguments.has(.dryRun)
    guard invocation.arguments.has(.repair) else {
      if isDryRun { throw UsageError("--dry-run", "this is for --repair; add that", verb: "verify") }
      let bar = ProgressBar()
      let store = try invocation.store()
      let violations = try {
        defer { bar?.end() }
        return try store.verify(progress: bar.map { bar in { bar.draw($0) } })
      }()
      return report(violations, on: invocation)
    }
    let repair = try invocation.store().repair(dryRun: isDryRun)
    if invocation.settings.printsJSON {
      invocation.print(json(of: repair))
      return repair.remaining.isEmpty ? ExitStatus.done : ExitStatus.violations
    }
    if repair.actions.isEmpty {
      invocation.output.line("Nothing to repair.")
    } else {
      var table = Table("RULE", "SUBJECT", isDryRun ? "WOULD BE DONE" : "DONE")
      for action in repair.actions { table.add(action.rule, action.subject, action.description) }
      table.print(to: &invocation.output)
    }
    return repair.remaining.isEmpty ? ExitStatus.done : report(repair.remaining, on: invocation)
  }

  private static func report(_ violations: [Violation], on invocation: Invocation) -> Int32 {
    if invocation.settings.printsJSON {
      invocation.print(.objects(violations, write))
    } else if violations.isEmpty {
      invocation.output.line("No violation.")
    } else {
      var table = Table("RULE", "SUBJECT", "VIOLATION")
      for violation in violations { table.add(violation.rule, violation.subject, violation.message) }
      table.print(to: &invocation.output)
    }
    return violations.isEmpty ? ExitStatus.done : ExitStatus.violations
  }

  private static func json(of repair: RepairReport) -> JSONBytes {
    .object { json in
      json.objects("actions", repair.actions) { json, action in
        json.member("rule", action.rule)
        json.member("subject", action.subject)
        json.member("action", action.description)
      }
      json.objects("remaining", repair.remaining, write)
    }
  }

  static func write(_ json: inout JSONWriter, _ violation: Violation) {
    json.member("rule", violation.rule)
    json.member("subject", violation.subject)
    json.member("message", violation.message)
  }
}
