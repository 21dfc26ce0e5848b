internal import SQLiteStorage
public import StateModel
internal import Synchronization

/// A container to look at again and again: its state, read afresh by `refresh`, and the network namespace
/// that follows it.
///
/// It stands for one row. Where that has been removed the handle says so for ever, even if the id was added
/// again.
public final class ContainerHandle: Sendable {
  /// The container as it was when the handle was made.
  public let initial: Container
  private let store: StateStore
  private let mutable: Mutex<Mutable>

  private struct Mutable {
    var state: ContainerState
    var revision: Int64
    var wasRemoved = false
    var networkNamespace: NetworkNamespace?
  }

  init(_ container: Container, store: StateStore) throws(StoreError) {
    initial = container
    self.store = store
    let namespace = try ContainerHandle.namespace(at: container.state.networkNamespacePath, keeping: nil)
    mutable = Mutex(
      Mutable(state: container.state, revision: container.stateRevision, networkNamespace: namespace))
  }

  /// The container's id.
  public var id: ContainerID { initial.id }
  /// The state as of the last `refresh`.
  public var state: ContainerState { mutable.withLock { $0.state } }
  /// The revision of that state; it grows by one per write.
  public var stateRevision: Int64 { mutable.withLock { $0.revision } }
  /// Whether a `refresh` found that the container has been removed.
  public var wasRemoved: Bool { mutable.withLock { $0.wasRemoved } }
  /// The container's network namespace, open; nil where it has none.
  public var networkNamespace: NetworkNamespace? { mutable.withLock { $0.networkNamespace } }

  /// Reads the state again; the network namespace follows it: the same path keeps the open one, another is
  /// opened in its place, none closes it.
  ///
  /// - Returns: the state.
  /// - Throws: `notFound` the first time the row is gone and `removed` from then on; `invalidArgument`
  ///   where the path is no network namespace, in which case the handle stays as it was.
  /// - Blocking: for nobody.
  @discardableResult
  public func refresh() throws(StoreError) -> ContainerState {
    try store.checkUsable("refresh container")
    if wasRemoved { throw StoreError.removed(id).during("refresh container") }
    let generation = initial.generation
    let found = try store.answer("refresh container", .row(id, generation: generation)) {
      try ContainerRows.state(generation: generation, in: $0).map(RowState.init)
    }
    guard let (state, revision) = found.map({ ($0.state, $0.revision) }) else {
      mutable.withLock {
        $0.wasRemoved = true
        $0.networkNamespace = nil
      }
      throw StoreError.notFound(id.rawValue).during("refresh container")
    }
    let namespace = try ContainerHandle.namespace(at: state.networkNamespacePath, keeping: networkNamespace)
    mutable.withLock {
      // Two threads may refresh at once: the newer answer stays.
      guard !$0.wasRemoved, revision >= $0.revision else { return }
      $0.state = state
      $0.revision = revision
      $0.networkNamespace = namespace
    }
    return state
  }

  private static func namespace(
    at path: String, keeping open: NetworkNamespace?
  ) throws(StoreError) -> NetworkNamespace? {
    if path.isEmpty { return nil }
    // By bytes: equal texts may name another file.
    if let open, open.path.utf8.elementsEqual(path.utf8) { return open }
    return try NetworkNamespace(path: path)
  }
}

extension StateStore {
  /// A handle on the container of exactly this id.
  ///
  /// - Throws: `notFound`, `corrupt`, `invalidArgument` where its path is no network namespace.
  /// - Blocking: for nobody.
  public func handle(for id: ContainerID) throws(StoreError) -> ContainerHandle {
    try ContainerHandle(try container(id), store: self)
  }
}
