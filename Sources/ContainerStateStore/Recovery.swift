internal import SQLiteStorage
public import StateModel
internal import FileLocking
internal import Glibc
internal import Platform

/// What a recovery changed, and why.
public struct RecoveryReport: Sendable, Hashable {
  /// Whether the machine had been rebooted since the store was last open; then states were reset.
  public var wasRebooted = false
  /// The containers whose state a reboot had made untrue, with the status before and after.
  public var reset: [ResetContainer] = []
  /// The volumes that a reboot had unmounted.
  public var unmountedVolumes: [VolumeName] = []
  /// Lockfiles of containers, pods and volumes that are gone; they were removed.
  public var reapedLockFiles: [String] = []
  /// Copies of specifications of containers that are gone, and temporary files of dead writers; they were
  /// removed.
  public var reapedSpecificationFiles: [String] = []
  /// Containers with an operation that had begun and not ended: their engine finishes or undoes it.
  public var unfinished: [ContainerID] = []
  /// Containers somebody was at work on: what may lie there of them is left to a later recovery.
  public var held: [ContainerID] = []
  /// Volumes somebody was at work on, by the names that their lockfiles tell.
  public var heldVolumes: [String] = []
  /// What could not be judged or removed, and why; it is still there.
  public var failures: [StoreError] = []

  /// A container that was reset.
  public struct ResetContainer: Sendable, Hashable {
    /// Which container.
    public let id: ContainerID
    /// Its status before.
    public let from: ContainerStatus
    /// Its status after.
    public let to: ContainerStatus
  }

  /// A report of nothing.
  public init() {}
}

extension StateStore {
  /// Makes the store true again after a reboot or a death: resets what a reboot ended, reaps what nobody
  /// owns.
  ///
  /// Opening does the first part by itself. Running it twice changes nothing more (idempotent), and many
  /// processes may run it at once. Inside the scope of a lock it counts that container as `held`.
  ///
  /// - Returns: what was changed, and what could not be.
  /// - Throws: `lockTimeout` for the gate, `busy`, `io`, `durabilityUnknown`.
  /// - Blocking: up to `operationTimeout` for the write gate; never for a container's lock.
  public func recover() throws(StoreError) -> RecoveryReport {
    try perform("recover") {
      var report = try Recovery.recoverAfterReboot(
        database, bootID: bootID, retention: options.changeRetention,
        deadlineNanoseconds: operationDeadlineNanoseconds
      ).report
      try reapLockFiles(into: &report)
      try reapSpecificationFiles(into: &report)
      refillReserve()
      report.held = Set(report.held).sorted()
      report.unfinished = try database.read { connection in
        let row = try connection.statement(
          "SELECT r.id, r.generation FROM intent i JOIN record r ON r.generation = i.generation ORDER BY r.id"
        )
        return try ContainerRows.readableIDs(row).map(\.id)
      }
      return report
    }
  }

  /// Removes lockfiles that nothing owns; asked under that lock, so that nobody can be adding it.
  private func reapLockFiles(into report: inout RecoveryReport) throws {
    var failures: [StoreError] = []
    let directory = location.lockDirectory
    let reaped = try LockTable.shared.reapOrphans(among: lockFileNames(), in: directory) { file in
      // Where the answer cannot be had the file stays: an orphan costs nothing, a missing lockfile has two
      // holders.
      do { return try !isOwned(file) } catch {
        failures.append(.unreaped(directory + "/" + file, error))
        return false
      }
    }
    report.reapedLockFiles = reaped.reaped
    for owner in reaped.held.compactMap(LockFileName.owner(of:)) {
      if case .record(let id) = owner {
        report.held.append(id)
      } else {
        report.heldVolumes.append(owner.text)
      }
    }
    failures += reaped.failures.map { .unreaped(directory + "/" + $0.key, $0.value) }
    report.failures += failures.sorted { $0.subject < $1.subject }
  }

  /// Removes copies whose container is gone and temporary files, each under the lock of the container it
  /// belongs to.
  private func reapSpecificationFiles(into report: inout RecoveryReport) throws {
    for file in try StoreFiles.names(in: location.specificationDirectory) {
      guard let id = SpecificationCopies.owner(ofFile: file) else { continue }
      let path = location.specificationDirectory + "/" + file
      do {
        let isReaped = try reapSpecificationFile(path, named: file, of: id)
        if isReaped { report.reapedSpecificationFiles.append(file) }
      } catch let error as LockError where error.isHeld {
        report.held.append(id)
      } catch {
        report.failures.append(.unreaped(path, error))
      }
    }
  }

  /// Whether the file was an orphan, and is removed.
  private func reapSpecificationFile(_ path: String, named file: String, of id: ContainerID) throws -> Bool {
    let name = LockName.reaping(LockFileName.of(id), in: location.lockDirectory)
    let locks = try HeldLocks([name], wait: .none, operation: "reap specification copies")
    defer { locks.release() }
    let isKnown = try isKnown(id: id.rawValue)
    defer { if !isKnown { locks.unlink(name) } }
    guard !isKnown || file.hasPrefix(SpecificationCopies.temporaryPrefix) else { return false }
    // FAILPOINT recovery.reaping: an orphaned copy is still there, under the lock.
    failpoint("recovery.reaping")
    if unlink(path) == 0 { return true }
    // Its writer had it before the lock was granted, and has put it in its place.
    guard errno == ENOENT else { throw StoreError.kernel("unlink", path: path, errno: errno) }
    return false
  }

  private func isOwned(_ lockFile: String) throws -> Bool {
    try database.readOne { try LockFileName.isOwned(lockFile, in: $0) }
  }

