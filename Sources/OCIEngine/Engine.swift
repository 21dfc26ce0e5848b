public import ContainerStateStore
internal import Platform
internal import Synchronization

/// A small container engine without a daemon, on the public interface of the store alone.
///
/// Each operation takes the container's lock, reads it afresh, finishes or undoes what a dead process had
/// begun, records an intent, acts, and writes the outcome together with the end of the intent. A monitor
/// process per container outlives the calling one and records the exit code. Safe from many threads; forks
/// nothing, changes neither the directory nor the signals of the calling process.
///
/// The calling process must not ignore SIGCHLD, nor reap children that it did not start itself: the exit
/// statuses of runtimes would be lost.
public final class Engine: Sendable {
  /// The store that the engine works on; it stays the caller's to close.
  public let store: StateStore
  /// How the engine works.
  public let options: EngineOptions
  /// Where everything of this boot is.
  let run: RunDirectory
  private let longestWait = Mutex<(nanoseconds: UInt64, holder: LockHolder?)>((0, nil))

  /// An engine on an open store; makes the run directory where it is missing.
  ///
  /// - Throws: `runDirectoryUnusable` where it cannot be made, is writable by others, or belongs to another
  ///   store.
  public init(store: StateStore, options: EngineOptions = .init()) throws(EngineError) {
    self.store = store
    self.options = options
    let path = options.runDirectory ?? RunDirectory.standardPath(for: store.location)
    run = try RunDirectory(path: path, storeRoot: store.location.root)
  }

  /// The longest that any operation of this engine waited for a container's lock, and who had it.
  public var longestLockWait: (nanoseconds: UInt64, holder: LockHolder?) { longestWait.withLock { $0 } }

  /// `withLockedContainer` of the store, with the wait noted.
  func withLock<R>(
    _ id: ContainerID, _ operation: String, wait: LockWait? = nil,
    _ body: (borrowing LockedContainer) throws -> R
  ) throws -> R {
    try store.withLockedContainer(id, wait: wait ?? options.lockWait, operation: operation) { locked in
      let waited = locked.lockWait
      longestWait.withLock { if waited.nanoseconds > $0.nanoseconds { $0 = waited } }
      return try body(locked)
    }
  }

  /// Says that a step of an operation has been done: the failpoint `engine.OPERATION.DONE`.
  @inline(__always)
  func step(_ operation: StaticString, _ done: StaticString) { Engine.step(operation, done) }

  /// FAILPOINT engine.*: one behind each step of each operation.
  @inline(__always)
  static func step(_ operation: StaticString, _ done: StaticString) {
    #if FAILPOINTS
      _ = Failpoints.pass("engine.\(operation).\(done)")
    #endif
  }
}
