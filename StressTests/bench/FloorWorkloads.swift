internal import CBenchFloor
internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// The cases in plain C.
struct FloorWorkloads {
  let context: WorkloadContext
  /// Whose database it is.
  var subject = Subject.floor
  var cell: Cell { context.cell }
  var path: String { context.place.database(of: subject) }

  func workload() throws -> Workload {
    switch cell.benchCase {
    case .lockKept:
      let lock = KeptLock(context.place.locks + "/floor.lock")
      return Workload { _ in
        lock.take()
        lock.letGo()
      }
    case .lockOpened:
      let paths = (0..<200).map { CText(context.place.locks + "/floor-\($0).lock") }
      for path in paths { close(floor_open_lock(path.start).descriptor) }
      return Workload { floor_lock_opened(paths[$0 % paths.count].start) }
    case .openHeld: return opening()
    case .openSole:
      floor_leave_frames(path, 0)
      return opening()
    case .openAfter100: return opening(frames: 100)
    case .openAfter1000: return opening(frames: 1_000)
    case .start, .startStatic, .ask, .askStatic: return try program()
    case .lockCommon:
      let lock = KeptLock(context.place.locks + "/floor-common.lock")
      return Workload { _ in
        lock.take()
        sleepForAMillisecond()
        lock.letGo()
      }
    case .changeSeen: return try changeSeen()
    case .freshCommits: return try FreshWorkloads(context: context, subject: subject).workload()
    default: break
    }
    let database = try openDatabase()
    var workload = workload(on: database)
    workload.close = { floor_close(database, 0) }
    return workload
  }

  func openDatabase() throws -> OpaquePointer {
    guard let database = floor_open(path) else { throw StressFailure("\(path) cannot be opened") }
    // What the sequence of changes costs is asked with the store's database, in C.
    let records = cell.benchCase == .changeRow ? subject == .store : subject == .floor
    if records { floor_record_changes(database) }
    if cell.benchCase == .sessionAdd { floor_commit_only(database) }
    return database
  }

  private func workload(on database: OpaquePointer) -> Workload {
    let ids = context.readIndices.map { CText(Corpus.id($0)) }
    let names = context.readIndices.map { CText(Corpus.name($0)) }
    let watched = CText(Corpus.id(context.watchedIndex))
    let watchedName = CText(Corpus.name(context.watchedIndex))
    let prefixes = context.readIndices.map { CText(String(Corpus.id($0).prefix(12))) }
    // The first container has generation 1.
    let generations = context.readIndices.map { Int64($0) + 1 }
    let own = Int64(context.ownIndex) + 1
    let ownID = CText(Corpus.id(context.ownIndex))
    let context = context
    switch cell.benchCase {
    case .pointRead: return Workload { free(floor_container(database, ids[$0 % ids.count].start)) }
    case .stateRead: return Workload { free(floor_state(database, ids[$0 % ids.count].start)) }
    case .has: return Workload { _ = floor_has(database, ids[$0 % ids.count].start) }
    case .lookUpName: return Workload { free(floor_look_up(database, names[$0 % names.count].start)) }
    case .lookUpPrefix: return Workload { free(floor_look_up(database, prefixes[$0 % prefixes.count].start)) }
    case .list, .listKept: return Workload { _ in floor_free_list(floor_all(database)) }
    case .stateKept: return Workload { _ in free(floor_state(database, watched.start)) }
    case .containerKept: return Workload { _ in free(floor_container(database, watched.start)) }
    case .lookUpKept: return Workload { _ in free(floor_look_up(database, watchedName.start)) }
    case .stateBeside, .stateAfterCommit:
      var workload = Workload(
        before: context.committing(to: path), perform: { _ in free(floor_state(database, watched.start)) })
      if cell.benchCase == .stateBeside { workload.batch = BenchCase.readsPerLook }
      return workload
    case .listIDs: return Workload { _ in floor_free_list(floor_all_ids(database)) }
    case .mix:
      return Workload { index in
        let (isUpdate, step) = context.mixed(index)
        if isUpdate {
          floor_update(database, generations[step], ids[step].start)
        } else {
          free(floor_container(database, ids[step].start))
        }
      }
    case .update, .changeRow: return updating(database)
    case .commits:
      return Workload { _ in
        for _ in 0..<BenchCase.commitsPerLock { floor_update(database, own, ownID.start) }
      }
    case .add, .remove: return changing(database)
    case .podAdd, .podLookUp, .podRemove: return pods(database)
    case .networkConnect, .sessionAdd: return parts(database)
    case .exitCodeRecord, .exitCodeRead: return exitCodes(database)
    case .changesRead:
      return Workload { _ in
        floor_free_list(floor_changes(database, floor_newest_change(database) - 100, 100))
      }
    case .filterLabel:
      return Workload { _ in floor_free_list(floor_labelled(database, "org.example.rare", "yes")) }
    default: return Workload { _ in floor_update(database, own, ownID.start) }
    }
  }

