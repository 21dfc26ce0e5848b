import CPlatform
import Glibc
package import Platform

/// The store-wide lock that every write transaction and every WAL checkpoint holds.
///
/// Its lockfile is opened once, stays open, and is never unlinked (L-13, L-14).
/// Process safety: as for every lock of `LockTable`; a forked child gets `usedAfterFork`.
package final class WriteGate: Sendable {
  /// Where the lockfile is; its rank comes after every other lock's.
  package let name: LockName
  /// Which file was opened.
  package var identity: FileIdentity { entry.identity }
  private let table: LockTable
  private let entry: LockEntry
  /// nil on a disk too full for it: the record is then written as for every other lock.
  private let page: GatePage?

  /// Opens the gate, and creates its lockfile when missing.
  ///
  /// - Parameters:
  ///   - directory: canonical path.
  ///   - fileName: one path component.
  /// - Throws: `unsafePath`, `directoryMissing`, `system`.
  package init(directory: String, fileName: String = "gate") throws(LockError) {
    let name = LockName(directory: directory, fileName: fileName, rank: 255, key: "")
    let table = LockTable.shared
    guard let entry = try table.descriptors.checkOut(path: name.path, creates: true) else {
      throw .directoryMissing(path: name.path)
    }
    self.name = name
    self.table = table
    self.entry = entry
    page = GatePage(descriptor: entry.descriptor)
  }

  deinit {
    // PROTOCOL L-8: a forked child closes nothing of its parent's.
    if table.fork.isSameProcess { table.descriptors.checkIn(entry) }
  }

  /// Takes the gate for the calling thread, which has to leave it.
  ///
  /// - Parameters:
  ///   - operation: shown to those who wait meanwhile.
  ///   - deadlineNanoseconds: CLOCK_MONOTONIC; 0: do not wait, `UInt64.max`: no end.
  /// - Throws: `timeout`, `wouldDeadlock` when the thread is inside already, `replaced` when the file at the
  ///   path is another one by now or was truncated, `unsafePath` when it has got another name as well or
  ///   others may write to it, `usedAfterFork`, `system`.
  /// - Blocking: up to the deadline.
  package func enter(operation: String, deadlineNanoseconds: UInt64) throws(LockError) {
    guard table.fork.isSameProcess else { throw .usedAfterFork }
    let thread = ThreadLocks.current
    try thread.push(name)
    do throws(LockError) {
      try enter(thread: thread, deadlineNanoseconds: deadlineNanoseconds)
    } catch {
      thread.remove(name)
      throw error
    }
    writeRecord(operation: operation)
  }

  /// Takes the gate when it is free; false when somebody else is inside.
  ///
  /// - Parameter operation: as for `enter`.
  /// - Returns: whether the calling thread is inside now.
  /// - Throws: as `enter`, without `timeout`.
  package func tryEnter(operation: String) throws(LockError) -> Bool {
    do throws(LockError) {
      try enter(operation: operation, deadlineNanoseconds: 0)
      return true
    } catch {
      if case .timeout = error { return false }
      throw error
    }
  }

  /// Lets the gate go; called once by the thread that entered.
  ///
  /// In a forked child it does nothing.
  package func leave() {
    guard table.fork.isSameProcess else { return }
    // FAILPOINT gate.leaving: all is done inside the gate.
    failpoint("gate.leaving")
    _ = platform_lock_release(entry.descriptor, 0, 0)
    // FAILPOINT gate.left: anybody may enter, and nobody who sleeps knows.
    failpoint("gate.left")
    page?.bell.ring()
    entry.passOn()
    ThreadLocks.current.remove(name)
  }

  /// A number in the gate's file that all processes see at once, inside the gate or not; 0 where none was
  /// set, or where the file cannot hold one (full disk).
  package var mark: UInt64 { page?.mark ?? 0 }

  /// Sets the mark, 0 for none; false where the file cannot hold one.
  package func setMark(_ mark: UInt64) -> Bool {
    page?.mark = mark
    return page != nil
  }

  /// Bytes in the gate's file that all processes see at once, for those who use the gate.
  ///
  /// Zeros in a new file. Good as long as the gate; nil where the file cannot hold them (full disk).
  package var lentBytes: UnsafeMutableRawPointer? { page?.lent }

  /// How many they are.
  package static let lentSize = GatePage.size - GatePage.lentOffset

  /// Whether the kernel still has the gate as this process's, on the file that its path names.
  package func isStillHeld() -> Bool {
    table.fork.isSameProcess && entry.isLockedByThisProcess && entry.identity.isAt(path: name.path)
  }

  private func enter(thread: ThreadLocks, deadlineNanoseconds: UInt64) throws(LockError) {
    var request = LockRequest(
      name: name, thread: thread, deadlineNanoseconds: deadlineNanoseconds, gate: self)
    // Nothing in this library takes the file away, so a request told to start again asks the same file.
    while try !obtain(&request) {}
    do throws(LockError) { try checkFile() } catch {
      // Without a ring: its page may be no more in the file, and whoever sleeps does not sleep for long.
      _ = platform_lock_release(entry.descriptor, 0, 0)
      entry.passOn()
      throw error
    }
  }

  /// Sleeps until whoever is inside leaves, and asks the kernel for the gate again, as long as somebody
  /// leaves now and then.
  ///
  /// PROTOCOL L-5: what nobody has rung for, because he was killed, is left to a wait in the kernel.
  /// - Returns: 0, or an errno: EAGAIN where the gate could not be had.
  func sleepAndTry(deadlineNanoseconds: UInt64) -> Int32 {
    guard let page else { return EAGAIN }
    var hasRung = true
    // A page that is no more in the file must not be touched.
    while (try? checkFile()) != nil {
      // Each look is announced, the last one too: who was woken rings for the next, if he gets in.
      let announced = page.bell.announceSleep()
      let code = entry.tryKernelLock()
      let now = Clock.monotonicNanoseconds
      if code != EAGAIN || now >= deadlineNanoseconds || !hasRung { return code }
      let end = min(deadlineNanoseconds, now + LockPause.silenceAtGateNanoseconds)
      hasRung = page.bell.awaitRing(since: announced, deadlineNanoseconds: end)
    }
    return EAGAIN
  }

  /// Throws unless the file is the same still, under this one name, and as long as what is mapped of it; one
  /// system call.
  private func checkFile() throws(LockError) {
    let status = try FileStatus.of(path: name.path)
    guard let status, FileIdentity(status) == entry.identity,
      page == nil || status.size >= UInt64(GatePage.size)
    else { throw .replaced(path: name.path) }
    if let reason = FileStatus.reasonAgainst(status, ownerID: entry.ownerID) {
      throw .unsafePath(path: name.path, reason: reason)
    }
  }

  private func writeRecord(operation: String) {
    let bootTimeNanoseconds = Clock.bootTimeNanoseconds
    if let page {
      table.record.encode(
        into: page.record, operation: operation, realTimeNanoseconds: Clock.realTimeNanoseconds,
        bootTimeNanoseconds: bootTimeNanoseconds)
    } else {
      table.record.write(
        to: entry.descriptor, operation: operation, bootTimeNanoseconds: bootTimeNanoseconds)
    }
  }

  private func obtain(_ request: inout LockRequest) throws(LockError) -> Bool {
    try table.obtain(entry, for: &request)
  }
}
