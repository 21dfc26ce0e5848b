internal import CBenchFloor
internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// One process holds a container's lock, another waits for it in the kernel: from just before it is let go to
/// when the other has it.
struct HandOver {
  enum Waiter: CaseIterable {
    case plainC
    case withoutLimit
    case withDeadline

    private var name: String {
      switch self {
      case .plainC: "hand-over in plain C"
      case .withoutLimit: "hand-over to who waits without limit"
      case .withDeadline: "hand-over to who waits with a deadline"
      }
    }
    var medianName: String { name + ", median, µs" }
    var ninetyNineName: String { name + ", 99 of 100, µs" }
    var wait: LockWait { self == .withoutLimit ? .indefinitely : .upTo(.seconds(60)) }
  }

  let place: Place
  let waiter: Waiter
  let rounds: Int
  let figures: WaitFigures

  private var lockPath: String { place.locks + "/hand-over.lock" }

  func run() throws {
    let (asks, holds, released) = (try Signal(), try Signal(), try SharedTime())
    defer {
      asks.end()
      holds.end()
    }
    let holder = try forked("holder") { try self.hold(asks, holds, released) }
    try beside("holder", holder) {
      try inChild("waiter") { try self.waitOften(asks, holds, released) }
    }
  }

  /// Runs the body under the lock, each time the body of a subject.
  private func locking() throws -> (LockWait, () throws -> Void) throws -> Void {
    if waiter == .plainC {
      let lock = KeptLock(lockPath)
      return { _, body in
        lock.take()
        defer { lock.letGo() }
        try body()
      }
    }
    let store = try StateStore(at: StoreLocation(root: place.store))
    let id = try ContainerID(Corpus.id(0))
    return { wait, body in try store.withLockedContainer(id, wait: wait) { _ in try body() } }
  }

  private func hold(_ asks: Signal, _ holds: Signal, _ released: SharedTime) throws {
    let locked = try locking()
    for _ in 0..<rounds {
      try locked(.upTo(.seconds(60))) {
        try holds.give()
        try asks.take()
        // Long enough for the other one to be asleep in the kernel.
        usleep(3_000)
        released.nanoseconds = nanoseconds(CLOCK_MONOTONIC)
      }
      try asks.take()
    }
  }

  private func waitOften(_ asks: Signal, _ holds: Signal, _ released: SharedTime) throws {
    let locked = try locking()
    var times: [Double] = []
    for _ in 0..<rounds {
      try holds.take()
      try asks.give()
      try locked(waiter.wait) {
        times.append(Double(nanoseconds(CLOCK_MONOTONIC) - released.nanoseconds) / 1e3)
      }
      try asks.give()
    }
    times.sort()
    figures.set(waiter.medianName, times[times.count / 2])
    figures.set(waiter.ninetyNineName, times[times.count * 99 / 100])
  }
}

/// A moment that two processes see.
final class SharedTime {
  private let place: UnsafeMutablePointer<UInt64>

  init() throws(StressFailure) {
    guard let page = mmap(nil, 8, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
      page != MAP_FAILED
    else { throw .systemCall("mmap", "moment") }
    place = page.bindMemory(to: UInt64.self, capacity: 1)
  }

  deinit { munmap(place, 8) }

  var nanoseconds: UInt64 {
    get { place.pointee }
    set { place.pointee = newValue }
  }
}

/// What a process that waits for seconds, with a deadline, takes of a processor meanwhile.
struct LongWait {
  let place: Place
  let seconds: Int
  let figures: WaitFigures

  func run() throws {
    let (holds, asks) = (try Signal(), try Signal())
    defer {
      holds.end()
      asks.end()
    }
    let holder = try forked("holder") {
      try self.locked {
        try holds.give()
        try asks.take()
        sleep(UInt32(self.seconds))
      }
    }
    try beside("holder", holder) {
      try inChild("waiter") {
        try holds.take()
        let store = try StateStore(at: StoreLocation(root: self.place.store))
        let id = try ContainerID(Corpus.id(0))
        let (begin, before) = (nanoseconds(CLOCK_MONOTONIC), nanoseconds(CLOCK_PROCESS_CPUTIME_ID))
        try asks.give()
        try store.withLockedContainer(id, wait: .upTo(.seconds(60))) { _ in }
        let used = Double(nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before)
        self.figures.set(
          WaitFigures.processorShare, 100 * used / Double(nanoseconds(CLOCK_MONOTONIC) - begin))
      }
    }
  }

  private func locked(_ body: () throws -> Void) throws {
    let store = try StateStore(at: StoreLocation(root: place.store))
    try store.withLockedContainer(ContainerID(Corpus.id(0)), wait: .none) { _ in try body() }
  }
}
