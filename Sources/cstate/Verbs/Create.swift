internal import ContainerStateStore
internal import OCIEngine

extension CommandOption {
  static let name = CommandOption(
    "name", value: "NAME", "The container's name; without it one is made from its id")
  static let id = CommandOption(
    "id", value: "ID", "The container's id; without it one is made of 64 hex digits")
  static let label = CommandOption(
    "label", letter: "l", value: "KEY=VALUE", "A label; may be given several times")
  static let inPod = CommandOption("pod", value: "POD", "The pod it is in")
  static let volume = CommandOption(
    "volume", letter: "v", value: "VOLUME:PATH[:OPTIONS]",
    "A volume it uses, and where; may be given several times")
  static let dependsOn = CommandOption(
    "depends-on", value: "NAME", "A container it depends on; may be given several times")
  static let image = CommandOption("image", value: "IMAGE", "What listings show as its image")
}

extension Verb {
  static let create = Verb(
    "create", "Create a container from an OCI bundle", operands: "BUNDLE", count: 1...1,
    options: description,
    details: [
      bundle, relations, "Prints the new container's id; its process waits for cstate start.", fallback,
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

  /// Options of `create` and `run` that describe the container.
  static let description: [CommandOption] = [.name, .id, .label, .image, .inPod, .volume, .dependsOn]
  /// Help about the operand of `create` and `run`.
  static let bundle =
    "BUNDLE is a directory with a config.json and a root file system. Its process.terminal counts as false."
  /// Help about what a container is related to.
  static let relations =
    "Pod, volumes and dependencies are recorded: they exist, and who is named is not removed before the "
    + "container. What is mounted and shared is for the bundle to say."
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
      bundle: arguments.operands[0], id: id, name: arguments.value(.name),
      details: details(in: engine.store), imageName: arguments.value(.image) ?? "", standardIO: standardIO)
  }

  private func details(in store: StateStore) throws -> ContainerDetails {
    var details = ContainerDetails()
    details.labels = try pairs(.label, called: "label")
    details.pod = try arguments.value(.inPod).map { try store.lookUpPod($0).id }
    details.dependencies = Set(try arguments.values(.dependsOn).map { try store.lookUpContainer($0).id })
    details.volumes = try arguments.values(.volume).map { text in
      let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count >= 2, parts[1].hasPrefix("/") else {
        throw UsageError(
          "--volume \(text)", "a volume is VOLUME:PATH[:OPTIONS], and PATH is absolute", verb: verb.name)
      }
      let options = parts.count == 3 ? parts[2].split(separator: ",").map(String.init) : []
      return NamedVolume(name: try VolumeName(parts[0]), destination: parts[1], options: options)
    }
    return details
  }
}
