/// A failpoint of the store that a stress run can pass; TidyTests compares the list with the sources.
///
/// Those of a migration and of the first opening after a reboot are not among them, since a run has neither,
/// and those of the engine, which `EngineLife` arms itself.
struct FaultSite: Sendable {
  let name: String
  /// Whether an error can be planted there.
  let fails: Bool
  /// At which passing at most: some are passed by each call, some once in the life of a process.
  let lastPassing: Int

  private init(_ name: String, fails: Bool = false, upTo lastPassing: Int) {
    self.name = name
    self.fails = fails
    self.lastPassing = lastPassing
  }

  /// Whether only who makes the store passes it.
  var isOfCreation: Bool { name.hasPrefix("create.") }

  static let all = [
    FaultSite("create.made", upTo: 1),
    FaultSite("create.journaled", upTo: 1),
    FaultSite("create.filling", upTo: 1),
    FaultSite("create.changed", fails: true, upTo: 1),
    FaultSite("create.committed", upTo: 1),
    FaultSite("create.filled", upTo: 1),
    FaultSite("create.synced", upTo: 1),
    FaultSite("open.gate", upTo: 2),
    FaultSite("open.read", upTo: 2),
    FaultSite("answer.read", upTo: 48),
    FaultSite("lock.opened", upTo: 8),
    FaultSite("lock.granted", upTo: 24),
    FaultSite("lock.confirmed", upTo: 24),
    FaultSite("lock.recorded", upTo: 24),
    FaultSite("lock.releasing", upTo: 24),
    FaultSite("unlink.before", fails: true, upTo: 4),
    FaultSite("unlink.done", upTo: 4),
    FaultSite("gate.entered", upTo: 24),
    FaultSite("names.before-reading", fails: true, upTo: 4),
    FaultSite("names.looked", upTo: 4),
    FaultSite("gate.leaving", upTo: 24),
    FaultSite("gate.left", upTo: 24),
    FaultSite("commit.begun", fails: true, upTo: 8),
    FaultSite("commit.changed", fails: true, upTo: 8),
    FaultSite("commit.unnoted", upTo: 8),
    FaultSite("commit.counted", upTo: 8),
    FaultSite("commit.committed", upTo: 8),
    FaultSite("commit.before-sync", fails: true, upTo: 4),
    FaultSite("sync.led", upTo: 4),
    FaultSite("sync.awaited", upTo: 4),
    FaultSite("sync.succeeded", upTo: 4),
    FaultSite("sync.published", upTo: 4),
    FaultSite("sync.looked", fails: true, upTo: 2),
    FaultSite("commit.synced", upTo: 4),
    FaultSite("commit.before-return", upTo: 8),
    FaultSite("checkpoint.begun", fails: true, upTo: 2),
    FaultSite("checkpoint.copied", upTo: 2),
    FaultSite("ahead.begun", fails: true, upTo: 2),
    FaultSite("ahead.copied", upTo: 2),
    FaultSite("ahead.before-sync", fails: true, upTo: 1),
    FaultSite("sync.failed", upTo: 1),
    FaultSite("amends.rewritten", fails: true, upTo: 1),
    FaultSite("amends.made", upTo: 1),
    FaultSite("close.restarting", fails: true, upTo: 1),
    FaultSite("close.restarted", upTo: 1),
    FaultSite("specification.opened", fails: true, upTo: 3),
    FaultSite("specification.written", upTo: 3),
    FaultSite("specification.renaming", fails: true, upTo: 3),
    FaultSite("specification.renamed", upTo: 3),
    FaultSite("specification.removing", fails: true, upTo: 3),
    FaultSite("specification.removed", upTo: 3),
    FaultSite("recovery.reaping", upTo: 1),
  ]
}
