internal import FileLocking
internal import SQLiteStorage
public import StateModel

/// What a repair changed, or would change.
public struct RepairReport: Sendable, Hashable {
  /// Each thing it did, in its order.
  public internal(set) var actions: [RepairAction] = []
  /// The rules that are still broken: what no repair can decide.
  public internal(set) var remaining: [Violation] = []
}

/// One thing that a repair does.
public struct RepairAction: Sendable, Hashable {
  /// The number of the rule that was broken.
  public let rule: String
  /// What broke it: an id, or a table.
  public let subject: String
  /// What is done, for people.
  public let description: String
}

extension StateStore {
  /// Mends what `verify` finds, as far as the store itself says what is right.
  ///
  /// Indexes that differ from their configuration are made anew from it; a state that names a process it
  /// cannot have loses that. Rows that cannot be read, lack a part or refer to what is not there are moved,
  /// with all that belongs to them, to the table `quarantine`, as SQL literals: nothing is deleted. A
  /// container that others depend on stays. What no rule decides (damaged pages, a changed specification) is
  /// left to a backup.
  ///
  /// - Parameter dryRun: whether to do all of it and then take it back, for the report.
  /// - Returns: what was changed, and what is still broken.
  /// - Throws: `lockTimeout` for a container's lock or the gate, `busy`, `outOfSpace`, `corrupt` where even
  ///   the repair cannot read the database, `io`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the locks of the containers it changes, and for the gate.
  /// - Durability: D-1.
  /// - Process safety: one transaction, under the locks of all containers that it changes.
  public func repair(dryRun: Bool = false) throws(StoreError) -> RepairReport {
    try perform("repair") {
      // The first look says which locks are needed; under them the store is looked at again.
      var planned = try attemptRepair(holding: nil)
      if dryRun || planned.report.actions.isEmpty { return planned.report }
      for _ in 0..<Self.repairAttempts {
        let locks = try HeldLocks(
          planned.containers.map { lockName(of: $0) }, wait: .upTo(options.operationTimeout),
          operation: "repair")
        defer { locks.release() }
        let done = try attemptRepair(holding: planned.containers)
        if done.isCommitted { return done.report }
        planned = done
      }
      throw StoreError(
        .conflict, subject: location.root,
        message: "others keep changing what is to be repaired; try again when the store is quiet")
    }
  }

  /// How often the containers that need repair may be others than the ones that were locked for it.
  private static let repairAttempts = 5

  private struct RepairAttempt {
    var report: RepairReport
    let containers: Set<ContainerID>
    let isCommitted: Bool
  }

  /// Repairs in one transaction, which is taken back unless it changes only containers that are `locked`;
  /// with nil it is taken back in any case.
  private func attemptRepair(holding locked: Set<ContainerID>?) throws -> RepairAttempt {
    var attempt: RepairAttempt?
    do {
      return try writeWithReserve("repair", durability: .durable) { connection in
        var repair = Repair(connection)
        try repair.run()
        var verification = Verification(connection)
        try verification.checkEverything()
        let report = RepairReport(actions: repair.actions, remaining: verification.violations)
        let isCovered = locked.map(repair.containers.isSubset(of:)) ?? false
        let found = RepairAttempt(report: report, containers: repair.containers, isCommitted: isCovered)
        attempt = found
        guard isCovered else { throw TakenBack() }
        for action in repair.actions {
          try record(.init(kind: .store, id: action.subject, action: .repaired), in: connection)
        }
        return found
      }
    } catch is TakenBack {
      guard let attempt else { preconditionFailure("what was taken back was made") }
      return attempt
    }
  }

  /// Ends a transaction that was for looking only.
  private struct TakenBack: Error {}
}
