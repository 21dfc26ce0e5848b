internal import ContainerStateStore
internal import Glibc
internal import StoreHistory
internal import StressSupport

/// What one thread does on the store, each call written down before and after.
final class Hand {
  let plan: WorkerPlan
  let complaints: Complaints
  let objects: Objects
  private(set) var random: RandomSource
  private(set) var store: StateStore?
  /// What the thread saw last of each object, and before that, for planting.
  private(set) var lastSeen: [Int: Version] = [:]
  private(set) var seenBefore: [Int: Version] = [:]
  private let journal: Journal
  private let thread: Int32
  private var writes: UInt64 = 0
  var longWAL = LongWALWitness()
  /// Failures that the session's own fault explains.
  private var excused = 0

  init(_ plan: WorkerPlan, _ complaints: Complaints, thread: Int32) throws {
    self.plan = plan
    self.complaints = complaints
    self.thread = thread
    objects = Objects(plan.options)
    random = plan.random(thread: thread)
    journal = try Journal(directory: plan.run.journals, session: plan.session, thread: thread)
  }

  func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

  /// An object: some are asked for more often than others.
  func drawObject() -> Int {
    let isHot = draw(0...9) < 3
    return draw(0...(isHot ? min(3, objects.count - 1) : objects.count - 1))
  }

  /// A value that no other write of the run has.
  func nextValue() -> UInt64 {
    writes += 1
    return UInt64(UInt32(bitPattern: plan.session)) << 28 | UInt64(thread) << 22 | writes
  }

  func id(_ object: Int) throws -> ContainerID { try ContainerID(objects.idText(object)) }

  var wait: LockWait { .upTo(.seconds(Int64(plan.options.timeoutSeconds))) }

  var durability: Durability { draw(0...9) < 3 ? .durable : .committed }

  /// Uses the store that another hand of the process has open.
  func share(_ other: Hand) { store = other.store }

  /// Does something that a command might do.
  func anything() {
    switch draw(0...99) {
    case 0...34: update()
    case 35...46: add()
    case 47...54: remove()
    case 55...62: read()
    case 63...70: readState()
    case 71...75: has()
    case 76...81: lookUp()
    case 82...86: list()
    case 87...89: listSummaries()
    case 90...94: batch()
    case 95...97: section()
    case 98: recover()
    default: snapshot(stopping: false)
    }
  }
}

// MARK: - What every operation has in common

extension Hand {
  /// Writes down the beginning, runs `body`, and writes down its end.
  ///
  /// - Parameters:
  ///   - verb: what is asked.
  ///   - objects: of which containers.
  ///   - values: what is written to each.
  ///   - allowed: what a healthy store may answer beside success.
  ///   - body: returns what was seen.
  func perform(
    _ verb: Verb, _ objects: [Int] = [], values: [UInt64] = [], allowed: Set<StoreError.Code> = [],
    _ body: (StateStore) throws -> [Seen]
  ) {
    guard let store else { return complaints.add("\(verb) without a store") }
    record(verb, objects, values, allowed) { try body(store) }
  }

  private func record(
    _ verb: Verb, _ objects: [Int], _ values: [UInt64], _ allowed: Set<StoreError.Code>,
    _ body: () throws -> [Seen]
  ) {
    note { try $0.begin(verb, objects, values: values) }
    let began = clockNanoseconds(CLOCK_MONOTONIC)
    let outcome: Outcome
    do { outcome = .succeeded(try FaultScope.suffering(body)) } catch let error as StoreError {
      outcome = error.code == .durabilityUnknown ? .durabilityUnknown : .failed(error.code.rawValue)
      plan.board.add(.refusals)
      if !allowed.contains(error.code), !excuse(error.code) { complaints.add("\(verb) \(objects): \(error)") }
    } catch {
      // It may have been done or not.
      outcome = .unknown
      complaints.add("\(verb) \(objects): \(error)")
    }
    note { try $0.end(outcome) }
    progressed(since: began)
  }

  /// Writes into the journal; where that fails the worker ends, since nothing it did could be judged.
  func note(_ write: (borrowing Journal) throws -> Void) {
    do { try FaultScope.spared { try write(journal) } } catch {
      complaints.add("the journal: \(error)")
      _exit(WorkerExit.complained)
    }
  }

  /// Whether the session's own fault may be why the store answers so.
  func excuse(_ code: StoreError.Code) -> Bool {
    guard plan.isStruck, plan.faults?.kind.answers.contains(code) == true else { return false }
    excused += 1
    return true
  }

  /// Whether its fault lasts, so that nothing is to be seen any more.
  var isWorn: Bool { excused >= Hand.patience }

  private static let patience = 8

  func progressed(since began: UInt64) {
    let now = clockNanoseconds(CLOCK_MONOTONIC)
    plan.board.add(.operations)
    plan.board.add(plan.place, .operations)
    plan.board.store(plan.place, .lastProgress, now)
    plan.board.raise(plan.place, .slowest, to: now - began)
  }

  /// Opens the store.
  ///
  /// - Returns: whether it is open.
  func open() -> Bool {
    record(.open, [], [], []) {
      store = try StateStore(
        at: StoreLocation(root: plan.run.store), options: StoreOptions(plan.options))
      return []
    }
    return store != nil
  }

  /// Opens the store; with a fault also at the second or third time, since one that failed leaves nothing in
  /// the way.
  func openPatiently() -> Bool {
    for _ in 0..<(plan.faults == nil ? 1 : 3) where open() { return true }
    return false
  }

  func close() {
    perform(.close) { store in
      try store.close()
      return []
    }
    store = nil
  }

  /// What a container says that was read whole.
  func seen(_ container: Container, _ object: Int) -> Seen {
    guard let value = Content.value(of: container.state) else { return Seen(object: object, .half) }
    let version = Version(
      generation: container.generation, revision: container.stateRevision, value: value)
    if let last = lastSeen[object], last != version { seenBefore[object] = last }
    lastSeen[object] = version
    return Seen(object: object, version: version)
  }

  /// What a foreign program saw of all containers.
  func listAsStranger(_ body: () throws -> [Seen]) { record(.list, [], [], [], body) }

  /// What a foreign program did that is none of the histories' verbs.
  func actAsStranger(_ body: () throws -> Void) {
    let began = clockNanoseconds(CLOCK_MONOTONIC)
    do { try body() } catch { complaints.add("\(error)") }
    progressed(since: began)
  }
}
