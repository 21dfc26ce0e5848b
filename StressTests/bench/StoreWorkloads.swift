internal import CBenchFloor
internal import ContainerStateStore
internal import FileLocking
internal import Glibc
internal import StressSupport

/// The cases as a user of the library does them.
struct StoreWorkloads {
  let context: WorkloadContext
  var cell: Cell { context.cell }

  func workload() throws -> Workload {
    switch cell.benchCase {
    case .lockKept: return lock(files: 1)
    // One more than are kept open, several times over.
    case .lockOpened: return lock(files: 200)
    case .openHeld: return try opening()
    case .openSole:
      // Once is enough: neither side leaves frames behind where it wrote none.
      floor_leave_frames(context.place.storeDatabase, 0)
      return try opening()
    case .openAfter100: return try opening(frames: 100)
    case .openAfter1000: return try opening(frames: 1_000)
    case .start, .startStatic, .ask, .askStatic: return try program()
    case .lockCommon: return lockCommon()
    case .changeRow: return try FloorWorkloads(context: context, subject: .store).workload()
    case .changeSeen: return try changeSeen()
    case .freshCommits: return try FreshWorkloads(context: context, subject: .store).workload()
    default: break
    }
    var options = StoreOptions()
    if !cell.benchCase.keepsAnswers { options.keptAnswersMaximumBytes = 0 }
    let store = try StateStore(at: StoreLocation(root: context.place.store), options: options)
    var workload = try cell.benchCase.readsAgain ? reading(store) : workload(on: store)
    workload.close = { try store.close() }
    return workload
  }

  private func workload(on store: StateStore) throws -> Workload {
    let ids = try context.readIndices.map { try ContainerID(Corpus.id($0)) }
    let names = context.readIndices.map { Corpus.name($0) }
    let prefixes = ids.map { String($0.rawValue.prefix(12)) }
    let own = try ContainerID(Corpus.id(context.ownIndex))
    let context = context
    switch cell.benchCase {
    case .pointRead: return Workload { _ = try store.container(ids[$0 % ids.count]) }
    case .stateRead: return Workload { _ = try store.state(of: ids[$0 % ids.count]) }
    case .has: return Workload { _ = try store.hasContainer(ids[$0 % ids.count]) }
    case .lookUpName: return Workload { _ = try store.lookUpContainer(names[$0 % names.count]) }
    case .lookUpPrefix: return Workload { _ = try store.lookUpContainer(prefixes[$0 % prefixes.count]) }
    case .list:
      return Workload { [cell] _ in
        let list = try store.containerSummaries(including: [.labels, .ports])
        guard list.containers.count == cell.containers else {
          throw StressFailure("the listing is not complete")
        }
      }
    case .listIDs:
      return Workload { [cell] _ in
        guard try store.containerIDs().ids.count == cell.containers else {
          throw StressFailure("the listing is not complete")
        }
      }
    case .mix:
      return Workload { index in
        let (isUpdate, step) = context.mixed(index)
        if isUpdate { try update(store, ids[step]) } else { _ = try store.container(ids[step]) }
      }
    case .commits:
      return Workload { _ in
        try store.withLockedContainer(own, wait: .indefinitely) { locked in
          for _ in 0..<BenchCase.commitsPerLock { try locked.update(countRestart) }
        }
      }
    case .add, .remove: return try changing(store)
    case .podAdd, .podLookUp, .podRemove: return try pods(store)
    case .networkConnect, .sessionAdd: return try parts(store, of: own)
    case .exitCodeRecord, .exitCodeRead: return try exitCodes(store)
    case .changesRead: return try changes(store)
    case .filterLabel: return filter(store)
    default: return Workload { _ in try update(store, own) }
    }
  }

  /// What one container is asked for again and again, as its monitor does.
  private func reading(_ store: StateStore) throws -> Workload {
    let id = try ContainerID(Corpus.id(context.watchedIndex))
    let name = Corpus.name(context.watchedIndex)
    var workload: Workload
    switch cell.benchCase {
    case .stateKept: workload = Workload { _ in _ = try store.state(of: id) }
    case .containerKept: workload = Workload { _ in _ = try store.container(id) }
    case .lookUpKept: workload = Workload { _ in _ = try store.lookUpContainer(name) }
    case .listKept:
      workload = Workload { _ in _ = try store.containerSummaries(including: [.labels, .ports]) }
    case .stateBeside:
      let own = try ContainerID(Corpus.id(context.ownIndex))
      workload = Workload(
        before: { _ in try update(store, own, .committed) }, perform: { _ in _ = try store.state(of: id) })
    default:
      return Workload(
        before: context.committing(to: context.place.storeDatabase),
        perform: { _ in _ = try store.state(of: id) })
    }
    workload.batch = BenchCase.readsPerLook
    return workload
  }

