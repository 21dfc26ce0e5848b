internal import ContainerStateStore

/// Declared paths: `cstate extra-index …`.
extension Verb {
  static let extraIndexAdd = Verb(
    "extra-index add", "Declare a path in the extra JSON of records, to find them by", operands: "KIND PATH",
    count: 2...2,
    details: [
      "KIND is one of \(extraOwners), PATH the names of members with dots between them. It stays declared. "
        + "Then cstate ps --filter extra.PATH=VALUE finds containers by their configuration's JSON, and "
        + "state-extra.PATH=VALUE by their state's."
    ],
    json: "nothing", example: "cstate extra-index add container owner.name"
  ) { invocation in
    try invocation.store().declareExtraIndex(extraIndex(invocation))
    return ExitStatus.done
  }

  static let extraIndexRemove = Verb(
    "extra-index rm", "End the declaration of a path", operands: "KIND PATH", count: 2...2, json: "nothing",
    example: "cstate extra-index rm container owner.name"
  ) { invocation in
    let index = try extraIndex(invocation)
    guard try invocation.store().dropExtraIndex(index) else {
      throw StoreError(.notFound, subject: index.pathText, message: "this path is not declared")
    }
    return ExitStatus.done
  }

  static let extraIndexList = Verb(
    "extra-index ls", "List the paths that are declared",
    json: #"[{"kind": TEXT, "path": [TEXT, …]}, …]"#, example: "cstate extra-index ls"
  ) { invocation in
    let indexes = try invocation.store().extraIndexes()
    if invocation.settings.printsJSON {
      invocation.print(
        .objects(indexes) { json, index in
          json.member("kind", index.owner.word)
          json.member("path", index.path)
        })
    } else {
      var table = Table("KIND", "PATH")
      for index in indexes { table.add(index.owner.word, printable(index.pathText, limit: 255)) }
      table.print(to: &invocation.output)
    }
    return ExitStatus.done
  }

  private static func extraIndex(_ invocation: Invocation) throws -> ExtraIndex {
    let operands = invocation.arguments.operands
    guard let owner = ExtraOwner.allCases.first(where: { $0.word == operands[0] }) else {
      throw UsageError(operands[0], "a kind is one of \(extraOwners)", verb: invocation.verb.name)
    }
    return try ExtraIndex(owner, path: ExtraFilter.names(dotted: operands[1]))
  }

  private static var extraOwners: String { ExtraOwner.allCases.map(\.word).joined(separator: ", ") }
}

extension ExtraOwner {
  /// What command lines call it.
  fileprivate var word: String {
    switch self {
    case .containerConfiguration: "container"
    case .containerState: "container-state"
    case .podConfiguration: "pod"
    case .podState: "pod-state"
    case .volumeConfiguration: "volume"
    case .volumeState: "volume-state"
    }
  }
}

extension ExtraFilter {
  static func names(dotted path: String) -> [String] {
    path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
  }

  /// A condition as a command line says it: the value is a bool or a number where it reads as one.
  init(dotted key: String, _ value: String) {
    let part: Part = key.hasPrefix("state-") ? .state : .configuration
    let path = Self.names(dotted: String(key.drop { $0 != "." }.dropFirst()))
    let read: ExtraValue =
      switch value {
      case "true", "false": .bool(value == "true")
      default: Int64(value).map { .integer($0) } ?? .string(value)
      }
    self.init(part, path: path, equals: read)
  }
}