  private func isKnown(id: String) throws -> Bool {
    try database.readOne { try ContainerRows.anyRecordExists(id: id, in: $0) }
  }
}

extension StoreError {
  /// Why a file that may be an orphan is still there; the subject is the file, whatever failed.
  fileprivate static func unreaped(_ path: String, _ error: any Error) -> StoreError {
    let found = mapped(error)
    return StoreError(
      found.code, operation: "recover", subject: path, message: found.message, cause: found.cause)
  }
}

/// Recovery after a reboot: one transaction, run once a boot by whichever process comes first.
enum Recovery {
  static func recoverAfterReboot(
    _ database: Database, bootID: String, retention: ChangeRetention, deadlineNanoseconds: UInt64
  ) throws -> (bootEpoch: Int64, report: RecoveryReport) {
    let seen = try StoreIdentity.read(from: database)
    if seen.bootID == bootID { return (seen.bootEpoch, RecoveryReport()) }
    return try database.write("recover", durability: .durable, deadlineNanoseconds: deadlineNanoseconds) {
      connection in
      // Another process may have been first.
      let seen = try StoreIdentity.read(in: connection)
      if seen.bootID == bootID { return (seen.bootEpoch, RecoveryReport()) }
      var report = RecoveryReport()
      report.wasRebooted = true
      // FAILPOINT recovery.begun: this process is the first of the boot.
      try StorageError.check(planted: failpointErrno("recovery.begun"), path: database.path)
      try ChangeRows.leap(.init(kind: .store, id: "", action: .recovered), retention, in: connection)
      for (id, generation) in try containers(in: connection) {
        guard let reset = try reset(id, generation: generation, in: connection) else { continue }
        report.reset.append(reset.container)
        try ChangeRows.record(
          .init(
            kind: .container, id: id.rawValue, action: .recovered, from: reset.container.from,
            to: reset.container.to, revision: reset.revision), retention: retention, in: connection)
      }
      // INVARIANT I-8: their processes are gone.
      for session in try ExecSessionRows.all(in: connection) {
        try ExecSessionRows.remove(session.id, in: connection)
        try ChangeRows.record(
          .init(
            kind: .execSession, id: session.id.rawValue, action: .removed, revision: session.revision),
          retention: retention, in: connection)
      }
      report.unmountedVolumes = try unmountVolumes(retention, in: connection)
      try connection.execute("DELETE FROM intent WHERE operation <> \(IntentOperation.remove.rawValue)")
      let (epoch, overflows) = seen.bootEpoch.addingReportingOverflow(1)
      if overflows { throw StoreError.corrupt("store", "no machine was booted so often as it says") }
      try StoreIdentity.setBoot(bootID, epoch: epoch, in: connection)
      return (epoch, report)
    }
  }

  /// INVARIANT I-18: what was mounted before a reboot is not mounted now.
  private static func unmountVolumes(
    _ retention: ChangeRetention, in connection: Connection
  ) throws -> [VolumeName] {
    let row = try connection.statement(
      """
      SELECT name FROM volume WHERE mountpoint <> '' OR generation IN (SELECT volume FROM volume_mount)
      ORDER BY name
      """)
    var unmounted: [VolumeName] = []
    for name in try VolumeRows.readableNames(row) {
      let found = try StoreReads.skippingCorrupt { try VolumeRows.volume(name, in: connection) }
      guard let volume = found else { continue }
      var state = volume.state
      state.mountpoint = ""
      let isWritten = try VolumeRows.update(
        state, stateExtra: volume.stateExtra, generation: volume.generation, revision: volume.stateRevision,
        in: connection)
      precondition(isWritten, "a row read in this transaction is there")
      try ChangeRows.record(
        .init(
          kind: .volume, id: name.rawValue, action: .recovered, revision: volume.stateRevision + 1),
        retention: retention, in: connection)
      unmounted.append(name)
    }
    try connection.execute("DELETE FROM volume_mount")
    return unmounted
  }

  private static func containers(in connection: Connection) throws -> [(id: ContainerID, generation: Int64)] {
    let row = try connection.statement("SELECT id, generation FROM record WHERE kind = 1 ORDER BY generation")
    return try ContainerRows.readableIDs(row)
  }

  /// INVARIANT I-13: no pid of an older boot remains.
  ///
  /// A row that cannot be read, or breaks a rule of the schema, is left for `verify` (I-16).
  private static func reset(
    _ id: ContainerID, generation: Int64, in connection: Connection
  ) throws -> (container: RecoveryReport.ResetContainer, revision: Int64)? {
    let found = try StoreReads.skippingCorrupt {
      try ContainerRows.state(generation: generation, in: connection)
    }
    guard let (state, revision) = found else { return nil }
    var next = state.afterReboot()
    guard next != state else { return nil }
    // INVARIANT I-9: its monitor may have recorded the code and died before it could change the state.
    if next.exitCode != state.exitCode {
      let recorded = try ExitCodeRows.code(of: id, in: connection)
      if let recorded, state.startedAt.map({ recorded.recordedAt >= $0 }) ?? true {
        next.exitCode = recorded.code
      } else {
        try ExitCodeRows.record(ContainerState.unknownExitCode, of: id, at: .now, in: connection)
      }
    }
    let isWritten = try StoreReads.skippingCorrupt {
      try ContainerRows.update(
        next, replacing: state, generation: generation, revision: revision, in: connection)
    }
    guard let isWritten else { return nil }
    // FAILPOINT recovery.reset: between two containers of a recovery.
    failpoint("recovery.reset")
    precondition(isWritten, "a row read in this transaction is there")
    return (.init(id: id, from: state.status, to: next.status), revision + 1)
  }
}
