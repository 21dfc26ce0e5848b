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
  /// Containers that somebody is at work with are left to him. Running it twice changes nothing more.
  ///
  /// - Throws: errors of the store as a whole; what concerns one container is in `failures`.
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
    for directory in try run.containerDirectories() where try isLeftOver(directory) {
      do {
        try removeLeftOver(directory)
        recovery.removedDirectories.append(directory.path)
      } catch { recovery.failures.append((directory.path, "\(error)")) }
    }
    return recovery
  }

  /// A directory is made while its container's row is there and removed before it, so without the row nobody
  /// uses it.
  private func isLeftOver(_ directory: ContainerDirectory) throws -> Bool {
    if run.isTrialUnderWay(directory) { return false }
    do {
      return try store.container(directory.id).generation != directory.generation
    } catch {
      guard error.code == .notFound else { throw error }
      return true
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
