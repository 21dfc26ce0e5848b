internal import ContainerStateStore
internal import Glibc

extension CommandOption {
  static let since = CommandOption(
    "since", value: "PLACE", "Begin after this change or moment; 0 for the oldest there is")
  static let until = CommandOption("until", value: "PLACE", "End with this change or at this moment")
  static let eventFilter = CommandOption(
    "filter", letter: "f", value: "KEY=VALUE", "Only those that match all filters; may be given several times"
  )
  static let noFollow = CommandOption("no-follow", "End where there are no more, instead of waiting for them")
  static let follow = CommandOption("follow", "Wait for more; the default")
}

extension Verb {
  static let events = Verb(
    "events", "Print changes as they are committed",
    options: [.since, .until, .eventFilter, .follow, .noFollow],
    details: [
      "Without --since it begins with what is changed from now on, with --no-follow at the oldest change. "
        + "A PLACE is the number of a change, as the first column has it, or a moment: nanoseconds since "
        + "1970, or -DURATION before now (-30s, -5m).",
      "Filters: kind=KIND, id=ID, action=ACTION; of several with one key one has to match. Whoever is ended "
        + "and goes on with --since and the last number he has read misses nothing. Where changes were "
        + "removed for their age or number before they were read, that is said on standard error, or in "
        + "JSON.",
    ],
    json: #"one object a line: {"sequence": NUMBER, "kind": TEXT, "id": TEXT, "action": TEXT, "from": TEXT, "#
      + #""to": TEXT, "revision": NUMBER, "writer_pid": NUMBER, "at_ns": NUMBER}, from and to being left "#
      + #"out where there is no status; {"trimmed_after": NUMBER} where changes are missing"#,
    example: "cstate events --since 0 --no-follow --filter kind=container"
  ) { invocation in
    try EventPrinter(invocation).run()
    return ExitStatus.done
  }
}

/// Reads changes and prints them until there is an end.
private struct EventPrinter {
  private let invocation: Invocation
  private let filter: EventFilter
  private let follows: Bool
  private let reader: ChangeReader
  private let start: ChangeSequence
  private let last: ChangeSequence?
  private let deadlineNanoseconds: UInt64

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    let arguments = invocation.arguments
    filter = try EventFilter(arguments.values(.eventFilter))
    if arguments.has(.follow), arguments.has(.noFollow) {
      throw UsageError("--follow", "it and --no-follow cannot be given together", verb: "events")
    }
    follows = !arguments.has(.noFollow)
    let since = try arguments.value(.since).map { try EventPlace($0, option: "--since") }
    let until = try arguments.value(.until).map { try EventPlace($0, option: "--until") }
    let store = try invocation.store()
    reader = try ChangeReader(store)
    switch since {
    case .sequence(.beginning): start = try store.placeBeforeOldestChange()
    case .sequence(let sequence): start = sequence
    case .moment(let moment): start = try store.lastChange(before: moment)
    case nil: start = follows ? try store.lastChange() : try store.placeBeforeOldestChange()
    }
    var (last, deadline) = (ChangeSequence?.none, UInt64.max)
    switch until {
    case .sequence(let sequence): last = sequence
    case .moment(let moment):
      let now = Int64(nanoseconds(CLOCK_REALTIME))
      if moment.nanosecondsSinceEpoch <= now { last = try store.lastChange(before: moment) }
      deadline = monotonicNanoseconds() + UInt64(max(0, moment.nanosecondsSinceEpoch - now))
    case nil: break
    }
    self.last = last
    deadlineNanoseconds = deadline
  }

  func run() throws {
    var position = start
    while last.map({ position < $0 }) ?? true {
      let batch =
        follows
        ? try reader.wait(after: position, deadlineNanoseconds: deadlineNanoseconds)
        : try reader.next(after: position)
      // Without a change the deadline has passed, or there are no more.
      if batch.isEmpty { return }
      if batch.wasTrimmed { sayTrimmed(after: position) }
      for damage in batch.corrupt { invocation.report(damage) }
      for change in batch.changes where last.map({ change.sequence <= $0 }) ?? true {
        if filter.lets(change) { print(change) }
      }
      position = batch.position
      let code = invocation.output.flush(to: STDOUT_FILENO)
      if code != 0 { throw OutputError(code) }
    }
  }

  private func sayTrimmed(after position: ChangeSequence) {
    guard invocation.settings.printsJSON else {
      return invocation.notice("changes after \(position.rawValue) were removed before they were read")
    }
    line { $0.member("trimmed_after", position.rawValue) }
  }

  private func print(_ change: Change) {
    guard invocation.settings.printsJSON else {
      let ends = [change.fromStatus, change.toStatus].map { $0?.name ?? "-" }.joined(separator: " → ")
      let hasStatus = change.fromStatus != nil || change.toStatus != nil
      return invocation.output.line(
        "\(change.sequence.rawValue) \(change.changedAt) \(change.kind.name) \(change.action.name) "
          + printable(change.id, limit: 255) + (hasStatus ? " (\(ends))" : ""))
    }
    line { json in
      json.member("sequence", change.sequence.rawValue)
      json.member("kind", change.kind.name)
      json.member("id", change.id)
      json.member("action", change.action.name)
      json.member("from", change.fromStatus?.name)
      json.member("to", change.toStatus?.name)
      json.member("revision", change.revision)
      json.member("writer_pid", change.writerPID)
      json.member("at_ns", change.changedAt.nanosecondsSinceEpoch)
    }
  }

  /// One object on one line.
  private func line(_ write: (inout JSONWriter) -> Void) {
    invocation.output.line(String(decoding: JSONBytes.object(write).bytes, as: UTF8.self))
  }
}

