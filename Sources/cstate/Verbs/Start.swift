internal import OCIEngine

extension Verb {
  static let start = Verb(
    "start", "Start containers", operands: "NAME…", count: oneOrMore,
    details: ["A container that has ended is created anew and started again. Prints each name when it runs."],
    json: actedOnJSON, example: "cstate start web db"
  ) { invocation in
    try invocation.actOnEachContainer { try $0.start($1) }
  }
}
