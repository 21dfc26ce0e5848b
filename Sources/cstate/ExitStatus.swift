internal import ContainerStateStore
internal import OCIEngine

/// The exit statuses of the command.
///
/// Each is part of its interface and never changes its meaning.
enum ExitStatus {
  static let done: Int32 = 0
  static let failed: Int32 = 1
  static let usage: Int32 = 2
  static let violations: Int32 = 3
  /// `run` and its container could not be told apart by any other number.
  static let runFailed: Int32 = 125

  /// One number for each way in which the store can fail, in the order of help.
  static let storeErrors: [(status: Int32, code: StoreError.Code, meaning: String)] = [
    (10, .closed, "the store was closed"),
    (11, .emptyID, "an empty id or name"),
    (12, .invalidArgument, "an argument that no store accepts"),
    (13, .notFound, "no such container"),
    (14, .alreadyExists, "the name or id is in use"),
    (15, .ambiguous, "more than one container id begins like this"),
    (16, .removed, "the container was removed meanwhile"),
    (17, .inUse, "other containers depend on it"),
    (18, .invalidTransition, "its status does not allow this"),
    (19, .wrongPod, "it belongs to another pod"),
    (20, .alreadyConnected, "it is connected to that network already"),
    (21, .notConnected, "it is not connected to that network"),
    (22, .lockTimeout, "a lock was not to be had in time; the message names its holder"),
    (23, .wouldDeadlock, "locks asked for against their order"),
    (24, .lockLost, "the lock was lost; nothing was written"),
    (25, .scopeEnded, "used after its lock was released"),
    (26, .durabilityUnknown, "the change is made, but a power loss may take it back"),
    (27, .busy, "a foreign program keeps the database locked"),
    (28, .conflict, "somebody else changed it first"),
    (29, .corrupt, "stored bytes are damaged"),
    (30, .identityMismatch, "the store belongs to another place or engine"),
    (31, .schemaTooNew, "the store was made by a newer version"),
    (32, .schemaTooOld, "the store is older than this version can migrate"),
    (33, .notDatabase, "the file is no store"),
    (34, .unsafeFilesystem, "the file system breaks locks"),
    (35, .unsafePermissions, "others could change the store's files"),
    (36, .outOfSpace, "the disk or a quota is full"),
    (37, .readOnly, "the store cannot be written"),
    (38, .io, "the operating system failed"),
    (39, .unsupported, "not supported here"),
    (40, .usedAfterFork, "used in a forked child"),
    (41, .storeReplaced, "the store's files were replaced under it"),
  ]

  /// One number for each way in which the engine can fail, in the order of help.
  static let engineErrors: [(status: Int32, code: EngineError.Code, meaning: String)] = [
    (50, .runtimeUnavailable, "the OCI runtime is not installed"),
    (51, .runtimeFailed, "the OCI runtime said no; the message has its words"),
    (52, .invalidBundle, "the bundle cannot be used"),
    (53, .notRunning, "it has no process"),
    (54, .alreadyRunning, "it has a process already"),
    (55, .stillRunning, "it has a process, and only --force removes it"),
    (56, .beingRemoved, "its removal has begun"),
    (57, .monitorFailed, "its monitor could not be started, or died"),
    (58, .timedOut, "a process did not end or answer in time"),
    (59, .runDirectoryUnusable, "the run directory cannot be used"),
    (60, .system, "the kernel refused something to the engine"),
  ]

  static func of(_ code: StoreError.Code) -> Int32 {
    storeErrors.first { $0.code == code }?.status ?? failed
  }

  static func of(_ code: EngineError.Code) -> Int32 {
    engineErrors.first { $0.code == code }?.status ?? failed
  }
}
