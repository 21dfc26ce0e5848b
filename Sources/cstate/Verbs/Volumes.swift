internal import ContainerStateStore
internal import OCIEngine

extension CommandOption {
  static let driver = CommandOption("driver", value: "NAME", "What provides it (local)")
  static let volumeOption = CommandOption(
    "option", letter: "o", value: "KEY=VALUE", "What its driver is told; may be given several times")
  static let volumeLabel = CommandOption(
    "label", letter: "l", value: "KEY=VALUE", "A label; may be given several times")
  static let storage = CommandOption("storage", value: "ID", "The id of its layer in the engine's storage")
  static let anonymous = CommandOption(
    "anonymous", "It goes with the last container that uses it")
  static let volumeFilter = CommandOption(
    "filter", value: "KEY=VALUE", "Only those that match; may be given several times")
  static let namesOnly = CommandOption("quiet", letter: "q", "Only names")
  static let volumeForce = CommandOption("force", letter: "f", "With all containers that use it")
}

/// Volumes: `cstate volume …`.
extension Verb {
  static let volumeAdd = Verb(
    "volume add", "Add a volume", operands: "NAME", count: 1...1,
    options: [.driver, .volumeOption, .volumeLabel, .storage, .anonymous],
    details: ["The volume is in the store alone; an engine makes the place for its data."],
    json: #"{"name": TEXT}"#, example: "cstate volume add data --label keep=yes"
  ) { invocation in
    let arguments = invocation.arguments
    var details = VolumeDetails()
    details.labels = try invocation.pairs(.volumeLabel, called: "label")
    details.options = try invocation.pairs(.volumeOption, called: "volume's option")
    let volume = try invocation.store().addVolume(
      VolumeConfiguration(
        name: VolumeName(arguments.operands[0]), createdAt: .now, driver: arguments.value(.driver) ?? "local",
        storageID: arguments.value(.storage).map { text throws(StoreError) in try ContainerID(text) },
        isAnonymous: arguments.has(.anonymous), details: details))
    if invocation.settings.printsJSON {
      invocation.print(.object { json in json.member("name", volume.name.rawValue) })
    } else {
      invocation.output.line(volume.name.rawValue)
    }
    return ExitStatus.done
  }

  static let volumeList = Verb(
    "volume ls", "List volumes by name", options: [.volumeFilter, .namesOnly],
    details: [
      "Filters are label=KEY, label=KEY=VALUE, name=TEXT (what the name contains), driver=NAME, and used=yes "
        + "or used=no (whether a container uses it).",
      "Damaged rows are named on standard error, the others are listed, and the exit status is that of "
        + "corrupt.",
    ],
    json: #"[{"name": TEXT, "driver": TEXT, "created_at_ns": NUMBER, "anonymous": BOOL, "mounts": NUMBER, "#
      + #""containers": NUMBER}, …]"#,
    example: "cstate volume ls --filter used=no"
  ) { invocation in
    let list = try invocation.store().volumeSummaries(where: volumeFilter(invocation.arguments))
    if invocation.settings.printsJSON {
      invocation.print(
        .objects(list.volumes) { json, volume in
          json.member("name", volume.name.rawValue)
          json.member("driver", volume.driver)
          json.member("created_at_ns", volume.createdAt.nanosecondsSinceEpoch)
          json.member("anonymous", volume.isAnonymous)
          json.member("mounts", volume.mountCount)
          json.member("containers", volume.userCount)
        })
    } else if invocation.arguments.has(.namesOnly) {
      for volume in list.volumes { invocation.output.line(volume.name.rawValue) }
    } else {
      var table = Table("VOLUME NAME", "DRIVER", "CONTAINERS", "MOUNTS")
      for volume in list.volumes {
        table.add(
          volume.name.rawValue, printable(volume.driver, limit: 64), "\(volume.userCount)",
          "\(volume.mountCount)")
      }
      table.print(to: &invocation.output)
    }
    for damage in list.corrupt { invocation.report(damage) }
    return ExitStatus.done
  }

  private static func volumeFilter(_ arguments: CommandArguments) throws(UsageError) -> VolumeFilter {
    var filter = VolumeFilter()
    for text in arguments.values(.volumeFilter) {
      let key = String(text.prefix { $0 != "=" })
      let value = String(text.dropFirst(key.count + 1))
      guard key.count < text.count else {
        throw UsageError("--filter \(text)", "a filter is KEY=VALUE", verb: "volume ls")
      }
      switch (key, value) {
      case ("label", _): filter.labels.append(LabelFilter(value))
      case ("name", _): filter.nameContaining = value
      case ("driver", _): filter.driver = value
      case ("used", "yes"): filter.isUsed = true
      case ("used", "no"): filter.isUsed = false
      case ("used", _):
        throw UsageError("--filter \(text)", "it is used=yes or used=no", verb: "volume ls")
      default:
        let keys = ["label", "name", "driver", "used"]
        let hint = nearest(to: key, among: keys).map { "; did you mean \($0)?" } ?? ""
        throw UsageError(
          "--filter \(key)", "a filter is one of \(keys.joined(separator: ", "))\(hint)", verb: "volume ls")
      }
    }
    return filter
  }

