// The queue of waits has no public face.
@testable import ContainerStateAsync
internal import ContainerStateStore
internal import FileLocking
internal import Glibc
internal import StoreTestSupport
internal import Synchronization
internal import Testing

/// Serialized, since the queue that they look into is the process's.
@Suite("Tasks that wait for locks", .serialized)
struct LockWaitTests {
  let directory: TemporaryDirectory
  let store: StateStore

  init() throws {
    directory = try TemporaryDirectory()
    store = try StateStore(at: StoreLocation(root: directory.path("store")))
  }

  func add(_ count: Int) throws -> [ContainerID] {
    let ids = try (0..<count).map { try ContainerID("c\($0)") }
    for id in ids {
      let configuration = try ContainerConfiguration(
        id: id, name: "name-" + id.rawValue, createdAt: .now, details: ContainerDetails())
      try store.add(configuration, specification: try JSONBytes("{}"), durability: .committed)
    }
    return ids
  }

  /// Holds the locks of containers on a thread until it is let go.
  private func holding(_ ids: [ContainerID], _ body: () async throws -> Void) async throws {
    let holder = Holder()
    let store = store
    let thread = Task.detached {
      // Off the pool: the body blocks.
      try await withCheckedThrowingContinuation { (end: CheckedContinuation<Void, any Error>) in
        let isRunning = LockTable.shared.threads.run {
          end.resume(
            with: Result {
              try store.withLockedContainers(Set(ids), wait: .upTo(.seconds(60)), operation: "hold") { _ in
                holder.hold()
              }
            })
        }
        if !isRunning { end.resume(throwing: Failure("no thread to hold locks on")) }
      }
    }
    try await waitUntil("the holder has the locks") { holder.hasBegun }
    defer { holder.letGo() }
    try await body()
    holder.letGo()
    try await thread.value
  }

  /// Looks again whenever the task is resumed, since a thread of the pool must not be blocked here.
  func waitUntil(_ what: String, _ condition: () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while !condition() {
      guard ContinuousClock.now < end else { throw Failure("60 s, and not yet: \(what)") }
      await Task.yield()
    }
  }

  @Test("L-19: hundreds of tasks change one container one after the other; none is lost")
  func counter() async throws {
    let id = try add(1)[0]
    let store = store
    try await withThrowingTaskGroup { group in
      for _ in 0..<300 {
        group.addTask {
          try await store.withLockedContainer(id, wait: .upTo(.seconds(60))) { locked in
            try locked.update(durability: .committed) { $0.restartCount += 1 }
          }
        }
      }
      try await group.waitForAll()
    }
    let count = try store.state(of: id).restartCount
    #expect(count == 300)
    try await waitUntil("the queue is empty") { LockQueue.shared.count == 0 }
  }

