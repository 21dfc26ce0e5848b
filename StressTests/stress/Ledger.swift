internal import Glibc
internal import StoreHistory
internal import StressSupport

/// What the coordinator writes down of the sessions.
final class Ledger {
  private let journal: CoordinatorJournal

  init(_ run: StressRun) throws(StressFailure) {
    do { journal = try CoordinatorJournal(directory: run.journals) } catch {
      throw StressFailure(error.description)
    }
  }

  /// Engines and foreign shells write down little or nothing, so nothing follows from their silence.
  func born(_ session: Int32, _ role: Role?) {
    note { try $0.born(session, isBusy: role != .engine && role != .shell) }
  }

  func died(_ session: Int32) { note { try $0.died(session) } }
  func stopped(_ session: Int32) { note { try $0.stopped(session) } }
  func woken(_ session: Int32) { note { try $0.woken(session) } }

  /// Without its journal a run cannot be judged.
  private func note(_ write: (borrowing CoordinatorJournal) throws -> Void) {
    do { try write(journal) } catch {
      _ = writeAll(Array("cstate-stress: \(error)\n".utf8), to: STDERR_FILENO)
      exit(1)
    }
  }
}
