package import Platform

/// The lock that every write transaction and every WAL checkpoint holds, over all processes.
///
/// A grant belongs to the caller from `enter` (or a true `tryEnter`) until `leave`, which may be called
/// on the granted thread only.
package protocol WriteGate: AnyObject, Sendable {
  /// Blocks until granted; throws when the deadline passes first.
  ///
  /// - Parameters:
  ///   - operation: what those who wait meanwhile are told.
  ///   - deadlineNanoseconds: `CLOCK_MONOTONIC`; `UInt64.max` waits for as long as it takes.
  /// - Throws: whatever the gate has to say; nothing was granted then.
  func enter(_ operation: String, deadlineNanoseconds: UInt64) throws
  /// True when granted at once; never waits.
  func tryEnter(_ operation: String) throws -> Bool
  func leave()

  /// Whether a sync has failed in any process, and nobody has made up for it; asked inside the gate or not.
  var hasFailedSync: Bool { get }
  /// Tells all processes that a sync has failed; false where nobody but the caller can know.
  func rememberFailedSync() -> Bool
  /// Called inside the gate, by who has made up for it.
  func forgetFailedSync()

  /// What the processes share their syncs of this WAL by, good as long as the gate is; nil: each syncs for
  /// itself.
  func sharedSyncs(of wal: FileIdentity) -> SharedSyncs?

  /// Where the processes note what they commit, good as long as the gate is; nil: nobody notes anything.
  var commitNotes: CommitNotes? { get }

  /// Whether each grant has seen that the database's directory is the one that is at its path still.
  var vouchesForDirectory: Bool { get }
}

/// A gate that knows nothing else: each handle knows of its own failed syncs alone, makes all of its own, and
/// looks for itself where the files are.
extension WriteGate {
  package var hasFailedSync: Bool { false }
  package func rememberFailedSync() -> Bool { false }
  package func forgetFailedSync() {}
  package func sharedSyncs(of wal: FileIdentity) -> SharedSyncs? { nil }
  package var commitNotes: CommitNotes? { nil }
  package var vouchesForDirectory: Bool { false }
}

/// What the caller of a write is told to rely on.
package enum CommitDurability: Sendable {
  /// Survives a power loss once the call has returned.
  case durable
  /// Survives the death of every process; a power loss may take the last ones.
  case committed
}

/// What the database is expected to be, and the bounds it is used within.
package struct DatabaseOptions: Sendable {
  /// Identifies the application in the file's header; must not be 0.
  package var applicationID: Int32
  /// The version of the schema that this program writes; at least 1.
  package var schemaVersion: Int32
  /// The oldest version that may be opened, to be migrated; `schemaVersion` when there is no migration.
  package var oldestSchemaVersion: Int32
  /// A WAL of this many frames is copied back after the commit that found it so.
  package var walCheckpointFrames = 1_000
  /// Whether the WAL of a new database is written to the length it reaches anyway, where there is ample room.
  package var fillsNewWAL = false
  /// Whether a thread copies the WAL back for a handle that commits often.
  package var copiesBackInBackground = true
  /// The last one out leaves a WAL of more frames than this restarted: recovery costs 1.2–1.5 µs a frame,
  /// the restart three syncs.
  package var walFramesLeftAtClose = 100
  /// Connections kept open between operations; more are opened while more operations run at once.
  package var idleConnections = 4
  /// How long a read or an opening may wait for a WAL recovery by another process.
  package var recoveryWaitMilliseconds: UInt64 = 5_000
  /// How much of the database a connection keeps in memory at most.
  package var pageCacheKibibytes: Int32 = 2_048
  /// The largest text, blob or row, in bytes.
  package var largestValueBytes: Int32 = 64 << 20

  /// Called before a connection that reads and writes have used closes, with the addresses that it gave.
  package var beforeConnectionCloses: @Sendable () -> Void = {}

  /// Options for a database that is not migrated.
  package init(applicationID: Int32, schemaVersion: Int32, oldestSchemaVersion: Int32? = nil) {
    precondition(
      applicationID != 0 && schemaVersion > 0, "0 marks a database whose creation was not finished")
    self.applicationID = applicationID
    self.schemaVersion = schemaVersion
    self.oldestSchemaVersion = oldestSchemaVersion ?? schemaVersion
  }
}
