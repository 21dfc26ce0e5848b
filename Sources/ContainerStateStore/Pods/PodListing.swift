internal import SQLiteStorage
public import StateModel

/// A listing of pods as one snapshot had it.
public struct PodList: Sendable {
  /// What could be read, newest first.
  public let pods: [PodSummary]
  /// One `corrupt` error for each pod that could not be read (INVARIANT I-16).
  public let corrupt: [StoreError]
}

/// A filter of pods as SQL: one statement, every value bound.
struct PodListing {
  private let conditions: ListingConditions

  /// - Throws: `invalidArgument` for more labels than SQLite takes in one statement.
  init(_ filter: PodFilter) throws(StoreError) {
    try ListingConditions.check(filter.labels.count, of: "labels")
    conditions = ListingConditions(
      kind: .pod, narrow: try Self.narrow(of: filter),
      wide: filter.nameContaining.map { [("instr(r.name, ?) > 0", [.text($0)])] } ?? [], limit: filter.limit)
  }

  var values: [FilterValue] { conditions.values }

  /// The conditions that an index answers, the one that is likely to let the fewest through first.
  private static func narrow(of filter: PodFilter) throws(StoreError) -> [FilterCondition] {
    var found: [FilterCondition] = []
    if let prefix = filter.idPrefix { found.append(.range("r.id", prefix)) }
    for case .equals(let key, let value) in filter.labels {
      found.append(.label(key, value, in: .pod))
    }
    for extra in filter.extra { found.append(try extra.condition(.podConfiguration, .podState)) }
    for case .present(let key) in filter.labels { found.append(.label(key, in: .pod)) }
    return found
  }

  /// The ids, newest first.
  func ids(in connection: Connection) throws -> [ContainerID] {
    let row = try conditions.statement(sql(selecting: "r.id, r.generation"), in: connection)
    return try ContainerRows.readableIDs(row).map(\.id)
  }

  func sql(selecting columns: String) -> String {
    """
    SELECT \(columns) FROM record r WHERE \(conditions.sql)
    ORDER BY r.created_at_ns DESC, r.generation DESC\(conditions.limitSQL)
    """
  }

  /// A row for each status that members of a pod have, the rows of one pod together.
  var summarySQL: String {
    """
    SELECT p.generation, p.id, p.name, p.created_at_ns, max(i.id), s.status, count(m.container)
    FROM (\(sql(selecting: "r.generation, r.id, r.name, r.created_at_ns"))) p
      LEFT JOIN pod_member m ON m.pod = p.generation
      LEFT JOIN container_state s ON s.generation = m.container
      LEFT JOIN record i ON m.is_infrastructure = 1 AND i.generation = m.container
    GROUP BY p.created_at_ns, p.generation, s.status
    ORDER BY p.created_at_ns DESC, p.generation DESC
    """
  }

  /// What a listing shows, newest first.
  func summaries(in connection: Connection) throws -> PodList {
    let row = try conditions.statement(summarySQL, in: connection)
    var pods: [(generation: Int64, summary: PodSummary)] = []
    var corrupt: [(generation: Int64, error: StoreError)] = []
    while try row.step() {
      let generation = try row.int64(0)
      do {
        if pods.last?.generation != generation { pods.append((generation, try summary(row))) }
        try addMembers(row, to: &pods[pods.count - 1].summary)
      } catch {
        let damage = StoreError.mapped(error)
        guard damage.code == .corrupt else { throw damage }
        if corrupt.last?.generation != generation { corrupt.append((generation, damage)) }
      }
    }
    return PodList(pods: pods.map(\.summary), corrupt: corrupt.map(\.error))
  }

  private func summary(_ row: borrowing Statement) throws -> PodSummary {
    let id = try ContainerRows.id(row, 1)
    return try StoreError.naming(id) {
      PodSummary(
        id: id, name: try row.string(2), createdAt: Timestamp(nanosecondsSinceEpoch: try row.int64(3)))
    }
  }

  /// The members of one status; a status that is damaged makes the member no less one.
  private func addMembers(_ row: borrowing Statement, to summary: inout PodSummary) throws {
    let count = try row.int64(6)
    summary.memberCount += count
    if !row.isNull(4) { summary.infrastructure = try ContainerRows.id(row, 4) }
    let status =
      row.isNull(5) ? nil : try StoreReads.skippingCorrupt { ContainerStatus(rawValue: try row.int32(5)) }
    if let status { summary.memberCountByStatus[status, default: 0] += count }
  }
}
