internal import CBenchFloor
internal import CPlatform
internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// The directory of a run, with a store and its copies for each number of containers.
///
/// The coordinator itself never opens a store: it forks, and a forked child could not use it.
final class Workplace {
  let path: String
  private var prepared: Set<Int> = []
  /// How large each store was when it was filled.
  private(set) var sizes: [StoreSize] = []

  init(in directory: String?) throws(StressFailure) {
    path = try makeTemporaryDirectory("cstate-bench", in: directory)
  }

  /// Removes everything.
  func remove() { _ = platform_remove_tree(path) }

  /// The places of one number of containers; made at the first call.
  func place(containers: Int) throws(StressFailure) -> Place {
    let place = Place(root: "\(path)/\(containers)", containers: containers)
    guard prepared.insert(containers).inserted else { return place }
    guard mkdir(place.root, 0o700) == 0 else { throw .systemCall("mkdir", place.root) }
    try inChild("populate") { try place.populate() }
    if let size = StoreSize(of: place) { sizes.append(size) }
    return place
  }

  /// Forgets what is not needed any more: a store of 100,000 containers takes gigabytes.
  func discard(containers: Int) {
    guard prepared.remove(containers) != nil else { return }
    _ = platform_remove_tree("\(path)/\(containers)")
  }
}

/// How much a store of the bench's containers takes, with the pods and changes beside them.
struct StoreSize {
  let containers: Int
  let databaseBytes: Int

  /// Nil for a store without containers.
  init?(of place: Place) {
    var status = platform_file_status()
    guard place.containers > 0, platform_look_at_path(place.storeDatabase, &status) == 0 else { return nil }
    containers = place.containers
    databaseBytes = Int(status.size)
  }

  var bytesPerContainer: Int { databaseBytes / containers }

  var summary: String {
    "\(containers) containers: a database of \(fixed(Double(databaseBytes) / 1e6, 1)) MB, "
      + "\(fixed(Double(bytesPerContainer) / 1e3, 1)) KB for each"
  }
}

/// Where the subjects' databases of one number of containers are.
struct Place {
  let root: String
  let containers: Int

  var store: String { root + "/store" }
  var storeDatabase: String { store + "/state.db" }
  var floorDatabase: String { root + "/floor.db" }
  var peerDatabase: String { root + "/peer.db" }
  var locks: String { root + "/locks" }

  func database(of subject: Subject) -> String {
    switch subject {
    case .store: storeDatabase
    case .floor: floorDatabase
    case .peer: peerDatabase
    }
  }

  /// Makes the store with its first container, copies of that in C, and copies of the database for the
  /// others.
  fileprivate func populate() throws {
    let store = try StateStore(at: StoreLocation(root: self.store))
    if containers > 0 {
      try store.add(
        Corpus.configuration(0), specification: Corpus.specification, state: Corpus.state,
        stateExtra: Corpus.stateExtra)
    }
    try store.close()
    if containers > 0 {
      floor_populate(storeDatabase, UInt64(containers))
      try addWhatIsBesideContainers()
    }
    guard mkdir(locks, 0o700) == 0 else { throw StressFailure.systemCall("mkdir", locks) }
    if containers == 0 { floor_leave_frames(storeDatabase, 0) }
    let failure = bench_copy_file(storeDatabase, floorDatabase)
    guard failure == 0 else { throw StressFailure.systemCall("copy", floorDatabase, failure) }
    if containers <= 10_000 { peer_populate(floorDatabase, peerDatabase, UInt64(containers)) }
  }
}

extension Place {
  /// Pods, whose generations follow those of the containers, and exit codes; 200 changes with them.
  fileprivate func addWhatIsBesideContainers() throws {
    let store = try StateStore(at: StoreLocation(root: self.store))
    for index in 0..<Corpus.podCount {
      try store.addPod(Corpus.pod(UInt64(index)), durability: .committed)
      try store.recordExitCode(
        of: ContainerID(Corpus.id(UInt64(index))), code: 0, durability: .committed)
    }
    try store.close()
  }
}

/// Runs `body` in a forked child, to its end.
func inChild(_ what: String, _ body: @escaping () throws -> Void) throws(StressFailure) {
  let child = try forked(what, body)
  var status: Int32 = 0
  while waitpid(child, &status, 0) < 0 {
    guard errno == EINTR else { throw .systemCall("waitpid", what) }
  }
  guard status == 0 else { throw StressFailure("\(what) failed (wait status \(status))") }
}

/// Forks a child that runs `body` and ends; what it throws is said on standard error.
///
/// The calling process must have one thread.
func forked(_ what: String, _ body: @escaping () throws -> Void) throws(StressFailure) -> pid_t {
  let work = Unmanaged.passRetained(ChildWork(what, body))
  defer { work.release() }
  let child = platform_fork_call(
    { context in
      guard let context else { return 70 }
      return Unmanaged<ChildWork>.fromOpaque(context).takeUnretainedValue().run()
    }, work.toOpaque())
  guard child > 0 else { throw .systemCall("fork", what) }
  return child
}

private final class ChildWork {
  private let what: String
  private let body: () throws -> Void

  init(_ what: String, _ body: @escaping () throws -> Void) {
    self.what = what
    self.body = body
  }

  func run() -> Int32 {
    do {
      try body()
      return 0
    } catch {
      say("cstate-bench: \(what): \(error)", to: STDERR_FILENO)
      return 70
    }
  }
}

/// Writes a line.
func say(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
  _ = writeAll(Array((text + "\n").utf8), to: descriptor)
}
