internal import CBenchFloor
internal import CPlatform
internal import ContainerStateStore
internal import StressSupport

/// The first durable commits of a store, made anew for each operation.
struct FreshWorkloads {
  let context: WorkloadContext
  let subject: Subject
  private static let commits = 1_000

  private var root: String { "\(context.place.root)/fresh-\(subject.name)-\(context.worker)" }
  private var databasePath: String { root + "/state.db" }

  func workload() throws -> Workload { subject == .store ? try store() : floor() }

  private func made() throws -> StateStore {
    _ = platform_remove_tree(root)
    let store = try StateStore(at: StoreLocation(root: root))
    try store.add(
      Corpus.configuration(0), specification: Corpus.specification, state: Corpus.state,
      stateExtra: Corpus.stateExtra)
    return store
  }

  private func store() throws -> Workload {
    let id = try ContainerID(Corpus.id(0))
    var store: StateStore?
    return Workload(
      before: { _ in store = try made() },
      perform: { _ in
        try store?.withLockedContainer(id, wait: .indefinitely) { locked in
          for _ in 0..<Self.commits { try locked.update(countRestart) }
        }
      }, after: { _ in try store?.close() })
  }

  private func floor() -> Workload {
    let id = CText(Corpus.id(0))
    let path = databasePath
    var database: OpaquePointer?
    return Workload(
      before: { _ in
        try made().close()
        // With a WAL of no length, as SQLite makes it.
        floor_leave_frames(path, 0)
        database = floor_open(path)
        floor_record_changes(database)
      },
      perform: { _ in for _ in 0..<Self.commits { floor_update(database, 1, id.start) } },
      after: { _ in floor_close(database, 0) })
  }
}
