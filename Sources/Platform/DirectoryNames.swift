import CPlatform
internal import Glibc
internal import Synchronization

/// Whether the names in a directory are what they were when they were last looked at, in one system call that
/// walks no path.
///
/// The kernel stamps a directory with the time whenever a name in it is made, taken away or given to another
/// file. Where the stamp is that of the last look, and was past already when that look was made, the look
/// still holds: any change since would have left another one. Whether the directory itself is where it was is
/// for the caller to know.
package struct DirectoryNames: ~Copyable, Sendable {
  private let path: String
  /// Below 0 where there is none: then every time is the first.
  private let descriptor: Int32
  /// Which directory that is.
  private let identity: FileIdentity?
  /// The stamp of the last look that will hold until there is another one.
  private let settledNanoseconds = Atomic<Int64>(.min)
  private let owner = ForkDetector()

  /// The names in the directory that is at this path now, wherever it goes; nil: every time is the first.
  package init(directory path: String?) {
    self.path = path ?? ""
    let opened = path.map { path in uninterrupted { platform_open_directory(path) } } ?? -1
    identity = Self.look(at: opened)?.identity
    if identity == nil, opened >= 0 { _ = close(opened) }
    descriptor = identity == nil ? -1 : opened
  }

  deinit {
    // PROTOCOL L-8: the number may be another file's by now, in a forked child or where other code closed it.
    guard descriptor >= 0, owner.isSameProcess else { return }
    if let found = Self.look(at: descriptor), found.identity != identity { return }
    _ = close(descriptor)
  }

  /// Looks at the names, unless that need not be: `look` has returned before, and no name has changed since.
  ///
  /// - Parameter look: throws where a name is not what it should be.
  /// - Throws: what `look` throws.
  package func check<Failure: Error>(_ look: () throws(Failure) -> Void) throws(Failure) {
    guard let stamp = stampNanoseconds else { return try look() }
    if stamp == settledNanoseconds.load(ordering: .relaxed) { return }
    // Before the look: what changes from now on has this time or a later one, unless the clock is set back.
    let now = Int64(bitPattern: Clock.coarseRealTimeNanoseconds)
    // A change that has stamped the directory may still be under way, and paths show the old file until then.
    // FAILPOINT names.before-reading: the stamp is past, and what it is of may not show yet.
    let willHold =
      Self.isPast(stamp, at: now) && failpointErrno("names.before-reading") == 0
      && platform_await_directory(descriptor) == 0
    try look()
    // What was looked at by path may be in another directory than this one.
    if willHold, FileIdentity(path: path) == identity {
      settledNanoseconds.store(stamp, ordering: .relaxed)
    }
  }

  /// Whether a change at this time, or later, gets another stamp.
  ///
  /// Both times are of the clock that the kernel stamps with. One that shows no part of a second is of a file
  /// system that keeps none, where a change in the same second would look the same.
  package static func isPast(_ stampNanoseconds: Int64, at nowNanoseconds: Int64) -> Bool {
    let (age, overflows) = nowNanoseconds.subtractingReportingOverflow(stampNanoseconds)
    return stampNanoseconds % 1_000_000_000 != 0 && !overflows && age >= 20_000_000
  }

  /// The stamp; nil where there is no descriptor, or it is another file's by now.
  private var stampNanoseconds: Int64? {
    guard let found = Self.look(at: descriptor), found.identity == identity else { return nil }
    return found.stampNanoseconds
  }

  private static func look(at descriptor: Int32) -> (identity: FileIdentity, stampNanoseconds: Int64)? {
    var stamp = platform_directory_stamp()
    guard descriptor >= 0, platform_look_at_directory(descriptor, &stamp) == 0 else { return nil }
    return (FileIdentity(device: stamp.device, inode: stamp.inode), stamp.changed_ns)
  }
}
