internal import OCIEngine

extension CommandOption {
  static let force = CommandOption("force", letter: "f", "Kill what still runs, and remove from any status")
}

extension Verb {
  static let remove = Verb(
    "rm", "Remove containers", operands: "NAME…", count: oneOrMore, options: [.force],
    details: [
      "A container that runs is not removed without --force, and one that others depend on not at all. Its "
        + "exit code goes with it. With --force its exec sessions end and go too; "
        + "without, they are in the way. Prints each name when it is gone."
    ],
    json: actedOnJSON, example: "cstate rm --force web"
  ) { invocation in
    let isForced = invocation.arguments.has(.force)
    return try invocation.actOnEachContainer { try $0.remove($1, force: isForced) }
  }
}
