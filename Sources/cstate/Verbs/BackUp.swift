internal import ContainerStateStore

extension CommandOption {
  static let replace = CommandOption("replace", "Give up what is there")
}

extension Verb {
  static let backUp = Verb(
    "backup", "Write all that the store holds into one file", operands: "FILE", count: 1...1,
    options: [.replace],
    details: [
      "One snapshot of everything, while others go on. The file is complete by itself; restore makes a store "
        + "of it. Where it cannot be finished there is no file.",
      "It holds environment and labels as they are: keep it as safe as the store.",
    ],
    json: #"{"path": TEXT, "size_bytes": NUMBER}"#, example: "cstate backup /srv/backups/containers.db"
  ) { invocation in
    let backup = try invocation.store().backUp(
      to: invocation.arguments.operands[0], replacing: invocation.arguments.has(.replace))
    if invocation.settings.printsJSON {
      invocation.print(
        .object { json in
          json.member("path", backup.path)
          json.member("size_bytes", backup.sizeBytes)
        })
    } else {
      invocation.output.line("\(visible(backup.path)), \(backup.sizeBytes) bytes")
    }
    return ExitStatus.done
  }
}
