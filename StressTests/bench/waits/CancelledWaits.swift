internal import ContainerStateAsync
internal import ContainerStateStore
internal import Glibc
internal import StressSupport
internal import Synchronization

/// Two hundred tasks wait for two hundred locks that another process has; then each is cancelled.
struct CancelledWaits {
  let place: Place
  let figures: WaitFigures

  private static let count = 200

  func run() throws {
    let (holds, isOver) = (try Signal(), try Signal())
    let holder = try forked("holder") {
      let store = try StateStore(at: StoreLocation(root: self.place.store))
      try store.withLockedContainers(Set(try Self.ids()), wait: .none) { _ in
        try holds.give()
        try isOver.take()
      }
    }
    try beside("holder", holder) {
      try holds.take()
      let found = try waited()
      try isOver.give()
      figures.set(WaitFigures.cancellation, found.cancellationMicroseconds)
      figures.set(WaitFigures.threads, Double(found.threads))
      figures.set(WaitFigures.processorShareOfMany, found.processorShare)
    }
  }

  /// What tasks have found, seen from the thread that they do not run on.
  private func waited() throws -> Found {
    let outcome = Outcome()
    let (done, root) = (try Signal(), place.store)
    defer { done.end() }
    Task.detached {
      let found: Result<Found, any Error>
      do { found = .success(try await Self.waitAndCancel(root)) } catch { found = .failure(error) }
      outcome.found.withLock { $0 = found }
      try? done.give()
    }
    try done.take()
    guard let found = outcome.found.withLock({ $0 }) else { throw StressFailure("no outcome") }
    return try found.get()
  }

  private struct Found {
    let cancellationMicroseconds: Double
    let threads: Int
    /// In percent, of all waits together.
    let processorShare: Double
  }

  private final class Outcome: Sendable {
    let found = Mutex<Result<Found, any Error>?>(nil)
  }

  private static func ids() throws -> [ContainerID] {
    try (0..<count).map { try ContainerID(Corpus.id(UInt64($0))) }
  }

  private static func waitAndCancel(_ root: String) async throws -> Found {
    let store = try StateStore(at: StoreLocation(root: root))
    await startPool()
    let before = try threads()
    let tasks = try ids().map { id in
      Task<UInt64, any Error> {
        do {
          try await store.withLockedContainer(id, wait: .upTo(.seconds(600))) { _ in }
        } catch is CancellationError { return nanoseconds(CLOCK_MONOTONIC) }
        throw StressFailure("a lock that is held was given")
      }
    }
    try await Task.sleep(nanoseconds: 100_000_000)
    let (begin, used) = (nanoseconds(CLOCK_MONOTONIC), nanoseconds(CLOCK_PROCESS_CPUTIME_ID))
    var most = 0
    for _ in 0..<50 {
      try await Task.sleep(nanoseconds: 10_000_000)
      most = max(most, try threads() - before)
    }
    let share =
      100 * Double(nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - used)
      / Double(nanoseconds(CLOCK_MONOTONIC) - begin)
    var times: [Double] = []
    for task in tasks {
      let begin = nanoseconds(CLOCK_MONOTONIC)
      task.cancel()
      times.append(Double(try await task.value - begin) / 1e3)
    }
    times.sort()
    return Found(
      cancellationMicroseconds: times[times.count * 99 / 100], threads: most, processorShare: share)
  }

  /// Has Swift make as many threads as it ever does, which are not those that are counted.
  private static func startPool() async {
    await withTaskGroup { group in
      let end = nanoseconds(CLOCK_MONOTONIC) + 20_000_000
      for _ in 0..<sysconf(Int32(_SC_NPROCESSORS_ONLN)) {
        group.addTask { while nanoseconds(CLOCK_MONOTONIC) < end {} }
      }
    }
  }

  private static func threads() throws -> Int {
    guard let directory = opendir("/proc/self/task") else { throw StressFailure("/proc/self/task") }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count - 2
  }
}
