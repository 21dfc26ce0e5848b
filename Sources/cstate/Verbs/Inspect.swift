internal import ContainerStateStore

extension CommandOption {
  static let showSecrets = CommandOption(
    "show-secrets", "Show the values of environment variables, labels and annotations")
}

extension Verb {
  static let inspect = Verb(
    "inspect", "Show everything about containers, as JSON", operands: "NAME…", count: oneOrMore,
    options: [.showSecrets],
    details: [
      "Values of environment variables, labels and annotations are hidden unless --show-secrets is given: "
        + "they often hold passwords."
    ],
    json: "(also without it) [{\"id\", \"name\", \"created_at_ns\", \"created_zone_offset_s\", \"image_id\", "
      + "\"image_name\", \"generation\", \"configuration_revision\", \"state_revision\", "
      + "\"configuration\": {…}, \"extra\", \"state\": {…}, \"state_extra\", "
      + "\"specification\": the OCI specification}, …]; what is not known is left out",
    example: "cstate inspect web"
  ) { invocation in
    let store = try invocation.store()
    let showsSecrets = invocation.arguments.has(.showSecrets)
    var json = JSONWriter(reservingBytes: 16_384)
    json.beginArray()
    for operand in invocation.arguments.operands {
      do {
        let found = try InspectedContainer(operand, store: store)
        found.write(to: &json, showsSecrets: showsSecrets)
      } catch {
        invocation.report(error, subject: operand)
      }
    }
    json.endArray()
    invocation.print(json.finish())
    return ExitStatus.done
  }
}
