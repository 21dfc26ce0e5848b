/// How a store is opened.
public struct StoreOptions: Sendable {
  /// How long an operation that takes no `wait` may wait: for the write gate, for a foreign program's lock on
  /// the database, and for the lock of a container that is being added.
  ///
  /// Default: 10 s.
  public var operationTimeout: Duration = .seconds(10)
  /// What the engine must agree on with every other user of the store.
  public var runtimeIdentity = RuntimeIdentity()
  /// Whether to open on a file system that is known to break locks or shared memory (NFS, SMB, 9p, FUSE).
  public var allowsUnfitFilesystem = false
  /// After how many frames in the WAL a commit is followed by a WAL checkpoint.
  ///
  /// Default: 1,000 (4 MB).
  public var walCheckpointFrames: Int32 = 1_000
  /// The boot that this process runs in; nil for the kernel's `/proc/sys/kernel/random/boot_id`.
  public var bootID: String?

  /// The options that suit an engine on a local disk.
  public init() {}
}