  private func changing(_ store: StateStore) throws -> Workload {
    // What the caller has made before he calls.
    var next = try Corpus.configuration(context.newIndex(0))
    let context = context
    func add(_ durability: Durability) throws {
      try store.add(
        next, specification: Corpus.specification, state: Corpus.state, stateExtra: Corpus.stateExtra,
        durability: durability)
    }
    func remove(_ durability: Durability) throws {
      try store.withLockedContainer(next.id, wait: .indefinitely) { try $0.remove(durability: durability) }
    }
    if cell.benchCase == .add {
      return Workload(
        before: { next = try Corpus.configuration(context.newIndex($0)) },
        perform: { _ in try add(.durable) }, after: { _ in try remove(.committed) })
    }
    return Workload(
      before: {
        next = try Corpus.configuration(context.newIndex($0))
        try add(.committed)
      }, perform: { _ in try remove(.durable) })
  }

  private func opening(frames: UInt32? = nil) throws -> Workload {
    let place = context.place
    let id = try ContainerID(Corpus.id(0))
    var workload = Workload { _ in
      let store = try StateStore(at: StoreLocation(root: place.store))
      guard try store.hasContainer(id) else { throw StressFailure("the first container is not there") }
      try store.close()
    }
    if let frames { workload.before = { _ in floor_leave_frames(place.storeDatabase, frames) } }
    return workload
  }

  private func lock(files: Int) -> Workload {
    let table = LockTable.shared
    let names = (0..<files).map {
      LockName(directory: context.place.locks, fileName: "store-\($0).lock", rank: 1, key: "store-\($0)")
    }
    return Workload { _ = try table.acquire(names[$0 % files], wait: .none, operation: "measure") }
  }

  private func lockCommon() -> Workload {
    let name = LockName(directory: context.place.locks, fileName: "common.lock", rank: 1, key: "common")
    return Workload { _ in
      // A deadline costs a second thread and the way back from it.
      let grant = try LockTable.shared.acquire(name, wait: .upTo(.seconds(60)), operation: "measure")
      sleepForAMillisecond()
      grant.release()
    }
  }

  private func program() throws -> Workload {
    let program = try benchProgram("cstate", isStatic: cell.benchCase.isStatic)
    let place = ["--root", context.place.store]
    guard cell.containers > 0 else { return startWorkload([program] + place + ["ps"]) }
    let names = context.readIndices.map { Corpus.name($0) }
    return startWorkload { [program] + place + ["inspect", names[$0 % names.count]] }
  }
}

func update(_ store: StateStore, _ id: ContainerID, _ durability: Durability = .durable) throws {
  try store.withLockedContainer(id, wait: .indefinitely) {
    try $0.update(durability: durability, countRestart)
  }
}

func countRestart(_ state: inout ContainerState) {
  state.restartCount = (state.restartCount + 1) & 0xf_ffff
}

/// How long everybody has the lock of `lock-common`.
func sleepForAMillisecond() {
  var time = timespec(tv_sec: 0, tv_nsec: 1_000_000)
  nanosleep(&time, nil)
}

/// A workload that starts a program and waits for its end.
func startWorkload(_ words: [String]) -> Workload { startWorkload { _ in words } }

/// A workload that starts a program with words of its own each time.
func startWorkload(_ wordsOf: @escaping (Int) -> [String]) -> Workload {
  Workload { index in
    let words = wordsOf(index)
    var pointers = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    let status = bench_run_program(&pointers)
    guard status == 0 else { throw StressFailure("\(words[0]) ended with wait status \(status)") }
  }
}

/// A program that was built beside this one, or the static one of the same checkout.
func benchProgram(_ name: String, isStatic: Bool) throws(StressFailure) -> String {
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  let count = readlink("/proc/self/exe", &buffer, buffer.count)
  guard count > 0 else { throw StressFailure.systemCall("readlink", "/proc/self/exe") }
  let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  var folders = own.split(separator: "/").dropLast()
  if isStatic {
    guard let build = folders.lastIndex(of: ".build") else {
      throw StressFailure("\(own) is in no .build, so the static build is not known")
    }
    folders = folders[..<build] + [".build-static", "release"]
  }
  let path = "/" + (folders + [Substring(name)]).joined(separator: "/")
  guard access(path, X_OK) == 0 else {
    throw StressFailure(
      "\(path) is missing; build it first: "
        + (isStatic ? "make static" : "swift build -c release --product \(name)")
    )
  }
  return path
}
