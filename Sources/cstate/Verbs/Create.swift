internal import ContainerStateStore
internal import OCIEngine

extension CommandOption {
  static let name = CommandOption(
    "name", value: "NAME", "The container's name; without it one is made from its id")
  static let id = CommandOption(
    "id", value: "ID", "The container's id; without it one is made of 64 hex digits")
  static let label = CommandOption(
    "label", letter: "l", value: "KEY=VALUE", "A label; may be given several times")
  static let image = CommandOption("image", value: "IMAGE", "What listings show as its image")
}

extension Verb {
  static let create = Verb(
    "create", "Create a container from an OCI bundle", operands: "BUNDLE", count: 1...1,
    options: [.name, .id, .label, .image],
    details: [
      bundle, "Prints the new container's id; its process waits for cstate start.", fallback,
    ],
    json: #"{"id": TEXT, "name": TEXT}"#,
    example: "cstate create --name web --label tier=front ./bundle"
  ) { invocation in
    let container = try invocation.createContainer(standardIO: .null)
    if invocation.settings.printsJSON {
      invocation.print(json(of: container))
    } else {
      invocation.output.line(container.id.rawValue)
    }
    return ExitStatus.done
  }

  /// Help about the operand of `create` and `run`.
  static let bundle =
    "BUNDLE is a directory with a config.json and a root file system. Its process.terminal counts as false."
  /// Help about what they do where no OCI runtime can run.
  static let fallback =
    "Where no OCI runtime can run, the container is a plain child process without any isolation, and a "
    + "line on standard error says so; --runtime builtin asks for that."

  /// What `create` and `run --detach` print of a new container.
  static func json(of container: Container) -> JSONBytes {
    .object { json in
      json.member("id", container.id.rawValue)
      json.member("name", container.name)
    }
  }
}

extension Invocation {
  /// The container that the operand and the options of `create` and `run` describe.
  func createContainer(standardIO: StandardIO) throws -> Container {
    let id = try arguments.value(.id).map { text throws(StoreError) in try ContainerID(text) }
    let engine = try engine()
    // A plain process can do all that its user can: whoever did not choose that shall know.
    if settings.runtime == .automatic, let text = try engine.selectedRuntime().notice { notice(text) }
    return try engine.create(
      bundle: arguments.operands[0], id: id, name: arguments.value(.name), labels: labels(),
      imageName: arguments.value(.image) ?? "", standardIO: standardIO)
  }

  private func labels() throws(UsageError) -> [String: String] {
    var labels: [String: String] = [:]
    for text in arguments.values(.label) {
      let key = String(text.prefix { $0 != "=" })
      guard !key.isEmpty, key.count < text.count else {
        throw UsageError("--label \(text)", "a label is KEY=VALUE, and its key is not empty", verb: verb.name)
      }
      labels[key] = String(text.dropFirst(key.count + 1))
    }
    return labels
  }
}
