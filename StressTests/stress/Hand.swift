internal import ContainerStateStore
internal import Glibc
internal import StoreHistory
internal import StressSupport

/// What one thread does on the store, each call written down before and after.
final class Hand {
  let plan: WorkerPlan
  let complaints: Complaints
  let objects: Objects
  var random: RandomSource
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

  func id(_ object: Int) throws -> ContainerID { try objects.id(object) }

  /// A pod: some are asked for more often than others.
  func drawPod() -> Int {
    let pods = objects.pods
    return pods[draw(0...(draw(0...9) < 3 ? 0 : pods.count - 1))]
  }

  /// What a container has a part of, or nil where the run is too small for that.
  func drawContainer(where belongs: (Int) -> Bool) -> Int? {
    let first = drawObject()
    return (0..<min(objects.count, Objects.family)).lazy.map { (first + $0) % self.objects.count }
      .first(where: belongs)
  }

  var wait: LockWait { .upTo(.seconds(Int64(plan.options.timeoutSeconds))) }

  var durability: Durability { draw(0...9) < 3 ? .durable : .committed }

  /// Uses the store that another hand of the process has open.
  func share(_ other: Hand) { store = other.store }

  /// Does something that a command might do.
  func anything() {
    switch draw(0...99) {
    case 0...21: update()
    case 22...31: add()
    case 32...35: remove()
    case 36: removeTree()
    case 37...41: read()
    case 42...46: readState()
    case 47...48: has()
    case 49...51: lookUp()
    case 52: listByGroup()
    case 53...55: list()
    case 56: listWhole()
    case 57...58: listSummaries()
    case 59...61: batch()
    case 62...64: together()
    case 65: section()
    case 66: updateAstray()
    case 67...69: rewrite()
    case 70...74: pod()
    case 75...79: volume()
    case 80...84: connection()
    case 85...91: session()
    case 92...94: exitCode()
    case 95...97: changes()
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
  ///   - because: what such an answer says of other objects.
  ///   - body: returns what was seen.
  func perform(
    _ verb: Verb, _ objects: [Int] = [], values: [UInt64] = [], allowed: Set<StoreError.Code> = [],
    because: (StoreError) -> [Seen] = { _ in [] }, _ body: (StateStore) throws -> [Seen]
  ) {
    perform(Asked(verb, objects, values: values, allowed: allowed), because: because, body)
  }

  /// The same with everything that can be said of a call.
  func perform(
    _ asked: Asked, because: (StoreError) -> [Seen] = { _ in [] }, _ body: (StateStore) throws -> [Seen]
  ) {
    guard let store else { return complaints.add("\(asked.verb) without a store") }
    record(asked, because) { .succeeded(try body(store)) }
  }

  /// A call that returns changes.
  func performChanges(_ body: (StateStore) throws -> ChangesSeen) {
    guard let store else { return complaints.add("changes without a store") }
    record(Asked(.changes, [])) { .changes(try body(store)) }
  }

  private func record(
    _ asked: Asked, _ because: (StoreError) -> [Seen] = { _ in [] }, _ body: () throws -> Outcome
  ) {
    note {
      try $0.begin(
        asked.verb, asked.objects, values: asked.values, expected: asked.expected, locked: asked.locked)
    }
    let began = clockNanoseconds(CLOCK_MONOTONIC)
    let outcome: Outcome
    do { outcome = try FaultScope.suffering(body) } catch let error as StoreError {
      outcome = self.outcome(of: error, asked, because)
    } catch {
      // It may have been done or not.
      outcome = .unknown
      complaints.add("\(asked): \(error)")
    }
    note { try $0.end(outcome) }
    progressed(since: began)
  }

  private func outcome(
    of error: StoreError, _ asked: Asked, _ because: (StoreError) -> [Seen]
  ) -> Outcome {
    plan.board.add(.refusals)
    let isAllowed = asked.allowed.contains(error.code)
    if !isAllowed, !excuse(error.code) { complaints.add("\(asked): \(error)") }
    if error.code == .durabilityUnknown { return .durabilityUnknown }
    let reasons = isAllowed ? because(error) : []
    return reasons.isEmpty ? .failed(error.code.rawValue) : .refused(error.code.rawValue, because: reasons)
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
    record(Asked(.open, [])) {
      store = try StateStore(
        at: StoreLocation(root: plan.run.store), options: StoreOptions(plan.options))
      return .succeeded([])
    }
    if store != nil, plan.board.load(.declared) == 0 { declarePaths() }
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
      plan.board.add(.answersKept, UInt64(store.keptAnswers.givenCount))
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
    remember(version, of: object)
    return Seen(object: object, version: version)
  }

  func remember(_ version: Version, of object: Int) {
    if let last = lastSeen[object], last != version { seenBefore[object] = last }
    lastSeen[object] = version
  }

  /// The same with the configuration.
  func seenWhole(_ container: Container, _ object: Int) -> [Seen] {
    [seen(container, object), seenConfiguration(container, object)]
  }

  func seenConfiguration(_ container: Container, _ object: Int) -> Seen {
    let configuration = objects.configuration(of: object)
    guard let value = Content.value(of: container.configuration) else {
      return Seen(object: configuration, .half)
    }
    return Seen(
      object: configuration,
      version: Version(
        generation: container.generation, revision: container.configurationRevision, value: value))
  }

  /// What a foreign program saw of all containers.
  func listAsStranger(_ body: () throws -> [Seen]) { record(Asked(.list, [])) { .succeeded(try body()) } }

  /// What a foreign program did that is none of the histories' verbs.
  func actAsStranger(_ body: () throws -> Void) {
    let began = clockNanoseconds(CLOCK_MONOTONIC)
    do { try body() } catch { complaints.add("\(error)") }
    progressed(since: began)
  }
}

/// What a call is asked for, as the journal has it.
struct Asked: CustomStringConvertible {
  let verb: Verb
  let objects: [Int]
  var values: [UInt64]
  /// What a healthy store may answer beside success.
  var allowed: Set<StoreError.Code>
  /// Revisions that are demanded, by object.
  var expected: [Int: Int64] = [:]
  /// Objects of which nothing but the lock is taken.
  var locked: [Int]

  init(
    _ verb: Verb, _ objects: [Int], values: [UInt64] = [], locked: [Int] = [],
    allowed: Set<StoreError.Code> = []
  ) {
    self.verb = verb
    self.objects = objects
    self.values = values
    self.locked = locked
    self.allowed = allowed
  }

  var description: String { "\(verb) \(objects.map(ObjectKind.name(of:)).joined(separator: " "))" }
}