/// Where a listing of changes begins or ends.
private enum EventPlace {
  case sequence(ChangeSequence)
  case moment(Timestamp)

  init(_ text: String, option: String) throws(UsageError) {
    if text.first == "-" {
      guard let duration = try? Settings.duration(String(text.dropFirst()), of: .since) else {
        throw UsageError("\(option) \(text)", "a time before now is -30s, -5m or -2h", verb: "events")
      }
      let (seconds, attoseconds) = duration.components
      let age = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
      self = .moment(Timestamp(nanosecondsSinceEpoch: Int64(nanoseconds(CLOCK_REALTIME)) - age))
      return
    }
    guard let number = Int64(text), number >= 0 else {
      throw UsageError(
        "\(option) \(text)", "a place is the number of a change, nanoseconds since 1970, or -DURATION",
        verb: "events")
    }
    // No store has seen so many changes as there were nanoseconds until this century.
    self =
      text.utf8.count >= 18
      ? .moment(Timestamp(nanosecondsSinceEpoch: number)) : .sequence(ChangeSequence(rawValue: number))
  }
}

/// The filters of `events`.
private struct EventFilter {
  private var kinds: Set<RecordKind> = []
  private var actions: Set<ChangeAction> = []
  private var ids: Set<String> = []

  init(_ texts: [String]) throws(UsageError) {
    for text in texts {
      let key = String(text.prefix { $0 != "=" })
      guard key.count < text.count else {
        throw UsageError("--filter \(text)", "a filter is KEY=VALUE", verb: "events")
      }
      try add(key, String(text.dropFirst(key.count + 1)))
    }
  }

  private mutating func add(_ key: String, _ value: String) throws(UsageError) {
    switch key {
    case "kind":
      guard let kind = RecordKind.allCases.first(where: { $0.name == value }) else {
        throw Self.unknown("kind", value, RecordKind.allCases.map(\.name))
      }
      kinds.insert(kind)
    case "action":
      guard let action = ChangeAction.allCases.first(where: { $0.name == value }) else {
        throw Self.unknown("action", value, ChangeAction.allCases.map(\.name))
      }
      actions.insert(action)
    case "id": ids.insert(value)
    default: throw Self.unknown("filter", key, ["kind", "id", "action"])
    }
  }

  private static func unknown(_ what: String, _ value: String, _ names: [String]) -> UsageError {
    UsageError("--filter \(value)", "\(what): one of \(names.joined(separator: ", "))", verb: "events")
  }

  func lets(_ change: Change) -> Bool {
    (kinds.isEmpty || kinds.contains(change.kind)) && (actions.isEmpty || actions.contains(change.action))
      && (ids.isEmpty || ids.contains(change.id))
  }
}
