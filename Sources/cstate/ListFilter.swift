internal import ContainerStateStore

/// The options of `ps` as a filter of the store.
struct ListFilter {
  private(set) var filter = ContainerFilter()

  init(_ arguments: CommandArguments, store: StateStore) throws {
    for text in arguments.values(.filter) {
      let key = String(text.prefix { $0 != "=" })
      guard key.count < text.count else {
        throw UsageError("--filter \(text)", "a filter is KEY=VALUE", verb: "ps")
      }
      try add(key: key, value: String(text.dropFirst(key.count + 1)), store: store)
    }
    if let text = arguments.value(.sort) { try sort(by: text) }
    if let text = arguments.value(.last) {
      guard let count = Int(text), count >= 0 else {
        throw UsageError("--last \(text)", "a whole number is needed", verb: "ps")
      }
      filter.limit = count
    }
    if filter.statuses == nil, filter.limit == nil, !arguments.has(.all) {
      filter.statuses = [.running, .paused, .stopping]
    }
  }

  /// Times begin with the latest, names with the first of the alphabet.
  private mutating func sort(by text: String) throws(UsageError) {
    let key = text.hasPrefix("-") ? String(text.dropFirst()) : text
    guard let sort = ContainerSort.allCases.first(where: { "\($0)" == key }) else {
      let keys = ContainerSort.allCases.map { "\($0)" }.joined(separator: ", ")
      throw UsageError("--sort \(text)", "a listing is sorted by one of \(keys)", verb: "ps")
    }
    filter.sort = sort
    filter.isAscending = (sort == .name || sort == .status) != text.hasPrefix("-")
  }

  private mutating func add(key: String, value: String, store: StateStore) throws {
    if key.hasPrefix("extra.") || key.hasPrefix("state-extra.") {
      return filter.extra.append(ExtraFilter(dotted: key, value))
    }
    switch key {
    case "status":
      guard let status = ContainerStatus(name: value) else {
        let names = ContainerStatus.allCases.map(\.name).joined(separator: ", ")
        throw UsageError("--filter status=\(value)", "a status is one of \(names)", verb: "ps")
      }
      filter.statuses = (filter.statuses ?? []).union([status])
    case "label": filter.labels.append(LabelFilter(value))
    case "name": filter.nameContaining = value
    case "id": filter.idPrefix = value
    case "pod": filter.pod = value
    case "volume": filter.volume = value
    case "network": filter.network = value
    case "ancestor": filter.images = (filter.images ?? []).union([value])
    case "pattern": filter.namePattern = value
    case "exited":
      guard let code = Int32(value) else {
        throw UsageError("--filter exited=\(value)", "an exit code is a number, −1 to 255", verb: "ps")
      }
      filter.exitCodes = (filter.exitCodes ?? []).union([code])
    case "depends-on": filter.dependantsOf = try store.lookUpContainer(value).id
    case "before": filter.createdBefore = try moment(value, store: store)
    case "since": filter.createdSince = try moment(value, store: store)
    default:
      let keys = [
        "status", "label", "name", "id", "pod", "volume", "network", "ancestor", "pattern", "exited",
        "depends-on", "before", "since", "extra.PATH", "state-extra.PATH",
      ]
      let hint = nearest(to: key, among: keys).map { "; did you mean \($0)?" } ?? ""
      throw UsageError(
        "--filter \(key)", "a filter is one of \(keys.joined(separator: ", "))\(hint)", verb: "ps")
    }
  }

  /// Nanoseconds since the epoch, or the moment at which the container that is named was created.
  private func moment(_ text: String, store: StateStore) throws(StoreError) -> Timestamp {
    // A name may consist of digits, but none is as long as a moment of this century.
    if text.utf8.count >= 18, let nanoseconds = Int64(text) {
      return Timestamp(nanosecondsSinceEpoch: nanoseconds)
    }
    return try store.lookUpContainer(text).configuration.createdAt
  }
}
