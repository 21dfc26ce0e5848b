/// A store that is correct by construction, with workers that use it at random and are killed at random.
///
/// It is there to try the checker: it finds nothing here unless a bug is planted, and it can be given as many
/// operations as one likes.
public struct Simulation {
  /// A bug to be planted.
  public enum Bug: String, Sendable, CaseIterable {
    /// An acknowledged update is not there.
    case droppedWrite
    /// A read is answered with what had been replaced before it began.
    case oldVersion
    /// A list takes one half of its objects from an earlier moment.
    case tornList
    /// A lock is granted while somebody has it.
    case twoHolders
    /// An update is written over another one.
    case overwrittenUpdate
    /// A removed container comes back.
    case resurrection
    /// Of what is written together a part is not there.
    case halfCommit
    /// A change is not in the sequence of changes.
    case forgottenChange
    /// A reader of the sequence is answered as of an earlier moment.
    case oldChanges

    /// Whether only the sequence of changes tells.
    public var isOfChanges: Bool { self == .forgottenChange || self == .oldChanges }
  }

  /// What happens in a run.
  public struct Plan: Sendable {
    /// How many operations there are in all.
    public var operations: Int
    /// How many objects they are about.
    public var objects: Int
    /// How many workers there are at a time.
    public var workers: Int
    /// One step of a worker in so many is its last; 0 for none.
    public var killOneIn: Int
    /// How many changes are kept; 0 for all.
    public var keptChanges: Int
    /// What is wrong with the store.
    public var bug: Bug?

    /// A plan of the usual size.
    public init(
      operations: Int = 2_000, objects: Int = 6, workers: Int = 6, killOneIn: Int = 150, keptChanges: Int = 0,
      bug: Bug? = nil
    ) {
      self.keptChanges = keptChanges
      self.operations = operations
      self.objects = objects
      self.workers = workers
      self.killOneIn = killOneIn
      self.bug = bug
    }
  }

  /// What the workers wrote down.
  public private(set) var history = History()
  /// How often the bug took place.
  public private(set) var planted = 0

  let plan: Plan
  var random: any RandomNumberGenerator
  var store: SimulatedStore
  /// The time; it often stands still, so that many times are equal.
  private var now: UInt64 = 1_000
  private var nextSession: Int32 = 1
  private var nextValue: UInt64 = 1

  /// Runs a plan to its end, with a last list by a last session.
  public init(_ plan: Plan, random: some RandomNumberGenerator) {
    self.plan = plan
    self.random = random
    store = SimulatedStore(objects: plan.objects)
    var workers = (0..<plan.workers).map { _ in newWorker() }
    history.operations.reserveCapacity(plan.operations + plan.workers)
    while history.operations.count < plan.operations {
      let index = draw(workers.count)
      now += UInt64(draw(3))
      if plan.killOneIn > 0, draw(plan.killOneIn) == 0 {
        kill(&workers[index])
        workers[index] = newWorker()
      } else {
        advance(&workers[index])
      }
    }
    for index in workers.indices { kill(&workers[index]) }
    now += 1
    var last = newWorker()
    begin(.list, [], &last)
    while last.operation != nil { advance(&last) }
    readAllChanges(&last)
    kill(&last)
  }

  /// To the end of the sequence, as the last session of a run does.
  private mutating func readAllChanges(_ worker: inout SimulatedWorker) {
    let end = Int64(store.changes.count)
    var position: Int64 = -1
    while position < end {
      now += 1
      begin(.changes, [], &worker)
      worker.position = max(0, position)
      while worker.operation != nil { advance(&worker) }
      guard case .changes(let seen) = history.operations.last?.outcome else { return }
      position = seen.position
    }
  }

  mutating func draw(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

  /// Whether a bug takes place here.
  mutating func happens(_ bug: Bug) -> Bool { plan.bug == bug && draw(8) == 0 }

  mutating func plant() { planted += 1 }
}

/// One process of a simulation.
struct SimulatedWorker {
  enum Phase { case called, waiting, granted, inside, done }

