internal import ContainerStateStore
internal import StoreHistory

/// What workers write, and how it is recognised when it is read.
///
/// Each write has a value of its own. It stands twice in the state, so that a row of which half is older
/// shows.
enum Content {
  /// The state with another value, and with another status that the table allows.
  static func change(_ state: inout ContainerState, to value: UInt64) {
    state.finishedAt = Timestamp(nanosecondsSinceEpoch: Int64(bitPattern: value))
    state.errorText = String(value)
    state.status = next(after: state.status, value)
    let hasProcess = state.status.hasProcess
    state.pid = hasProcess ? 1 : 0
    state.exitCode = hasProcess ? nil : exitCode(value)
  }

  /// Through the life of a container, now and then astray.
  private static func next(after status: ContainerStatus, _ value: UInt64) -> ContainerStatus {
    switch status {
    case .configured, .unknown: .created
    case .created: .running
    case .running: value % 3 == 0 ? .paused : value % 3 == 1 ? .stopping : .running
    case .paused: .running
    case .stopping: .stopped
    case .stopped: .exited
    case .exited: .created
    case .removing: .unknown
    }
  }

  /// The value that a state says twice; nil where the two differ.
  static func value(of state: ContainerState) -> UInt64? {
    guard let value = state.finishedAt.map({ UInt64(bitPattern: $0.nanosecondsSinceEpoch) }) else {
      return nil
    }
    if UInt64(state.errorText) == value { return value }
    // Where an exit was recorded the text is the one from before.
    let isEnd = [.stopped, .exited].contains(state.status) && state.exitCode == exitCode(value)
    return isEnd ? value : nil
  }

  /// The exit code that goes with a value.
  static func exitCode(_ value: UInt64) -> Int32 { Int32(value % 256) }

  /// A value as the embedder's own JSON, with the group by which records are found.
  static func extra(_ value: UInt64) throws -> JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    json.member("value", value)
    json.member("group", group(value))
    json.endObject()
    return json.finish()
  }

  static func value(of extra: JSONBytes?) -> UInt64? {
    guard let root = extra?.root, let value = try? root.at("value")?.int64() else { return nil }
    return UInt64(bitPattern: value)
  }

  /// Where the group stands: a path that is declared for every kind of JSON.
  static let groupPath = ["group"]
  static let groupCount: UInt64 = 8

  static func group(_ value: UInt64) -> String { "g\(value % groupCount)" }

  static func group(in extra: JSONBytes?) -> String? {
    extra.flatMap { try? $0.root.at("group")?.string() }
  }

  static func imageName(_ value: UInt64) -> String { "stress-\(value)" }

  /// The value that a configuration says twice; nil where the two differ.
  static func value(of configuration: ContainerConfiguration) -> UInt64? {
    guard let value = value(of: configuration.extra), configuration.imageName == imageName(value) else {
      return nil
    }
    return value
  }

  /// The label that says the value of a configuration for the third time.
  static let writtenLabel = "written"

  /// Whether the labels and the image that a listing shows are of one configuration.
  static func isOfOneConfiguration(_ summary: ContainerSummary) throws -> Bool {
    summary.imageName == (try summary.labels()[writtenLabel].flatMap(UInt64.init).map(imageName) ?? "")
  }

  /// A version as JSON, for what the store counts nothing of.
  static func json(_ version: Version) throws -> JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    json.member("generation", version.generation)
    json.member("revision", version.revision)
    json.member("value", version.value)
    json.endObject()
    return json.finish()
  }

  static func version(of json: JSONBytes?) -> Version? {
    guard let root = json?.root, let generation = try? root.at("generation")?.int64(),
      let revision = try? root.at("revision")?.int64(), let value = try? root.at("value")?.int64()
    else { return nil }
    return Version(generation: generation, revision: revision, value: UInt64(bitPattern: value))
  }

  /// Each write of a connection changes its options or its status, and counts on.
  static func version(of connection: NetworkConnection) -> Version? {
    guard let options = version(of: connection.options.extra) else { return nil }
    guard let status = version(of: connection.status) else { return connection.status == nil ? options : nil }
    guard status.generation == options.generation else { return nil }
    return options.revision > status.revision ? options : status
  }

  /// The value that a session says twice, with the grant under which it was added; nil where they differ.
  static func version(of session: ExecSession) -> Version? {
    guard let value = value(of: session.extra), session.exitCode == exitCode(value) else { return nil }
    return Version(
      generation: session.createdAt.nanosecondsSinceEpoch, revision: session.revision, value: value)
  }

  static func change(_ session: inout ExecSession, to value: UInt64) throws {
    session.extra = try extra(value)
    session.exitCode = exitCode(value)
  }

  static func version(of pod: Pod) -> Version? {
    UInt64(pod.state.controlGroupPath).map {
      Version(generation: pod.generation, revision: pod.stateRevision, value: $0)
    }
  }

  /// The value that a listing shows.
  static func value(of summary: ContainerSummary) -> UInt64? {
    summary.finishedAt.map { UInt64(bitPattern: $0.nanosecondsSinceEpoch) }
  }

  /// A specification of a few kilobytes, of which the length differs from container to container.
  static func specification(_ value: UInt64) -> JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    json.member("ociVersion", "1.0.2")
    json.member("hostname", String(value))
    json.key("annotations")
    json.beginObject()
    for number in 0..<(8 + value % 24) {
      json.member("org.example.stress.\(number)", String(repeating: "x", count: 64))
    }
    json.endObject()
    json.endObject()
    return json.finish()
  }
}
