internal import CPlatform
internal import ContainerStateStore
internal import Glibc
internal import StressSupport
internal import Synchronization

/// One life of one place: forked, does what its role says, ends.
struct Worker {
  let plan: WorkerPlan

  init(_ plan: WorkerPlan) { self.plan = plan }

  /// - Returns: the exit status.
  func run() -> Int32 {
    FaultScope.spareThread()
    do {
      let complaints = try Complaints(plan)
      try plan.faults?.arm(hits: plan.board.count(plan.place, .faultHits))
      defer { FaultPlan.disarm() }
      switch plan.role {
      case nil: try LastLook(plan, complaints).run()
      case .shell: try ForeignShell(plan, complaints).run()
      case .monitor: try MonitorLife(plan, complaints).run()
      default: try RoleLife(plan, complaints, thread: 0).run()
      }
      return complaints.isEmpty ? WorkerExit.done : WorkerExit.complained
    } catch {
      // Where not even a journal can be written there is nothing to judge.
      _ = writeAll(Array("session \(plan.session): \(error)\n".utf8), to: STDERR_FILENO)
      return 1
    }
  }
}

/// What a worker found that must not be.
final class Complaints {
  private let plan: WorkerPlan
  private let file: LineFile
  private let found = Atomic<Bool>(false)

  init(_ plan: WorkerPlan) throws(StressFailure) {
    self.plan = plan
    file = try LineFile(plan.run.complaints)
  }

  var isEmpty: Bool { !found.load(ordering: .relaxed) }

  func add(_ text: String) {
    found.store(true, ordering: .relaxed)
    plan.board.add(.complaints)
    let fault = plan.isStruck ? ", struck by \(plan.faults?.text ?? "")" : ""
    FaultScope.spared {
      file.append("session \(plan.session) (\(plan.role?.rawValue ?? "last look")\(fault)): \(text)")
    }
  }
}

extension StoreOptions {
  /// How a worker opens the store.
  init(_ options: StressOptions) {
    self.init()
    operationTimeout = .seconds(Int64(options.timeoutSeconds))
    walCheckpointFrames = options.checkpointFrames
    changeRetention = ChangeRetention(count: options.keptChanges)
  }
}

/// The roles that are one thread: each is a loop of draws, until the coordinator says that it is over.
struct RoleLife {
  private let hand: Hand
  private let plan: WorkerPlan
  private static let roundsPerCommand = 8

  init(_ plan: WorkerPlan, _ complaints: Complaints, thread: Int32) throws {
    self.plan = plan
    hand = try Hand(plan, complaints, thread: thread)
  }

  private var isOver: Bool { plan.board.load(.ending) != 0 || hand.isWorn }

  func run() throws {
    switch plan.role {
    case .command: command()
    case .engine: try EngineLife(plan, hand).run()
    case .follower: try FollowerLife(plan, hand).run()
    case .lifecycle: LifecycleLife(plan, hand).run()
    default:
      guard hand.openPatiently() else { return }
      while !isOver { step() }
      hand.close()
    }
  }

  private func command() {
    for _ in 0..<hand.draw(1...RoleLife.roundsPerCommand) where !isOver {
      guard hand.openPatiently() else { return }
      for _ in 0..<hand.draw(1...5) where !isOver { hand.anything() }
      hand.close()
    }
  }

  private func step() {
    switch plan.role {
    case .lister:
      switch hand.draw(0...13) {
      case 0...2: hand.list()
      case 3: hand.listWhole()
      case 4...5: hand.listSummaries()
      case 6...7: hand.lookUp()
      case 8: hand.snapshot(stopping: false)
      case 9: if hand.draw(0...1) == 0 { hand.listPods() } else { hand.listVolumes() }
      case 10: hand.members()
      case 11: hand.listSessions()
      case 12: hand.listCodes()
      default: hand.read()
      }
    case .reader: hand.snapshot(stopping: hand.draw(0...2) == 0)
    case .remover:
      switch hand.draw(0...19) {
      case 0...5: hand.remove()
      case 6: hand.removeTree()
      case 7: hand.removePod()
      case 8...16: hand.add()
      case 17: hand.pruneCodes()
      case 18: hand.recover()
      default: hand.verify()
      }
    default: hand.anything()
    }
  }
}

/// A long-lived process with one open store and several threads.
struct MonitorLife {
  private let plan: WorkerPlan
  private let complaints: Complaints

  init(_ plan: WorkerPlan, _ complaints: Complaints) {
    self.plan = plan
    self.complaints = complaints
  }

  func run() throws {
    let first = try Hand(plan, complaints, thread: 0)
    guard first.openPatiently() else { return }
    var threads: [pthread_t] = []
    for number in 1..<max(1, Int32(plan.options.threads)) {
      let hand = try Hand(plan, complaints, thread: number)
      hand.share(first)
      if let thread = start(hand) { threads.append(thread) }
    }
    loop(first)
    for thread in threads { pthread_join(thread, nil) }
    first.close()
  }

  private func loop(_ hand: Hand) {
    while plan.board.load(.ending) == 0, !hand.isWorn {
      switch hand.draw(0...9) {
      case 0...4: hand.update()
      case 5...7: hand.readState()
      default: hand.anything()
      }
    }
  }

  /// A thread of which nothing but its hand is its own.
  private final class Body {
    let hand: Hand
    let loop: (Hand) -> Void

    init(_ hand: Hand, _ loop: @escaping (Hand) -> Void) {
      self.hand = hand
      self.loop = loop
    }
  }

  private func start(_ hand: Hand) -> pthread_t? {
    let context = Unmanaged.passRetained(Body(hand, loop)).toOpaque()
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        FaultScope.spareThread()
        let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
        body.loop(body.hand)
        return nil
      }, context)
    if result != 0 { complaints.add("pthread_create: \(String(cString: strerror(result)))") }
    return result == 0 ? thread : nil
  }
}