  private func updating(_ database: OpaquePointer) -> Workload {
    let id = CText(Corpus.id(context.ownIndex))
    let generation = Int64(context.ownIndex) + 1
    let lock = KeptLock("\(context.place.locks)/\(subject.name)-update.lock")
    return Workload { _ in
      lock.take()
      free(floor_container(database, id.start))
      floor_update(database, generation, id.start)
      lock.letGo()
    }
  }

  private func changing(_ database: OpaquePointer) -> Workload {
    var next = NewContainer(context, 0, subject)
    let context = context
    let subject = subject
    func add() {
      let lock = Corpus.specification.bytes.withUnsafeBytes {
        floor_take_files(next.lock.start, next.copy.start, $0.baseAddress, UInt64($0.count))
      }
      floor_add(database, next.id.start, next.name.start)
      floor_keep_files(lock)
    }
    func remove() {
      let lock = floor_take_lock(next.lock.start)
      floor_remove(database, next.id.start)
      floor_drop_files(lock, next.lock.start, next.copy.start)
    }
    if cell.benchCase == .add {
      return Workload(
        before: { next = NewContainer(context, $0, subject) }, perform: { _ in add() },
        after: { _ in remove() })
    }
    return Workload(
      before: {
        next = NewContainer(context, $0, subject)
        add()
      }, perform: { _ in remove() })
  }

  private func program() throws -> Workload {
    let program = try benchProgram("cstate-bench-start", isStatic: cell.benchCase.isStatic)
    let path = path
    guard cell.containers > 0 else { return startWorkload([program, path]) }
    let names = context.readIndices.map { Corpus.name($0) }
    return startWorkload { [program, path, names[$0 % names.count]] }
  }

  private func opening(frames: UInt32? = nil) -> Workload {
    let path = CText(path)
    let id = CText(Corpus.id(0))
    // Beyond 100 frames the last one out copies the WAL back, as the store does (D-5).
    let copiesBack: Int32 = (frames ?? 0) > 100 ? 1 : 0
    var workload = Workload { _ in
      let database = floor_open(path.start)
      _ = floor_has(database, id.start)
      floor_close(database, copiesBack)
    }
    if let frames { workload.before = { _ in floor_leave_frames(path.start, frames) } }
    return workload
  }
}

extension WorkloadContext {
  /// Commits a change of this process's container, as a stranger in C: the same for whoever reads then.
  func committing(to path: String) -> (Int) -> Void {
    let id = CText(Corpus.id(ownIndex))
    let generation = Int64(ownIndex) + 1
    let stranger = floor_open(path)
    floor_record_changes(stranger)
    floor_commit_only(stranger)
    return { _ in floor_update(stranger, generation, id.start) }
  }
}

/// The texts of a container that is added, as C wants them.
struct NewContainer {
  let id: CText
  let name: CText
  let lock: CText
  let copy: CText

  init(_ context: WorkloadContext, _ index: Int, _ subject: Subject) {
    self.init(context, number: context.newIndex(index), subject)
  }

  init(_ context: WorkloadContext, number: UInt64, _ subject: Subject) {
    let text = Corpus.id(number)
    id = CText(text)
    name = CText(Corpus.name(number))
    lock = CText("\(context.place.locks)/\(subject.name)-\(text).lock")
    copy = CText("\(context.place.locks)/\(subject.name)-\(text).json")
  }
}

/// A lockfile that stays open.
final class KeptLock {
  private let path: CText
  private let lock: floor_lock

  init(_ path: String) {
    self.path = CText(path)
    lock = floor_open_lock(self.path.start)
  }

  deinit { close(lock.descriptor) }

  func take() { floor_lock_kept(lock) }
  func letGo() { floor_unlock_kept(lock) }
}

/// A text with a fixed address.
final class CText {
  let start: UnsafeMutablePointer<CChar>

  init(_ text: String) { start = strdup(text) }

  deinit { free(start) }
}
