internal import ContainerStateStore

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
    state.exitCode = hasProcess ? nil : Int32(value % 256)
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
    guard let value = UInt64(state.errorText),
      state.finishedAt?.nanosecondsSinceEpoch == Int64(bitPattern: value)
    else { return nil }
    return value
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
