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
  /// How many bytes of memory the answers may take that are given again, without asking the database, while
  /// nobody has changed anything; 0 switches that off.
  ///
  /// What goes beyond it is forgotten, all of it at once. A kept answer is never older than one that is asked
  /// for. Default: 8 MiB.
  public var keptAnswersMaximumBytes = 8 << 20
  /// How many bytes of the database each connection keeps in memory at most.
  ///
  /// A store has as many connections as calls run in it at once, and keeps up to four of them. Only what is
  /// read takes memory: about 4.5 KB for each page of 4 KB. 256 KiB to 1 GiB; what is outside is
  /// taken for the nearest of them. Default: 64 MiB.
  public var pageCacheMaximumBytes = 64 << 20
  /// Whether making a store writes its WAL, full of zeros, to the length it reaches anyway (5 MB), where the
  /// disk has sixteen times as much room.
  ///
  /// The first thousand durable changes then take no longer than all later ones. Stores that are made to be
  /// thrown away, or on which little is written, do without. Default: true.
  public var fillsNewWAL = true
  /// Whether a thread of the library copies the WAL back for a store that commits often.
  ///
  /// It starts with the 65th commit and ends after two seconds without work, with all signals blocked.
  /// Without it each call that finds a WAL checkpoint due takes that much longer. A program that forks
  /// without exec and relies on being single-threaded turns it off. Default: true.
  public var copiesBackInBackground = true
  /// How many of the changes that were recorded are kept, and for how long.
  public var changeRetention = ChangeRetention()
  /// The boot that this process runs in; nil for the kernel's `/proc/sys/kernel/random/boot_id`.
  public var bootID: String?

  /// The options that suit an engine on a local disk.
  public init() {}
}

/// How long a store remembers what was changed; what is beyond either limit is removed by later changes.
///
/// After a reboot the changes from before it are the first to go.
public struct ChangeRetention: Sendable, Hashable {
  /// About how many changes are kept, at least 1; the newest always is.
  public let count: Int32
  /// How old a change may become, by the wall clock.
  public let age: Duration

  /// Ten thousand changes, and none older than a day, unless said otherwise.
  public init(count: Int32 = 10_000, age: Duration = .seconds(86_400)) {
    self.count = max(1, count)
    self.age = age
  }

  var ageNanoseconds: Int64 {
    let (seconds, attoseconds) = age.components
    let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflows ? Int64.max / 2 : min(max(0, whole), Int64.max / 2) + attoseconds / 1_000_000_000
  }
}
