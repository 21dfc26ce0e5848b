public import ContainerStateStore

/// What a recovery of store and engine found and did.
public struct EngineRecovery: Sendable {
  /// What the store did.
  public internal(set) var store = RecoveryReport()
  /// What was done with each container whose row was not true.
  public internal(set) var settled: [(id: ContainerID, settlement: Settlement)] = []
  /// Directories of containers that are gone; they were removed with what ran in them.
  public internal(set) var removedDirectories: [String] = []
  /// What could not be settled, and why.
  public internal(set) var failures: [(subject: String, message: String)] = []
}

extension Engine {
  /// Makes store and machine agree again after deaths and reboots: recovers the store, settles every
  /// container that something was left undone with, removes what is left over of containers that are gone.
  ///
  /// Containers that somebody is at work with are left to him. Running it twice changes nothing more. While a
  /// row cannot be read, every directory that no other row has may be its, and stays.
  ///
  /// - Throws: errors of the store as a whole; what concerns one container, or a damaged row, is in
  ///   `failures`.
  /// - Blocking: up to one second for each container's lock.
  public func recover() throws -> EngineRecovery {
    var recovery = EngineRecovery()
    recovery.store = try store.recover()
    var filter = ContainerFilter()
    filter.statuses = [.created, .running, .paused, .stopping, .stopped, .removing, .unknown]
    let doubtful = try store.containerSummaries(where: filter).containers.map(\.id)
    for id in Set(doubtful).union(recovery.store.unfinished).sorted() {
      do {
        let settlement = try reconcile(id, wait: .upTo(.seconds(1)))
        if settlement != .nothing { recovery.settled.append((id, settlement)) }
      } catch let error as StoreError where error.code == .notFound {
        continue
      } catch { recovery.failures.append((id.rawValue, "\(error)")) }
    }
    try removeLeftOvers(&recovery)
    return recovery
  }

  private func removeLeftOvers(_ recovery: inout EngineRecovery) throws {
    // A directory is made while its container's row is there and removed before it, so of those that are
    // there now nobody uses one without a row.
    let directories = try run.containerDirectories()
    let (generations, unreadable) = try readRows()
    for damage in unreadable where !recovery.failures.contains(where: { $0.subject == damage.subject }) {
      recovery.failures.append((damage.subject, "\(damage)"))
    }
    for directory in directories
    where !generations.contains(directory.generation) && !run.isTrialUnderWay(directory) {
      guard unreadable.isEmpty else {
        recovery.failures.append((directory.path, "it may be that of a row that cannot be read, so it stays"))
        continue
      }
      do {
        try removeLeftOver(directory)
        recovery.removedDirectories.append(directory.path)
      } catch { recovery.failures.append((directory.path, "\(error)")) }
    }
  }

  /// The generations of all rows that can be read, and one error for each of the others, as one moment had
  /// them.
  ///
  /// A generation is never given out twice, and what is damaged in a row may be its id.
  private func readRows() throws -> (generations: Set<Int64>, unreadable: [StoreError]) {
    try store.read { snapshot in
      let list = try snapshot.containerSummaries()
      var generations: Set<Int64> = []
      var unreadable = list.corrupt
      for id in list.containers.map(\.id) {
        do { generations.insert(try snapshot.container(id).generation) } catch let error as StoreError
          where error.code == .corrupt
        {
          unreadable.append(error)
        }
      }
      return (generations, unreadable)
    }
  }

  private func removeLeftOver(_ directory: ContainerDirectory) throws {
    if let name = try? FileAccess.read(directory.runtimeName, maximumBytes: 4096) {
      let reference = RuntimeReference(text: String(decoding: name, as: UTF8.self))
      try reference.runtime.delete(directory)
    }
    try directory.remove()
  }
}
