internal import ContainerStateStore

extension CommandOption {
  static let showSecrets = CommandOption(
    "show-secrets", "Show the values of environment variables, labels and annotations")
  static let type = CommandOption(
    "type", value: "KIND",
    "Only records of this kind: \(InspectedKind.all.map(\.name).joined(separator: ", "))")
}

extension Verb {
  static let inspect = Verb(
    "inspect", "Show everything about containers and other records, as JSON", operands: "NAME…",
    count: oneOrMore, options: [.type, .showSecrets],
    details: [
      "A record of any kind: a container or pod by name, id or the beginning of an id, a volume by name or "
        + "the beginning of it, an exec session by id, a network by name, with the containers that are "
        + "connected to it. A whole name or id goes before the beginning of one; what may still stand for "
        + "several records is an error that names them, and --type says which.",
      "Values of environment variables, labels and annotations are hidden unless --show-secrets is given: "
        + "they often hold passwords.",
    ],
    json: "(also without it) [{\"kind\": TEXT, …}, …]; of a container \"id\", \"name\", \"created_at_ns\", "
      + "\"created_zone_offset_s\", \"image_id\", "
      + "\"image_name\", \"generation\", \"configuration_revision\", \"state_revision\", "
      + "\"configuration\": {…}, \"extra\", \"state\": {…}, \"state_extra\", "
      + "\"specification\": the OCI specification; of a pod, a volume or an exec session what pod inspect, "
      + "volume inspect and exec-session ls print; of a network \"network\", \"containers\": [{\"id\", "
      + "\"name\" and what network ls prints}, …]; what is not known is left out",
    example: "cstate inspect web"
  ) { invocation in
    var kinds = InspectedKind.all
    if let name = invocation.arguments.value(.type) {
      kinds = kinds.filter { $0.name == name }
      if kinds.isEmpty {
        let names = InspectedKind.all.map(\.name).joined(separator: ", ")
        throw UsageError("--type \(name)", "a kind is one of \(names)", verb: "inspect")
      }
    }
    let store = try invocation.store()
    let showsSecrets = invocation.arguments.has(.showSecrets)
    var json = JSONWriter(reservingBytes: 16_384)
    json.beginArray()
    invocation.forEachOperand { operand in
      let (kind, record) = try InspectedKind.find(operand, among: kinds, in: store)
      json.beginObject()
      json.member("kind", kind)
      record.writeMembers(&json, showsSecrets)
      json.endObject()
    }
    json.endArray()
    invocation.print(json.finish())
    return ExitStatus.done
  }
}