  let session: Int32
  var operation: Operation?
  var phase = Phase.called
  /// How many objects of the operation were written.
  var written = 0
  var seen: [Seen] = []
  var failure: Outcome?
  /// What was true when the operation began; for planting old answers.
  var before: [SimulatedStore.Container?] = []
  /// How many changes there were then, and after which they are asked for.
  var changesBefore = 0
  var position: Int64 = 0
  var holds = false
}

// MARK: - Workers

extension Simulation {
  private mutating func newWorker() -> SimulatedWorker {
    history.lives[nextSession] = Life(born: now, isBusy: true)
    nextSession += 1
    return SimulatedWorker(session: nextSession - 1)
  }

  /// Ends a worker wherever it is; locks are freed, the witness word stays.
  private mutating func kill(_ worker: inout SimulatedWorker) {
    if let operation = worker.operation { history.operations.append(operation) }
    if worker.holds { store.release(objects(of: worker)) }
    history.lives[worker.session]?.died = now
  }

  private func objects(of worker: SimulatedWorker) -> [Int] {
    worker.operation?.accesses.map(\.object) ?? []
  }

  private mutating func begin(_ verb: Verb, _ objects: [Int], _ worker: inout SimulatedWorker) {
    var operation = Operation(session: worker.session, verb, began: now)
    for object in objects {
      var access = Access(object: object)
      if verb.isWrite, verb != .remove {
        access.value = nextValue
        nextValue += 1
      }
      operation.accesses.append(access)
    }
    if verb == .batch, draw(4) == 0 { operation.accesses[0].value = nil }
    worker = SimulatedWorker(
      session: worker.session, operation: operation, before: store.containers,
      changesBefore: store.changes.count)
  }

  private mutating func beginSomething(_ worker: inout SimulatedWorker) {
    let object = draw(plan.objects)
    switch draw(20) {
    case 0...5: begin(.update, [object], &worker)
    case 6...7: begin(.add, [object], &worker)
    case 8: begin(.remove, [object], &worker)
    case 9...10:
      let other = (object + 1 + draw(max(1, plan.objects - 1))) % plan.objects
      begin(draw(2) == 0 ? .batch : .together, Array(Set([object, other])).sorted(), &worker)
    case 16 where draw(2) == 0:
      begin(.changes, [], &worker)
      worker.position = Int64(max(0, store.changes.count - draw(30)))
    case 11: begin(.section, [object], &worker)
    case 12...13: begin(.read, [object], &worker)
    case 14: begin(.state, [object], &worker)
    case 15: begin(.has, [object], &worker)
    case 16: begin(.lookUp, [object], &worker)
    default: begin(.list, draw(3) == 0 ? [object] : [], &worker)
    }
  }

  /// One step of a worker.
  private mutating func advance(_ worker: inout SimulatedWorker) {
    guard let operation = worker.operation else { return beginSomething(&worker) }
    switch worker.phase {
    case .called:
      if operation.verb.isWrite || operation.verb == .section { return ask(&worker) }
      look(&worker)
    case .waiting: ask(&worker)
    case .granted: enter(&worker)
    case .inside: work(&worker)
    case .done: end(&worker)
    }
  }

  private mutating func end(_ worker: inout SimulatedWorker) {
    guard var operation = worker.operation else { return }
    if worker.holds { store.release(objects(of: worker)) }
    operation.ended = now
    operation.outcome = worker.failure ?? .succeeded(worker.seen)
    history.operations.append(operation)
    worker = SimulatedWorker(session: worker.session)
  }

