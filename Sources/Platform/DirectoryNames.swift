import CPlatform
internal import Glibc
internal import Synchronization

/// Whether the names in a directory are what they were when they were last looked at, in one system call that
/// walks no path.
///
/// The kernel stamps a directory with the time whenever a name in it is made, taken away or given to another
/// file, and where it is moved itself. Where the stamp is that of the last look, and was past already when
/// that look was made, the look still holds: any change since would have another one.
package struct DirectoryNames: ~Copyable, Sendable {
  private let path: String
  /// Below 0 where there is none: then every time is the first.
  private let descriptor: Int32
  private let identity: FileIdentity?
  /// The stamp of the last look that will hold until there is another one.
  private let settledNanoseconds = Atomic<Int64>(.min)
  private let owner = ForkDetector()

  /// The names in the directory that is at this path now, wherever it goes; nil: every time is the first.
  package init(directory path: String?) {
    self.path = path ?? ""
    descriptor = path.map { path in uninterrupted { platform_open_directory(path) } } ?? -1
    identity = Self.stamp(of: descriptor).map { FileIdentity(device: $0.device, inode: $0.inode) }
  }

  deinit {
    // PROTOCOL L-8: in a forked child the number may be another file's by now.
    if descriptor >= 0, owner.isSameProcess { _ = close(descriptor) }
  }

  /// Looks at the names, unless that need not be: `look` has returned before, and no name has changed since.
  ///
  /// - Parameter look: throws where a name is not what it should be.
  /// - Throws: what `look` throws.
  package func check<Failure: Error>(_ look: () throws(Failure) -> Void) throws(Failure) {
    guard let stamp = Self.stamp(of: descriptor),
      // Not where other code has closed the descriptor and its number is another file's.
      FileIdentity(device: stamp.device, inode: stamp.inode) == identity
    else { return try look() }
    if stamp.changed_ns == settledNanoseconds.load(ordering: .relaxed) { return }
    // Before the look: what changes from now on has this time or a later one.
    let now = Int64(bitPattern: Clock.coarseRealTimeNanoseconds)
    // A change that has stamped the directory may still be under way, and paths show the old file until then.
    let isQuiet = platform_await_directory(descriptor) == 0
    try look()
    // What was looked at by path may be in another directory than this one.
    if isQuiet, Self.isPast(stamp.changed_ns, at: now), FileIdentity(path: path) == identity {
      settledNanoseconds.store(stamp.changed_ns, ordering: .relaxed)
    }
  }

  /// Whether a change at this time, or later, gets another stamp.
  ///
  /// Both times are of the clock that the kernel stamps with. One that shows no part of a second is of a file
  /// system that keeps none, where a change in the same second would look the same.
  package static func isPast(_ stampNanoseconds: Int64, at nowNanoseconds: Int64) -> Bool {
    stampNanoseconds % 1_000_000_000 != 0 && nowNanoseconds - stampNanoseconds >= 20_000_000
  }

  private static func stamp(of descriptor: Int32) -> platform_directory_stamp? {
    var stamp = platform_directory_stamp()
    guard descriptor >= 0, platform_look_at_directory(descriptor, &stamp) == 0 else { return nil }
    return stamp
  }
}