  static let volumeInspect = Verb(
    "volume inspect", "Show everything about volumes, as JSON", operands: "VOLUME…", count: oneOrMore,
    options: [.showSecrets],
    details: [
      "A volume is named by its name or by the beginning of it. Values of labels and options are hidden "
        + "unless --show-secrets is given."
    ],
    json: "(also without it) [{\"name\", \"driver\", \"created_at_ns\", \"anonymous\", \"storage_id\", "
      + "\"labels\": {…}, \"options\": {…}, \"scope\", \"uid\", \"gid\", \"mountpoint\", "
      + "\"needs_ownership_change\", \"needs_copy_up\", \"containers\": [TEXT, …], "
      + "\"mounted_by\": [TEXT, …], "
      + "\"generation\", \"configuration_revision\", \"state_revision\", \"extra\", \"state_extra\"}, …]",
    example: "cstate volume inspect data"
  ) { invocation in
    let store = try invocation.store()
    let showsSecrets = invocation.arguments.has(.showSecrets)
    var found: [InspectedVolume] = []
    invocation.forEachOperand { operand in
      let volume = try store.lookUpVolume(operand)
      found.append(
        InspectedVolume(
          volume: volume, users: try store.users(ofVolume: volume.name),
          mounters: try store.mounters(ofVolume: volume.name)))
    }
    invocation.print(.objects(found) { json, found in found.write(to: &json, showsSecrets: showsSecrets) })
    return ExitStatus.done
  }

  static let volumeRemove = Verb(
    "volume rm", "Remove volumes from the store", operands: "VOLUME…", count: oneOrMore,
    options: [.volumeForce],
    details: [
      "Its data are not touched. A volume that containers use stays unless --force is given. That ends and "
        + "removes them first."
    ],
    json: "nothing", example: "cstate volume rm data"
  ) { invocation in
    let store = try invocation.store()
    invocation.forEachOperand { operand in
      let name = try store.lookUpVolume(operand).name
      if invocation.arguments.has(.volumeForce) {
        // The engine ends each container before its row goes, so that no process is left without one.
        let engine = try invocation.engine()
        for id in try store.users(ofVolume: name) { try engine.remove(id, force: true) }
      }
      // An anonymous one has gone with them.
      if try store.hasVolume(name) { try store.removeVolume(name, wait: invocation.settings.lockWait) }
      if !invocation.settings.printsJSON { invocation.output.line(operand) }
    }
    return ExitStatus.done
  }
}

/// What `inspect` shows of a volume.
struct InspectedVolume {
  let volume: Volume
  let users: [ContainerID]
  let mounters: [ContainerID]

  func write(to json: inout JSONWriter, showsSecrets: Bool) {
    let (configuration, state) = (volume.configuration, volume.state)
    func shown(_ values: [String: String]) -> [String: String] {
      showsSecrets ? values : values.mapValues { _ in Redaction.hidden }
    }
    json.member("name", volume.name.rawValue)
    json.member("driver", configuration.driver)
    json.member("created_at_ns", configuration.createdAt.nanosecondsSinceEpoch)
    json.member("anonymous", configuration.isAnonymous)
    json.member("storage_id", configuration.storageID?.rawValue)
    json.member("labels", shown(configuration.details.labels))
    json.member("options", shown(configuration.details.options))
    json.member("scope", configuration.details.scope)
    json.member("uid", configuration.details.userID)
    json.member("gid", configuration.details.groupID)
    json.member("mountpoint", state.mountpoint.isEmpty ? nil : state.mountpoint)
    json.member("needs_ownership_change", state.needsOwnershipChange)
    json.member("needs_copy_up", state.needsCopyUp)
    json.member("containers", users.map(\.rawValue))
    json.member("mounted_by", mounters.map(\.rawValue))
    json.member("generation", volume.generation)
    json.member("configuration_revision", volume.configurationRevision)
    json.member("state_revision", volume.stateRevision)
    json.member("extra", configuration.extra)
    json.member("state_extra", volume.stateExtra)
  }
}

extension Invocation {
  /// The values of an option that are KEY=VALUE, by key.
  func pairs(_ option: CommandOption, called name: String) throws(UsageError) -> [String: String] {
    var pairs: [String: String] = [:]
    for text in arguments.values(option) {
      let key = String(text.prefix { $0 != "=" })
      guard !key.isEmpty, key.count < text.count else {
        throw UsageError(
          "--\(option.name) \(text)", "a \(name) is KEY=VALUE, and its key is not empty", verb: verb.name)
      }
      pairs[key] = String(text.dropFirst(key.count + 1))
    }
    return pairs
  }

  /// What `read` returns, or nil where what it asks for has gone since it was listed.
  func skippingMissing<R>(_ read: () throws -> R) throws -> R? {
    do { return try read() } catch let error as StoreError where error.code == .notFound { return nil }
  }
}

extension LabelFilter {
  /// A label as a command line names it: KEY or KEY=VALUE.
  init(_ text: String) {
    let key = String(text.prefix { $0 != "=" })
    self = key.count == text.count ? .present(key) : .equals(key, String(text.dropFirst(key.count + 1)))
  }
}