  @Test("L-19: with more held locks than threads a free one is had, and no thread more is made")
  func crowded() async throws {
    let ids = try add(41)
    let store = store
    try await holding(Array(ids.dropLast())) {
      let waits = ids.dropLast().map { id in
        Task { try await store.withLockedContainer(id, wait: .indefinitely) { _ in } }
      }
      try await waitUntil("all wait") { LockQueue.shared.count == 40 }
      let free = ids[40]
      let name = try await store.withLockedContainer(free, wait: .upTo(.seconds(60))) { $0.container.name }
      #expect(name == "name-c40")
      #expect(LockTable.shared.threads.count <= 16)
      for wait in waits { wait.cancel() }
      for wait in waits { await #expect(throws: CancellationError.self) { try await wait.value } }
      try await waitUntil("nothing is left of them") { LockQueue.shared.count == 0 }
    }
  }

  @Test("a cancelled wait is answered while the lock is still held, and its body never runs")
  func cancelled() async throws {
    let id = try add(1)[0]
    let store = store
    let ran = Flag()
    try await holding([id]) {
      let wait = Task {
        try await store.withLockedContainer(id, wait: .indefinitely) { _ in ran.raise() }
      }
      let directory = store.location.lockDirectory
      try await waitUntil("a thread waits for it") {
        let reports = try? LockTable.shared.report(on: ["c0.lock"], in: directory, listsWaiters: false)
        return reports?.first?.waitingThreads == 1
      }
      wait.cancel()
      await #expect(throws: CancellationError.self) { try await wait.value }
    }
    // Whoever comes next has the lock: the wait that was given up does not keep it.
    try await store.withLockedContainer(id, wait: .upTo(.seconds(60))) { _ in }
    #expect(!ran.isRaised)
  }

  @Test("a task that is cancelled before it asks is answered so, and runs nothing")
  func cancelledFirst() async throws {
    let id = try add(1)[0]
    let store = store
    let ran = Flag()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await store.withLockedContainer(id, wait: .indefinitely) { _ in ran.raise() }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(!ran.isRaised)
  }

  @Test("L-5: each of several waits ends at its deadline and names the holder, whoever is before it")
  func deadlines() async throws {
    let id = try add(1)[0]
    let store = store
    try await holding([id]) {
      let first = Task { try await store.withLockedContainer(id, wait: .indefinitely) { _ in } }
      try await waitUntil("the first waits") { LockQueue.shared.count == 1 }
      // The shortest may be over before the wait has begun.
      let shortest = [LockWait](repeating: .upTo(.nanoseconds(1)), count: 50)
      for wait in shortest + [.none, .upTo(.milliseconds(20)), .upTo(.milliseconds(300))] {
        let error = await #expect(throws: StoreError.self) {
          try await store.withLockedContainer(id, wait: wait) { _ in }
        }
        #expect(error?.code == .lockTimeout)
        #expect(error?.holder?.pid == getpid())
      }
      first.cancel()
      await #expect(throws: CancellationError.self) { try await first.value }
    }
  }

  @Test("what the body throws and what a missing container is arrive as they are; a closed store is refused")
  func errors() async throws {
    let id = try add(1)[0]
    await #expect(throws: Failure.self) {
      try await store.withLockedContainer(id, wait: .none) { _ in throw Failure("of the body") }
    }
    let missing = await #expect(throws: StoreError.self) {
      try await store.withLockedContainer(ContainerID("nobody"), wait: .none) { _ in }
    }
    #expect(missing?.code == .notFound)
    try store.close()
    let closed = await #expect(throws: StoreError.self) {
      try await store.withLockedContainer(id, wait: .none) { _ in }
    }
    #expect(closed?.code == .closed)
  }

  @Test("pods, volumes and several records have their scopes for tasks too")
  func otherKinds() async throws {
    let id = try add(1)[0]
    let pod = try ContainerID("pod")
    try store.addPod(PodConfiguration(id: pod, name: "pod", createdAt: .now), durability: .committed)
    let volume = try VolumeName("data")
    try store.addVolume(VolumeConfiguration(name: volume, createdAt: .now), durability: .committed)
    let podName = try await store.withLockedPod(pod, wait: .none) { $0.pod.name }
    let volumeName = try await store.withLockedVolume(volume, wait: .none) { $0.volume.name }
    #expect(podName == "pod" && volumeName == volume)
    try await store.withLockedRecords(containers: [id], pods: [pod], volumes: [volume], wait: .none) {
      locked in
      try locked.write(durability: .committed) { batch in
        try batch.update(container: id) { $0.restartCount = 7 }
      }
    }
    let count = try store.state(of: id).restartCount
    #expect(count == 7)
  }
}

private struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Something that has happened or not.
private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isRaised: Bool { value.load(ordering: .acquiring) }
  func raise() { value.store(true, ordering: .releasing) }
}

/// Blocks its thread from when it holds until it is let go.
private final class Holder: Sendable {
  private let begun = Flag()
  // SAFETY: made before and destroyed after all use of it, which is by sem_wait and sem_post alone.
  private nonisolated(unsafe) let end: UnsafeMutablePointer<sem_t>

  init() {
    end = .allocate(capacity: 1)
    sem_init(end, 0, 0)
  }

  deinit {
    sem_destroy(end)
    end.deallocate()
  }

  var hasBegun: Bool { begun.isRaised }

  func hold() {
    begun.raise()
    while sem_wait(end) != 0 {}
  }

  func letGo() { sem_post(end) }
}
