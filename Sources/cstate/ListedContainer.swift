internal import ContainerStateStore

/// A container as `ps` shows it: what the store says of it, held against what runs.
struct ListedContainer {
  let summary: ContainerSummary
  /// What the store says.
  let recorded: ContainerStatus
  /// The same, or `unknown` where its process is dead and nobody has recorded that.
  let status: ContainerStatus
  /// Empty where they were not asked for, nil where they are damaged.
  let labels: [String: String]?
  /// Empty where they were not asked for, nil where they are damaged.
  let ports: [PortMapping]?

  /// What is wrong with its labels or ports is added to `damage`.
  init(_ summary: ContainerSummary, store: StateStore, damage: inout [StoreError]) {
    self.summary = summary
    func readable<Part>(_ read: () throws(StoreError) -> Part) -> Part? {
      do { return try read() } catch {
        damage.append(error)
        return nil
      }
    }
    labels = readable(summary.labels)
    ports = readable(summary.ports)
    recorded = summary.status
    status = ListedContainer.isDead(summary, store: store) ? .unknown : summary.status
  }

  /// Whether a process ought to be there and is not.
  ///
  /// A monitor that lives is about to record the end, so its container is not called dead.
  private static func isDead(_ summary: ContainerSummary, store: StateStore) -> Bool {
    guard summary.status.hasProcess, summary.pid != 0 else { return false }
    guard isGone(pid: summary.pid, startTime: summary.pidStartTime) else { return false }
    // Rare, so a second read is cheap: between the first one and now the end may have been recorded.
    guard let now = try? store.state(of: summary.id), now.status == summary.status, now.pid == summary.pid
    else {
      return false
    }
    return now.monitorPID == 0 || isGone(pid: now.monitorPID, startTime: now.monitorStartTime)
  }

  private static func isGone(pid: Int32, startTime: UInt64) -> Bool {
    ProcessIdentity(pid: pid, startTime: startTime).liveness == .dead
  }

  /// The status as tables say it, with times relative to `nowNanoseconds` since the epoch.
  func statusForPeople(nowNanoseconds: Int64) -> String {
    func since(_ moment: Timestamp?) -> String? {
      moment.map { roughly(since: $0.nanosecondsSinceEpoch, now: nowNanoseconds) }
    }
    switch status {
    case .running: return "Up" + (since(summary.startedAt).map { " \($0)" } ?? "")
    case .paused: return "Paused"
    case .stopping: return "Stopping"
    case .configured: return "Configured"
    case .created: return "Created"
    case .stopped, .exited:
      let code = summary.exitCode.map { $0 < 0 ? "unknown" : "\($0)" } ?? "unknown"
      return "Exited (\(code))" + (since(summary.finishedAt).map { " \($0) ago" } ?? "")
    case .removing: return "Removing"
    case .unknown: return "Unknown (run `cstate recover`)"
    }
  }
}
