internal import ContainerStateStore

extension Verb {
  static let restore = Verb(
    "restore", "Make a store of a backup", operands: "FILE", count: 1...1, options: [.replace],
    details: [
      "The store comes to be where --root and the environment say. The backup is checked whole before "
        + "anything is changed. Where a store is there already, --replace gives it up; nobody may have it "
        + "open.",
      "Afterwards cstate recover settles what has changed on this machine since the backup was made.",
    ],
    json: "{\"root\": TEXT, \"containers\": NUMBER, \"replaced\": BOOL, "
      + "\"violations\": [{\"rule\": TEXT, \"subject\": TEXT, \"message\": TEXT}, …]}",
    example: "cstate restore /srv/backups/containers.db"
  ) { invocation in
    let report = try StateStore.restore(
      from: invocation.arguments.operands[0], to: invocation.settings.location(),
      replacing: invocation.arguments.has(.replace))
    if invocation.settings.printsJSON {
      invocation.print(
        .object { json in
          json.member("root", report.root)
          json.member("containers", report.containerCount)
          json.member("replaced", report.hasReplaced)
          json.objects("violations", report.violations, Verb.write)
        })
    } else {
      invocation.output.line("\(visible(report.root)), containers: \(report.containerCount)")
      if !report.violations.isEmpty {
        invocation.notice(
          "the backup breaks \(report.violations.count) rules of the store; see 'cstate verify'")
      }
    }
    return ExitStatus.done
  }
}
