internal import Platform
internal import SQLiteStorage
public import StateModel

/// Reads the changes of a store in the order in which they were committed, and waits for the next.
///
/// It keeps no place: whoever reads says after which change to go on, so one that was killed goes on after
/// the last change that he has dealt with. Each change is read once by whoever goes on from the place that
/// the last batch names (INVARIANT I-11). Safe from many threads; one at a time should wait.
public final class ChangeReader: Sendable {
  private let store: StateStore
  private let watch: FileWatch
  /// How long a wait goes on without any sign of a write before it looks all the same.
  private let longestPauseNanoseconds: UInt64

  /// A reader of the changes of `store`, which has to stay open.
  ///
  /// - Throws: `closed`, `usedAfterFork`, `io` where no descriptor can be had.
  public convenience init(_ store: StateStore) throws(StoreError) {
    try self.init(store, longestPause: .seconds(1))
  }

  package init(_ store: StateStore, longestPause: Duration) throws(StoreError) {
    try store.checkUsable("read changes")
    self.store = store
    // The kernel watches the path; a descriptor of the WAL that is closed would take SQLite's locks along.
    watch = try FileWatch(path: store.location.database + "-wal")
    let (seconds, attoseconds) = longestPause.components
    longestPauseNanoseconds = UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }

  /// Whether the kernel wakes this reader; without that (it has a limited number of watches for each user)
  /// changes are seen within a second.
  public var isWokenByKernel: Bool { watch.isWatching }

  /// The changes after `position` that there are now, at most `limit` of them.
  ///
  /// - Parameters:
  ///   - position: what the last batch named, or a change that was read; `.beginning` for all.
  ///   - limit: from 1.
  /// - Returns: an empty batch where there is none.
  /// - Throws: `invalidArgument` where this store has not given out the place, `closed`, `usedAfterFork`,
  ///   `corrupt`, `io`.
  /// - Blocking: for nobody.
  public func next(after position: ChangeSequence, limit: Int = 256) throws(StoreError) -> ChangeBatch {
    try store.perform("read changes") {
      try store.database.read { try ChangeRows.batch(after: position, limit: limit, in: $0) }
    }
  }

  /// The changes after `position`, waiting until there are any.
  ///
  /// - Parameters:
  ///   - position: as for `next`.
  ///   - limit: from 1.
  ///   - deadlineNanoseconds: on `CLOCK_MONOTONIC`; `UInt64.max` for none.
  /// - Returns: an empty batch where the deadline passed first, or `interrupt` was called.
  /// - Throws: as `next`; `storeReplaced` where the store's files are others now.
  /// - Blocking: up to the deadline. The kernel wakes it at each write to the WAL; without one it looks once
  ///   a second.
  /// - Process safety: a writer may be killed or stopped at any moment; what it committed is returned.
  public func wait(
    after position: ChangeSequence, limit: Int = 256, deadlineNanoseconds: UInt64
  ) throws(StoreError) -> ChangeBatch {
    // A write whose commit was not to be seen yet may have been drained with the one before.
    var pause = Self.shortestPauseNanoseconds
    while true {
      // Before the look: what is written after it wakes the wait.
      watch.drain()
      let batch = try next(after: position, limit: limit)
      let now = Clock.monotonicNanoseconds
      guard batch.isEmpty, now < deadlineNanoseconds else { return batch }
      let (look, overflows) = now.addingReportingOverflow(pause)
      switch watch.wait(deadlineNanoseconds: min(overflows ? .max : look, deadlineNanoseconds)) {
      case .interrupted: return batch
      case .written:
        // The WAL is written a moment before its index makes the commit visible, and that tells nobody.
        pause = Self.shortestPauseNanoseconds
        try checkIdentity()
      case .deadline: pause = min(2 * pause, longestPauseNanoseconds)
      }
    }
  }

  /// Ends the wait of another thread, and each later one, at once.
  public func interrupt() { watch.interrupt() }

  private static let shortestPauseNanoseconds: UInt64 = 20_000

  private func checkIdentity() throws(StoreError) {
    try store.perform("read changes") { try store.database.checkIdentity() }
  }
}

extension StateStore {
  /// The place of the newest change, after which whoever reads the records now goes on; `.beginning` where
  /// nothing was changed yet.
  ///
  /// - Throws: `closed`, `usedAfterFork`, `io`.
  /// - Blocking: for nobody.
  public func lastChange() throws(StoreError) -> ChangeSequence {
    try perform("read changes") {
      ChangeSequence(rawValue: try database.readOne { try ChangeRows.newest(in: $0) })
    }
  }

  /// The place before the oldest change that the store still has.
  ///
  /// - Throws: `closed`, `usedAfterFork`, `io`.
  /// - Blocking: for nobody.
  public func placeBeforeOldestChange() throws(StoreError) -> ChangeSequence {
    try perform("read changes") { try database.readOne { try ChangeRows.beforeOldest(in: $0) } }
  }

  /// The place of the last change that was made before `moment`, by the wall clocks of those who made them.
  ///
  /// - Throws: `closed`, `usedAfterFork`, `io`.
  /// - Blocking: for nobody.
  public func lastChange(before moment: Timestamp) throws(StoreError) -> ChangeSequence {
    try perform("read changes") {
      try database.read { connection in
        try max(ChangeRows.last(before: moment, in: connection), ChangeRows.beforeOldest(in: connection))
      }
    }
  }
}
