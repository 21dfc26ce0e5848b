import Glibc
import Platform

/// One lockfile of a directory, and who is concerned with it.
package struct LockReport: Sendable, Hashable {
  package let fileName: String
  /// Who holds it; nil when it is free.
  package let holder: LockHolder?
  /// Who waits for it, in the kernel's order; 0 for a process of another pid namespace.
  package let waiterPIDs: [Int32]
  /// How many threads of this process queue for it.
  package let waitingThreads: Int
  /// Why nothing can be said about it; nil in the ordinary case.
  package let failure: LockError?
}

extension LockTable {
  /// Who is concerned with the lockfiles of these names, those that are there.
  ///
  /// Process safety: files are opened through the table alone, since closing one elsewhere would drop
  /// this process's lock on it. What is said may have changed by the time it is read.
  ///
  /// - Parameters:
  ///   - names: lockfiles and nothing else: each is opened.
  ///   - directory: canonical path.
  ///   - listsWaiters: whether to ask who waits: the kernel stops all locking while it lists every lock that
  ///     there is.
  /// - Returns: a report for each file, in the order of the names.
  /// - Throws: `usedAfterFork`, `system` where `/proc/locks` cannot be read.
  package func report(
    on names: [String], in directory: String, listsWaiters: Bool = true
  ) throws(LockError) -> [LockReport] {
    guard fork.isSameProcess else { throw .usedAfterFork }
    let locks = listsWaiters ? try kernelLocks() : []
    var waiters: [FileIdentity: [Int32]] = [:]
    for lock in locks where lock.isWaiting && lock.kind == .posix {
      waiters[lock.file, default: []].append(lock.pid)
    }
    return names.compactMap { report(fileName: $0, in: directory, waiters: waiters) }
  }

  private func report(
    fileName: String, in directory: String, waiters: [FileIdentity: [Int32]]
  ) -> LockReport? {
    do throws(LockError) {
      guard let entry = try descriptors.checkOut(path: directory + "/" + fileName, creates: false)
      else { return nil }
      defer { descriptors.checkIn(entry) }
      return LockReport(
        fileName: fileName, holder: LockHolder.of(entry),
        waiterPIDs: waiters[entry.identity] ?? [], waitingThreads: entry.queueLength, failure: nil)
    } catch {
      return LockReport(fileName: fileName, holder: nil, waiterPIDs: [], waitingThreads: 0, failure: error)
    }
  }
}

/// What `LockTable.reapOrphans` did.
package struct ReapReport: Sendable, Hashable {
  /// Names of the lockfiles that were removed.
  package var reaped: [String] = []
  /// Names of those that are held by somebody, the calling thread included, and were left.
  package var held: [String] = []
  /// Names of those that could not be judged or removed, and why.
  package var failures: [String: LockError] = [:]
}

extension LockTable {
  /// Removes those of the named lockfiles that nothing refers to any more.
  ///
  /// PROTOCOL L-15: each lock is taken without waiting, the question is asked under it, and only then is
  /// the file unlinked. One that is held is left to its holder or to the next reaping.
  /// - Parameters:
  ///   - fileNames: lockfiles and nothing else: the record of the holder is written over what a file holds.
  ///   - directory: canonical path.
  ///   - isOrphan: gets the file name; its answer has to be true as long as the lock is held.
  /// - Returns: what was removed, what is held, and what could not be judged.
  /// - Throws: `usedAfterFork`, `wouldDeadlock` inside the gate.
  package func reapOrphans(
    among fileNames: [String], in directory: String, isOrphan: (_ fileName: String) -> Bool
  ) throws(LockError) -> ReapReport {
    var report = ReapReport()
    for fileName in fileNames {
      let name = LockName.reaping(fileName, in: directory)
      do throws(LockError) {
        let grant = try acquire(name, wait: .none, operation: "reap orphaned lockfiles")
        guard isOrphan(fileName) else { continue }
        if grant.unlinkAndRelease() {
          report.reaped.append(fileName)
        } else {
          report.failures[fileName] = .system(call: "unlink", path: name.path, errno: EIO)
        }
      } catch {
        switch error {
        case _ where error.isHeld: report.held.append(fileName)
        case .usedAfterFork, .wouldDeadlock: throw error
        default: report.failures[fileName] = error
        }
      }
    }
    return report
  }
}
