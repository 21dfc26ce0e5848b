internal import ContainerStateStore

extension CommandOption {
  static let alias = CommandOption(
    "alias", value: "NAME", "A name others find it by; may be given several times")
  static let address = CommandOption(
    "ip", value: "ADDRESS", "An address of its own; may be given several times")
  static let interface = CommandOption("interface", value: "NAME", "The interface in the container")
  static let hardwareAddress = CommandOption("mac", value: "ADDRESS", "The interface's hardware address")
  static let olderThan = CommandOption("older-than", value: "DURATION", "How old they are at least (5m)")
}

/// Networks, exec sessions and exit codes of containers.
extension Verb {
  static let networkConnect = Verb(
    "network connect", "Record that a container is connected to a network", operands: "NETWORK NAME",
    count: 2...2, options: [.alias, .address, .interface, .hardwareAddress],
    details: ["The connection itself is an engine's to make."], json: "nothing",
    example: "cstate network connect front web --alias www"
  ) { invocation in
    let arguments = invocation.arguments
    var options = NetworkOptions()
    options.aliases = arguments.values(.alias)
    options.staticAddresses = arguments.values(.address)
    options.interfaceName = arguments.value(.interface) ?? ""
    options.hardwareAddress = arguments.value(.hardwareAddress) ?? ""
    let connection = try NetworkConnection(network: arguments.operands[0], options: options)
    try withContainer(arguments.operands[1], "connect network", invocation) { try $0.connect(connection) }
    return ExitStatus.done
  }

  static let networkDisconnect = Verb(
    "network disconnect", "Record that a container is not connected to a network any more",
    operands: "NETWORK NAME", count: 2...2, json: "nothing",
    example: "cstate network disconnect front web"
  ) { invocation in
    let operands = invocation.arguments.operands
    try withContainer(operands[1], "disconnect network", invocation) { try $0.disconnect(operands[0]) }
    return ExitStatus.done
  }

  static let networkList = Verb(
    "network ls", "List the networks of a container", operands: "NAME", count: 1...1,
    json: "[{\"network\": TEXT, \"aliases\": [TEXT, …], \"static_addresses\": [TEXT, …], "
      + "\"interface\": TEXT, \"mac\": TEXT, \"extra\", \"status\"}, …]; what is not known is left out",
    example: "cstate network ls web"
  ) { invocation in
    let store = try invocation.store()
    let container = try store.lookUpContainer(invocation.arguments.operands[0])
    let connections = try store.networks(of: container.id)
    if invocation.settings.printsJSON {
      invocation.print(
        .objects(connections) { json, found in
          json.member("network", found.network)
          json.members(of: found)
        })
    } else {
      var table = Table("NETWORK", "ADDRESSES", "ALIASES", "INTERFACE")
      for found in connections {
        let options = found.options
        table.add(
          found.network, printable(options.staticAddresses.joined(separator: ","), limit: 255),
          printable(options.aliases.joined(separator: ","), limit: 255),
          printable(options.interfaceName, limit: 64))
      }
      table.print(to: &invocation.output)
    }
    return ExitStatus.done
  }

  static let execSessionList = Verb(
    "exec-session ls", "List exec sessions, oldest first", operands: "[NAME]", count: 0...1,
    details: ["Of one container, or of all."],
    json: "[{\"id\": TEXT, \"container\": TEXT, \"command\": [TEXT, …], \"status\": TEXT, \"pid\": NUMBER, "
      + "\"exit_code\": NUMBER, \"created_at_ns\": NUMBER, \"revision\": NUMBER, \"extra\"}, …]; exit_code "
      + "and extra are left out where there is none",
    example: "cstate exec-session ls web"
  ) { invocation in
    let store = try invocation.store()
    let owner = try invocation.arguments.operands.first.map { try store.lookUpContainer($0).id }
    let sessions = try owner.map { try store.execSessions(of: $0) } ?? store.execSessions()
    if invocation.settings.printsJSON {
      invocation.print(.objects(sessions) { json, session in json.members(of: session) })
    } else {
      var table = Table("SESSION ID", "CONTAINER ID", "STATUS", "PID", "COMMAND")
      for session in sessions {
        table.add(
          session.id.short, session.container.short, session.status.name, "\(session.pid)",
          printable(session.command.joined(separator: " "), limit: 64))
      }
      table.print(to: &invocation.output)
    }
    return ExitStatus.done
  }

  static let execSessionRemove = Verb(
    "exec-session rm", "Remove exec sessions from the store", operands: "ID…", count: oneOrMore,
    details: ["A process of a session is not touched."], json: "nothing",
    example: "cstate exec-session rm 4f1c"
  ) { invocation in
    let store = try invocation.store()
    invocation.forEachOperand { operand in
      let session = try store.execSession(ContainerID(operand))
      try store.withLockedContainer(
        session.container, wait: invocation.settings.lockWait, operation: "remove exec session"
      ) { try $0.removeExecSession(session.id) }
      if !invocation.settings.printsJSON { invocation.output.line(operand) }
    }
    return ExitStatus.done
  }

  static let exitCodeList = Verb(
    "exit-code ls", "List the exit codes that are recorded, of containers that are gone too",
    json: #"[{"container": TEXT, "code": NUMBER, "recorded_at_ns": NUMBER}, …]"#,
    example: "cstate exit-code ls"
  ) { invocation in
    let codes = try invocation.store().exitCodes()
    if invocation.settings.printsJSON {
      invocation.print(
        .objects(codes) { json, code in
          json.member("container", code.container.rawValue)
          json.member("code", code.code)
          json.member("recorded_at_ns", code.recordedAt.nanosecondsSinceEpoch)
        })
    } else {
      var table = Table("CONTAINER ID", "CODE")
      for code in codes { table.add(code.container.short, "\(code.code)") }
      table.print(to: &invocation.output)
    }
    return ExitStatus.done
  }

  static let exitCodePrune = Verb(
    "exit-code prune", "Remove old exit codes of containers that are gone", options: [.olderThan],
    json: "[TEXT, …], the ids of their containers", example: "cstate exit-code prune --older-than 1h"
  ) { invocation in
    let text = invocation.arguments.value(.olderThan) ?? "5m"
    guard let age = try Settings.duration(text, of: .olderThan) else {
      throw UsageError("--older-than \(text)", "an age has an end: 500ms, 30s, 5m", verb: "exit-code prune")
    }
    let pruned = try invocation.store().pruneExitCodes(olderThan: age).map(\.rawValue)
    if invocation.settings.printsJSON {
      var json = JSONWriter()
      json.beginArray()
      for id in pruned { json.string(id) }
      json.endArray()
      invocation.print(json.finish())
    } else {
      for id in pruned { invocation.output.line(printable(id, limit: 128)) }
    }
    return ExitStatus.done
  }

  private static func withContainer(
    _ name: String, _ operation: String, _ invocation: Invocation,
    _ body: (borrowing LockedContainer) throws -> Void
  ) throws {
    let store = try invocation.store()
    let id = try store.lookUpContainer(name).id
    try store.withLockedContainer(id, wait: invocation.settings.lockWait, operation: operation, body)
  }
}
