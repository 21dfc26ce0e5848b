internal import FileLocking
internal import SQLiteStorage
public import StateModel

/// What is known about one lock of the store.
public struct LockStatus: Sendable, Hashable {
  /// The id of the container or pod, the name of the volume, or `gate` for the write gate.
  public let subject: String
  /// Who holds it; nil where it is free.
  public let holder: StateModel.LockHolder?
  /// The pids that wait for it, in the kernel's order; 0 for a process of another pid namespace.
  public let waiterPIDs: [Int32]
  /// Why nothing can be said about it; nil in the ordinary case.
  public let failure: StoreError?
}

/// A lock of SQLite's own on the database, as the kernel lists it.
public struct DatabaseLockStatus: Sendable, Hashable {
  /// Who holds it or waits for it; 0 for a process of another pid namespace.
  public let pid: Int32
  /// The name of its program; empty where it is not known.
  public let command: String
  /// What SQLite means by it: `open`, `read`, `write`, `WAL checkpoint`, `recovery`, `database`.
  public let meaning: String
  /// Whether the process waits for it.
  public let isWaiting: Bool
}

/// What `info` says about a store.
public struct StoreFacts: Sendable, Hashable {
  /// Where its files are.
  public let location: ResolvedLocation
  /// The version of its schema.
  public let schemaVersion: Int32
  /// How many boots it has seen.
  public let bootEpoch: Int64
  /// How many containers it holds.
  public let containerCount: Int64
  /// The version of the SQLite library that is linked.
  public let sqliteVersion: String
  /// Whether that SQLite can lose commits when a foreign program checkpoints the WAL while this store writes.
  ///
  /// The store's own WAL checkpoints hold the write gate and are safe in every version.
  public let sqliteHasWALResetRace: Bool
  /// The database's page size in bytes.
  public let pageSizeBytes: Int
  /// Frames in the WAL.
  public let walFrames: Int
  /// How many of them have been copied into the database.
  public let walFramesCopied: Int
  /// Bytes on the disk that are kept for removals on a full one; 0 where they were given up or cannot be had.
  public let reservedBytes: UInt64
  /// What is allowed and should be known, for people.
  public let warnings: [String]
}

extension StateStore {
  /// Every lock of a container, pod or volume, and the write gate: who holds it, doing what, since when, and
  /// who waits.
  ///
  /// - Throws: `io`.
  /// - Blocking: for nobody.
  public func lockReport() throws(StoreError) -> [LockStatus] {
    try perform("report locks") {
      let table = LockTable.shared
      // By name: the root holds the database too, which nobody but SQLite may open.
      let reports =
        try table.report(on: ["gate"], in: location.root)
        + table.report(on: lockFileNames(), in: location.lockDirectory)
      return reports.map(LockStatus.init)
    }
  }

  /// Who holds SQLite's own locks on the database, foreign programs included.
  ///
  /// - Throws: `io`.
  public func databaseLockReport() throws(StoreError) -> [DatabaseLockStatus] {
    try perform("report database locks") {
      // The guards of stores are such locks too, of no process in particular: each belongs to a holder of
      // `open`.
      try kernelLocks().filter { $0.kind == .posix }.compactMap { lock in
        database.meaning(ofLockOn: lock.file, startByte: lock.start).map {
          DatabaseLockStatus(
            pid: lock.pid, command: FileLocking.LockHolder.commandName(ofPID: lock.pid), meaning: $0.name,
            isWaiting: lock.isWaiting)
        }
      }
    }
  }

  /// What there is to know about the store and the library it is read with.
  ///
  /// - Throws: `io`.
  /// - Blocking: for nobody.
  public func facts() throws(StoreError) -> StoreFacts {
    try perform("read facts") {
      let facts = try database.facts()
      let count = try database.readOne { try ContainerRows.count(in: $0) }
      return try StoreFacts(
        location: location, schemaVersion: facts.schemaVersion, bootEpoch: bootEpoch, containerCount: count,
        sqliteVersion: facts.sqliteVersion, sqliteHasWALResetRace: facts.hasWALResetRace,
        pageSizeBytes: facts.pageSize, walFrames: facts.wal.walFrames,
        walFramesCopied: facts.wal.copiedFrames, reservedBytes: reserve.size,
        warnings: warnings + warningsOfLongWAL(frames: facts.wal.walFrames))
    }
  }
}

extension LockStatus {
  fileprivate init(_ report: LockReport) {
    subject = LockFileName.owner(of: report.fileName)?.text ?? report.fileName
    holder = report.holder.map(StateModel.LockHolder.init)
    waiterPIDs = report.waiterPIDs
    failure = report.failure.map { StoreError.mapped($0) }
  }
}

extension SQLiteLock {
  fileprivate var name: String {
    switch self {
    case .shared, .reserved, .pending: "database"
    case .write: "write"
    case .checkpoint: "WAL checkpoint"
    case .recovery: "recovery"
    case .read: "read"
    case .open: "open"
    }
  }
}