  /// A read, or a snapshot of all.
  private mutating func look(_ worker: inout SimulatedWorker) {
    guard let operation = worker.operation else { return }
    worker.phase = .done
    if operation.verb == .changes { return lookAtChanges(&worker) }
    let isList = operation.verb == .list
    let scope = isList && operation.accesses.isEmpty ? Array(0..<plan.objects) : objects(of: worker)
    let tears = isList && happens(.tornList)
    for object in scope {
      let container = answer(object, operation.verb, worker, tears: tears)
      if let container {
        worker.seen.append(sight(of: container, object, operation.verb))
      } else if operation.verb == .has {
        worker.seen.append(Seen(object: object, isThere: false))
      } else if !isList {
        worker.failure = .failed("notFound")
      }
    }
  }

  private mutating func lookAtChanges(_ worker: inout SimulatedWorker) {
    var count = store.changes.count
    // So old that the last of them, at least, had been acknowledged before.
    let age = 2 * plan.workers
    let asked = worker.changesBefore - Int(worker.position)
    if plan.bug == .oldChanges, (age + 1..<Self.limit).contains(asked), draw(2) == 0 {
      count = worker.changesBefore - age
      plant()
    }
    let first = max(Int(worker.position), store.trimmed)
    let changes = Array(store.changes[min(first, count)..<count].prefix(Self.limit))
    worker.failure = .changes(
      ChangesSeen(
        after: worker.position, position: changes.last?.sequence ?? worker.position, limit: Self.limit,
        wasTrimmed: first > Int(worker.position) && !changes.isEmpty, changes: changes))
  }

  private static let limit = 40

  private mutating func sight(
    of container: SimulatedStore.Container, _ object: Int, _ verb: Verb
  ) -> Seen {
    switch verb {
    case .has: Seen(object: object, isThere: true)
    case .state: Seen(object: object, value: container.version.value)
    case .list where draw(4) == 0: Seen(object: object, value: container.version.value)
    default: Seen(object: object, version: container.version)
    }
  }

  private mutating func answer(
    _ object: Int, _ verb: Verb, _ worker: SimulatedWorker, tears: Bool
  ) -> SimulatedStore.Container? {
    let now = store.containers[object]
    let isOld = tears ? object % 2 == 0 : verb != .list && happens(.oldVersion)
    guard isOld else { return now }
    // What was replaced before the operation began is the only answer that must be wrong.
    let old = store.replaced[object]
    guard let old, worker.before[object]?.version != old.version, now?.version != old.version else {
      return now
    }
    plant()
    return old
  }

  private mutating func ask(_ worker: inout SimulatedWorker) {
    let wanted = objects(of: worker)
    worker.phase = .waiting
    if store.take(wanted) {
      worker.holds = true
    } else if worker.operation?.verb != .add, happens(.twoHolders) {
      plant()
    } else {
      guard draw(10) == 0 else { return }
      worker.failure = .failed("lockTimeout")
      worker.phase = .done
      return
    }
    worker.phase = .granted
  }
}

// MARK: - Under the lock

extension Simulation {
  private mutating func enter(_ worker: inout SimulatedWorker) {
    guard var operation = worker.operation else { return }
    worker.phase = .inside
    if operation.verb == .add { return }
    let found = operation.accesses.compactMap { store.containers[$0.object] }
    guard found.count == operation.accesses.count else {
      worker.failure = .failed("notFound")
      worker.phase = .done
      return
    }
    for (index, (access, container)) in zip(operation.accesses, found).enumerated() {
      let token = Token(epoch: 1, bootNanoseconds: Int64(store.nextToken()))
      let found = store.witness(access.object, worker.session)
      operation.accesses[index].section = Section(
        entered: now, token: token, found: found, base: container.version)
    }
    worker.operation = operation
  }

  private mutating func work(_ worker: inout SimulatedWorker) {
    guard let operation = worker.operation else { return }
    if draw(40) == 0 {
      worker.failure = .failed("invalidTransition")
      return leave(&worker)
    }
    switch operation.verb {
    case .add: add(operation, &worker)
    case .remove: remove(operation, &worker)
    case .section:
      if let base = operation.accesses[0].section?.base {
        worker.seen = [Seen(object: operation.accesses[0].object, version: base)]
      }
      leave(&worker)
    case .together: writeTogether(&worker)
    default: write(&worker)
    }
    if plan.keptChanges > 0, draw(20) == 0 { store.trim(to: plan.keptChanges) }
  }

