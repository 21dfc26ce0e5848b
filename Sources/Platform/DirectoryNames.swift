import CPlatform
internal import Glibc
internal import Synchronization

/// Whether the names in a directory are what they were when they were last looked at, in one system call that
/// walks no path.
///
/// The kernel stamps a directory with the time whenever a name in it is made, taken away or given to another
/// file, and where it is moved itself. Where the stamp is that of the last look, and was past already when
/// that look was made, the look still holds: any change since would have a later one.
package struct DirectoryNames: ~Copyable, Sendable {
  /// Below 0 where it could not be opened: then every time is the first.
  private let descriptor: Int32
  /// The stamp of the last look that will hold until there is another one.
  private let settledNanoseconds = Atomic<Int64>(.min)

  /// The names in the directory that is at this path now, wherever it goes; nil: every time is the first.
  package init(directory path: String?) {
    descriptor = path.map { path in uninterrupted { platform_open_directory(path) } } ?? -1
  }

  deinit { if descriptor >= 0 { _ = close(descriptor) } }

  /// Looks at the names, unless that need not be: `look` has returned before, and no name has changed since.
  ///
  /// - Parameter look: throws where a name is not what it should be.
  /// - Throws: what `look` throws.
  package func check<Failure: Error>(_ look: () throws(Failure) -> Void) throws(Failure) {
    var stamp: Int64 = 0
    guard platform_directory_change(descriptor, &stamp) == 0 else { return try look() }
    if stamp == settledNanoseconds.load(ordering: .relaxed) { return }
    // Before the look: what changes from now on has this time or a later one.
    let now = Int64(bitPattern: Clock.coarseRealTimeNanoseconds)
    try look()
    if Self.isPast(stamp, at: now) { settledNanoseconds.store(stamp, ordering: .relaxed) }
  }

  /// Whether a change at this time, or later, gets a later stamp.
  ///
  /// Both times are of the clock that the kernel stamps with. A file system may cut them: those that keep
  /// whole seconds, or every second one, show no part of a second.
  package static func isPast(_ stampNanoseconds: Int64, at nowNanoseconds: Int64) -> Bool {
    let grain: Int64 = stampNanoseconds % 1_000_000_000 == 0 ? 3_000_000_000 : 20_000_000
    return nowNanoseconds - stampNanoseconds >= grain
  }
}
