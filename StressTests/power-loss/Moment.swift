/// When in a round the power goes.
///
/// All but `random` are places at which a worker stops itself; the power is cut exactly there.
enum Moment: String, CaseIterable {
  /// At any time.
  case random
  /// Inside a durable change: committed, not yet synced.
  case beforeSync = "before its sync"
  /// Inside a durable change: synced, not yet acknowledged.
  case afterSync = "after its sync"
  /// Inside a durable change whose commit found a WAL checkpoint due: before one of its writes or syncs.
  case amidCheckpoint = "amid a WAL checkpoint"
  /// After a change that was only committed has returned.
  case committed = "after a commit"
  /// The same as `beforeSync`, while others change and sync.
  case beforeSyncAmongOthers = "before its sync, among others"
  /// At the beginning of that WAL checkpoint, and at its end.
  case checkpointBegun = "before a WAL checkpoint"
  case checkpointCopied = "after a WAL checkpoint"
  /// A change that was only committed, and what `makeDurable()` made of it.
  case madeDurable = "after makeDurable()"
  /// While the last one out restarts the WAL: before the first frame of the new one, and after it.
  case closeRestarting = "before the close restarts the WAL"
  case closeRestarted = "after the close restarted the WAL"

  /// Those of a series, in turn.
  ///
  /// What is lied about is never synced, so no place around a sync is reached.
  static func cycle(lies: Bool) -> [Moment] { lies ? [.random, .committed, .madeDurable] : allCases }

  /// Where nobody else may work: another's sync would make durable what this one leaves behind, and only the
  /// last one out restarts the WAL.
  var isAlone: Bool {
    switch self {
    case .beforeSync, .committed, .closeRestarting, .closeRestarted: true
    default: false
    }
  }

  /// Whether the cut is to take a change that was committed and that nothing has synced.
  var takesCommit: Bool { self == .beforeSync || self == .committed }

  /// When that is, after the word "cut".
  var cutText: String { self == .random ? "at any time" : rawValue }

  /// The failpoint at which the worker stops; nil where it stops between calls or at a system call.
  var failpoint: String? {
    switch self {
    case .beforeSync, .beforeSyncAmongOthers: "commit.before-sync"
    case .afterSync: "commit.synced"
    case .checkpointBegun: "checkpoint.begun"
    case .checkpointCopied: "checkpoint.copied"
    case .closeRestarting: "close.restarting"
    case .closeRestarted: "close.restarted"
    case .random, .amidCheckpoint, .committed, .madeDurable: nil
    }
  }
}
