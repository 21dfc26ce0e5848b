internal import SQLiteStorage
internal import StateModel

/// A value that a statement of a listing is bound to.
enum FilterValue {
  case text(String)
  case integer(Int64)
  case bytes([UInt8])

  func bind(to row: borrowing Statement, _ position: Int32) throws(StorageError) {
    switch self {
    case .text(let text): try row.bind(position, text)
    case .integer(let integer): try row.bind(position, integer)
    case .bytes(let bytes): try row.bind(position, bytes)
    }
  }
}

/// One condition of a filter, in the two forms that SQL can ask it in.
///
/// The form that searches begins the statement and reads what the condition lets through and nothing else;
/// the form that probes asks it of one row that another condition has found. Both take the same values.
struct FilterCondition {
  /// A term on ids, or a subquery for generations.
  let search: String
  /// A term on `r` and `s`.
  let probe: String
  let values: [FilterValue]
  /// The declared path that it needs.
  var extraIndex: ExtraIndex?

  init(search: String, probe: String, _ values: [FilterValue]) {
    self.search = search
    self.probe = probe
    self.values = values
  }

  /// A subquery for generations, which is the same with the row's own generation required.
  init(
    generations column: String, from source: String, _ term: String, _ values: [FilterValue],
    declaredBy index: ExtraIndex? = nil
  ) {
    extraIndex = index
    search = "r.generation IN (SELECT \(column) FROM \(source) WHERE \(term))"
    probe = "EXISTS (SELECT 1 FROM \(source) WHERE \(column) = r.generation AND \(term))"
    self.values = values
  }
}

extension FilterCondition {
  /// The conditions of a filter that an index answers, the one that is likely to let the fewest through
  /// first.
  static func narrow(of filter: ContainerFilter) throws(StoreError) -> [FilterCondition] {
    var found: [FilterCondition] = []
    if let prefix = filter.idPrefix { found.append(range("r.id", prefix)) }
    if let pattern = filter.namePattern, let prefix = NamePattern(pattern).literalPrefix {
      found.append(range("r.name", prefix))
    }
    if let id = filter.dependantsOf { found.append(dependants(of: id)) }
    if let pod = filter.pod { found.append(members(of: pod)) }
    found += filter.labels.compactMap {
      if case .equals(let key, let value) = $0 { label(key, value) } else { nil }
    }
    for extra in filter.extra { found.append(try extra.condition(.containerConfiguration, .containerState)) }
    if let volume = filter.volume { found.append(users(of: volume)) }
    if let network = filter.network {
      found.append(
        .init(
          generations: "n.container", from: "network_connection n", "n.network = ?", [.text(network)]))
    }
    if let images = filter.images { found.append(made(from: images.sorted())) }
    if let codes = filter.exitCodes { found.append(ended(with: codes)) }
    if let statuses = filter.statuses, statuses.isDisjoint(with: passive) { found.append(active(statuses)) }
    found += filter.labels.compactMap { if case .present(let key) = $0 { label(key) } else { nil } }
    if filter.exitedBefore != nil || filter.exitedSince != nil {
      found.append(ended(since: filter.exitedSince, before: filter.exitedBefore))
    }
    return found
  }

  /// The statuses that the index of active ones leaves out: most containers have one of them.
  private static let passive: Set<ContainerStatus> = [.configured, .exited]

  /// Ids and names are ASCII, so DEL comes after whatever may follow the prefix: an index range.
  static func range(_ column: String, _ prefix: String) -> FilterCondition {
    let term = "\(column) >= ? AND \(column) < ?"
    // The index of names begins with the kind.
    let search =
      column == "r.name"
      ? "r.generation IN (SELECT generation FROM record r WHERE kind = 1 AND \(term))" : term
    return .init(search: search, probe: term, [.text(prefix), .text(prefix + "\u{7F}")])
  }

  private static func dependants(of id: ContainerID) -> FilterCondition {
    .init(
      generations: "d.dependant", from: "dependency d",
      "d.dependency = (SELECT generation FROM record WHERE id = ?)", [.text(id.rawValue)])
  }

  private static func members(of pod: String) -> FilterCondition {
    .init(
      generations: "m.container", from: "pod_member m",
      """
      m.pod IN (SELECT generation FROM record WHERE id = ? AND kind = 2
        UNION ALL SELECT generation FROM record WHERE kind = 2 AND name = ?)
      """, [.text(pod), .text(pod)])
  }

  private static func users(of volume: String) -> FilterCondition {
    .init(
      generations: "u.container", from: "volume_use u",
      "u.volume = (SELECT generation FROM volume WHERE name = ?)", [.text(volume)])
  }

  static func label(
    _ key: String, _ value: String? = nil, in table: LabelTable = .container
  ) -> FilterCondition {
    .init(
      generations: "l.generation", from: "\(table.rawValue) l",
      value == nil ? "l.key = ?" : "l.key = ? AND l.value = ?",
      [.text(key)] + (value.map { [.text($0)] } ?? []))
  }

  /// The terms against the empty text are those of the indexes: SQLite uses a partial one for nothing else.
  private static func made(from images: [String]) -> FilterCondition {
    let list = images.map { _ in "?" }.joined(separator: ",")
    let values = images.map { FilterValue.text($0) }
    return .init(
      search: """
        r.generation IN (SELECT generation FROM record WHERE image_id <> '' AND image_id IN (\(list))
          UNION SELECT generation FROM record WHERE image_name <> '' AND image_name IN (\(list)))
        """,
      probe:
        "(r.image_id <> '' AND r.image_id IN (\(list)) OR r.image_name <> '' AND r.image_name IN (\(list)))",
      values + values)
  }

  /// Numbers of the library's own may stand in the text.
  private static func ended(with codes: Set<Int32>) -> FilterCondition {
    let list = codes.sorted().map(String.init).joined(separator: ",")
    return .init(
      search: """
        r.generation IN (SELECT generation FROM container_state
          WHERE exit_code IS NOT NULL AND exit_code IN (\(list)))
        """, probe: "s.exit_code IN (\(list))", [])
  }

  private static func active(_ statuses: Set<ContainerStatus>) -> FilterCondition {
    let list = statuses.map(\.rawValue).sorted().map(String.init).joined(separator: ",")
    return .init(
      search: """
        r.generation IN (SELECT generation FROM container_state
          WHERE status NOT IN (1, 7) AND status IN (\(list)))
        """, probe: "s.status IN (\(list))", [])
  }

  private static func ended(since: Timestamp?, before: Timestamp?) -> FilterCondition {
    let moments = [(">=", since), ("<", before)].compactMap { order, moment in moment.map { (order, $0) } }
    func term(_ column: String) -> String {
      moments.reduce("\(column) IS NOT NULL") { $0 + " AND \(column) \($1.0) ?" }
    }
    return .init(
      search: "r.generation IN (SELECT generation FROM container_state WHERE \(term("finished_at_ns")))",
      probe: term("s.finished_at_ns"), moments.map { .integer($0.1.nanosecondsSinceEpoch) })
  }
}

/// A pattern of names, of `*` and `?`.
struct NamePattern {
  private let text: String

  init(_ text: String) { self.text = text }

  /// The text that every name begins with; nil where it may begin with anything.
  var literalPrefix: String? {
    let prefix = text.prefix { $0 != "*" && $0 != "?" }
    return prefix.isEmpty ? nil : String(prefix)
  }

  /// The pattern for SQLite's GLOB, to which a bracket means more.
  var glob: String { text.split(separator: "[", omittingEmptySubsequences: false).joined(separator: "[[]") }
}
