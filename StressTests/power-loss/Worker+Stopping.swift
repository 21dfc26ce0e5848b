internal import CFaults
internal import ContainerStateStore
internal import Glibc
internal import Platform
internal import StressSupport

/// How a worker comes to stop itself at a moment, which is the last thing it does.
extension Worker {
  /// The number of calls within which each moment is reached: a WAL checkpoint takes 200 frames.
  private static let patience = 2_000
  /// So many frames a close finds worth restarting the WAL for.
  private static let framesBeforeClose = 120

  /// - Throws: what the store throws; where the moment was not reached.
  func stop(at moment: Moment, _ store: StateStore) throws {
    // Nobody else touches it, so whoever finds it later knows whose change it holds.
    let id = try addOwn(store, durable: true)
    switch moment {
    case .random: return
    case .committed, .madeDurable:
      try update(id, store, durable: false)
      if moment == .madeDurable { try see(id, store) }
      ledger.stop(at: moment)
      raise(SIGSTOP)
    case .closeRestarting, .closeRestarted:
      var number = 0
      while try store.facts().walFrames <= Self.framesBeforeClose {
        try update(id, store, durable: number % 10 == 0)
        number += 1
      }
      arm(moment)
      try store.close()
    case .beforeSync, .beforeSyncAmongOthers, .afterSync, .amidCheckpoint, .checkpointBegun,
      .checkpointCopied:
      for _ in 0..<Self.patience {
        arm(moment)
        // An addition as well as an update; not where many are needed.
        if moment.isOfSync, UInt64.random(in: 0..<2, using: &random) == 0 {
          try addOwn(store, durable: true)
        } else {
          try update(id, store, durable: true)
        }
      }
    }
    throw StressFailure("the moment '\(moment.rawValue)' was not reached")
  }

  /// Arms the next call.
  ///
  /// What it has reached by then goes into the ledger, since it never returns.
  private func arm(_ moment: Moment) {
    let checkpointCall = UInt64.random(in: 1...Self.latestCheckpointCall, using: &random)
    nonisolated(unsafe) let ledger = ledger
    var plans: [String: String] = ["commit.before-sync": "note", "commit.synced": "note"]
    if let name = moment.failpoint { plans[name] = "stop" }
    if moment == .amidCheckpoint {
      plans["checkpoint.begun"] = "note"
      plans["checkpoint.copied"] = "note"
    }
    let text = plans.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    Failpoints.arm(text) { name in
      switch name {
      case "commit.before-sync": ledger.reach(.committed)
      case "commit.synced": ledger.reach(.durable)
      case "checkpoint.begun" where moment == .amidCheckpoint:
        ledger.stop(at: moment)
        Self.stopInCheckpoint(atCall: checkpointCall)
      case "checkpoint.copied" where moment == .amidCheckpoint:
        // It had fewer calls.
        faults_disarm()
        ledger.goOn()
      default: break
      }
      if name == moment.failpoint { ledger.stop(at: moment) }
    }
  }

  /// A WAL checkpoint syncs the WAL, writes each page that has changed, and syncs the database.
  private static let latestCheckpointCall: UInt64 = 8

  private static func stopInCheckpoint(atCall number: UInt64) {
    var plan = faults_plan()
    plan.calls = UInt64(FAULTS_WRITE.rawValue | FAULTS_SYNC.rawValue)
    plan.nth = number
    plan.mode = UInt32(FAULTS_STOP.rawValue)
    faults_arm(&plan)
  }
}

extension Moment {
  /// Whether any durable change reaches it.
  fileprivate var isOfSync: Bool {
    self == .beforeSync || self == .beforeSyncAmongOthers || self == .afterSync
  }
}
