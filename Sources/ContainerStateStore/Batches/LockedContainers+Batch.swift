internal import SQLiteStorage
public import StateModel

extension LockedContainers {
  /// Changes the states of all locked containers and writes those that changed, in one transaction.
  ///
  /// - Parameters:
  ///   - durability: what the return promises.
  ///   - change: called with each container in the lock order, and its state to change; what it throws is
  ///     thrown and nothing is written.
  /// - Throws: as `LockedContainer.update`, for any of them; nothing is written then.
  /// - Blocking: up to `operationTimeout` for the write gate.
  /// - Durability: D-1.
  public borrowing func update(
    durability: Durability = .durable, _ change: (Container, inout ContainerState) throws -> Void
  ) throws {
    var changed: [(scope: LockedScope, state: ContainerState)] = []
    for scope in orderedScopes {
      try scope.checkOpen("update containers")
      var state = scope.container.state
      try change(scope.container, &state)
      guard state != scope.container.state else { continue }
      try state.check(replacing: scope.container.state, of: scope.id)
      changed.append((scope, state))
    }
    guard let store = changed.first?.scope.store else { return }
    try store.perform("update containers") {
      try store.writeWithReserve("update containers", durability: durability) { connection in
        for (scope, state) in changed { try scope.update(state, in: connection) }
      }
    }
    for (scope, state) in changed {
      scope.follow(
        scope.container.with(
          state: state, stateExtra: scope.container.stateExtra,
          stateRevision: scope.container.stateRevision + 1))
    }
  }
}