  /// All at one moment.
  private mutating func writeTogether(_ worker: inout SimulatedWorker) {
    guard let operation = worker.operation else { return }
    let isWhole = operation.accesses.count < 2 || !happens(.halfCommit)
    if !isWhole { plant() }
    // With two holders somebody else may have written meanwhile.
    let isOurs = operation.accesses.allSatisfy { $0.section?.base == store.containers[$0.object]?.version }
    guard isOurs else {
      worker.failure = .failed("lockLost")
      return leave(&worker)
    }
    for access in isWhole ? operation.accesses[...] : operation.accesses.dropLast() {
      guard let value = access.value, let base = access.section?.base else { continue }
      let version = Version(generation: base.generation, revision: base.revision + 1, value: value)
      store.set(access.object, version)
      worker.seen.append(Seen(object: access.object, version: version))
    }
    if !isWhole, let last = operation.accesses.last, let value = last.value, let base = last.section?.base {
      let version = Version(generation: base.generation, revision: base.revision + 1, value: value)
      worker.seen.append(Seen(object: last.object, version: version))
    }
    leave(&worker)
  }

  private mutating func add(_ operation: Operation, _ worker: inout SimulatedWorker) {
    worker.phase = .done
    let object = operation.accesses[0].object
    guard let value = operation.accesses[0].value, let version = store.add(object, value) else {
      worker.failure = .failed("alreadyExists")
      return
    }
    if happens(.forgottenChange) {
      store.forgetChange()
      plant()
    }
    worker.seen = [Seen(object: object, version: version)]
    if draw(30) == 0 { worker.failure = .durabilityUnknown }
  }

  private mutating func remove(_ operation: Operation, _ worker: inout SimulatedWorker) {
    let object = operation.accesses[0].object
    guard let base = operation.accesses[0].section?.base, store.containers[object]?.version == base else {
      worker.failure = .failed("lockLost")
      return leave(&worker)
    }
    if happens(.resurrection) {
      plant()
    } else {
      store.remove(object)
    }
    worker.seen = [Seen(object: object, version: base)]
    leave(&worker)
  }

  /// One write of an update or a batch, then the next or the end.
  private mutating func write(_ worker: inout SimulatedWorker) {
    guard var operation = worker.operation else { return }
    let index = worker.written
    guard index < operation.accesses.count else { return leave(&worker) }
    worker.written += 1
    let access = operation.accesses[index]
    guard let value = access.value, let base = access.section?.base else { return }
    guard store.containers[access.object]?.version == base || happens(.overwrittenUpdate) else {
      worker.failure = .failed("lockLost")
      return leave(&worker)
    }
    var version = Version(generation: base.generation, revision: base.revision + 1, value: value)
    if happens(.droppedWrite) {
      plant()
    } else if happens(.overwrittenUpdate), let old = store.replaced[access.object], base.revision > 1,
      old.version.generation == base.generation
    {
      version.revision = base.revision
      store.set(access.object, version)
      plant()
    } else {
      store.set(access.object, version)
    }
    worker.seen.append(Seen(object: access.object, version: version))
    if operation.verb == .batch, draw(8) > 0 {
      operation.accesses[index].committed = now
      operation.accesses[index].written = version
    }
    if draw(60) == 0, operation.verb == .update { worker.failure = .durabilityUnknown }
    worker.operation = operation
    if index + 1 == operation.accesses.count { leave(&worker) }
  }

  private mutating func leave(_ worker: inout SimulatedWorker) {
    guard var operation = worker.operation else { return }
    for index in operation.accesses.indices where operation.accesses[index].section != nil {
      store.clearWitness(operation.accesses[index].object)
      if draw(3) > 0 { operation.accesses[index].section?.left = now }
    }
    worker.operation = operation
    worker.phase = .done
  }
}
