internal import Platform

/// How a WAL is kept from growing for ever under snapshots that overlap.
///
/// A snapshot keeps all frames since it began from being copied back. Where at every moment somebody has one,
/// no copy reaches the end of the WAL, which then never starts anew. While the gate is held nobody adds
/// frames: once all are copied, later snapshots read the database alone, and those from before end one by
/// one. So the commit that takes the WAL past 8, 16, 32, 64, 128, 192 … times its limit waits for them inside
/// the gate; that is one commit, however many processes there are (DURABILITY D-8).
///
/// Source: `walTryBeginRead` and `walRestartLog` in SQLite's `wal.c`.
struct OverdueWAL {
  /// The frames after which the WAL is copied back, at least 1.
  let limit: Int

  private static let firstMultiple = 8
  private static let patienceNanoseconds: UInt64 = 10_000_000
  private static let longestPatienceNanoseconds: UInt64 = 1_000_000_000

  /// How long the commit that made `after` frames of `before` waits for the end of snapshots; nil where it is
  /// not the one to do so.
  func patienceNanoseconds(before: Int, after: Int) -> UInt64? {
    guard steps(after) > steps(before) else { return nil }
    return min(UInt64(after / limit) * Self.patienceNanoseconds, Self.longestPatienceNanoseconds)
  }

  /// How often a WAL of this length has become overdue: at each doubling, and from 64 times the limit on at
  /// each 64 times more.
  private func steps(_ frames: Int) -> Int {
    let multiple = frames / (limit * Self.firstMultiple)
    if multiple < 8 { return Int.bitWidth - multiple.leadingZeroBitCount }
    return 3 + multiple / 8
  }
}

extension Database {
  /// Waits inside the gate until the WAL can start anew, where this commit has made it overdue; for a while
  /// only.
  ///
  /// The commit is acknowledged whatever becomes of this: a WAL that stays long is named by `verify`.
  func freeWALIfOverdue(_ connection: Connection, deadlineNanoseconds: UInt64) {
    let overdue = OverdueWAL(limit: max(1, options.walCheckpointFrames))
    let frames = Int(connection.callbackState.pointee.walFrames)
    guard let patience = overdue.patienceNanoseconds(before: connection.framesBeforeWriting, after: frames)
    else { return }
    let deadline = min(deadlineNanoseconds, Clock.monotonicNanoseconds + patience)
    _ = try? behindGate("wait for readers of the WAL", deadlineNanoseconds: deadline) {
      try connection.freeWAL(deadlineNanoseconds: deadline) {
        try copyBack(connection, deadlineNanoseconds: deadline).isComplete
      }
    }
  }
}

extension Connection {
  /// Copies until all is copied and nobody reads the WAL, at most until the deadline.
  fileprivate func freeWAL(deadlineNanoseconds: UInt64, copying: () throws -> Bool) throws {
    var attempt: Int32 = 0
    while true {
      // The copy sets the deadline for itself and takes it back.
      if try copying(), try !hasWALReaders() { return }
      callbackState.pointee.deadlineNanoseconds = deadlineNanoseconds
      defer { callbackState.pointee.deadlineNanoseconds = 0 }
      guard callbackState.pointee.pauseForOthers(attempt: attempt) else { return }
      attempt += 1
    }
  }

  /// Whether a snapshot needs frames of the WAL; asked as SQLite itself asks before it starts the WAL anew.
  private func hasWALReaders() throws(StorageError) -> Bool {
    for number in 1...4 {
      let mark = WALLock.readMark(number)
      guard try lock(mark) else { return true }
      unlock(mark)
    }
    return false
  }
}
