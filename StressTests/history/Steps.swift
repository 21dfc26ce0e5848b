/// A history taken apart into steps: what happened at one moment each.
///
/// A read, a list or a write is a step, whatever number of objects one commit writes. A batch has one for
/// each container it writes, since each is a commit of its own.
struct Steps {
  /// Something that took effect at one moment between two times.
  struct Step {
    var operation: Int32
    var began: UInt64
    var ended: UInt64
  }

  /// A change of one object.
  struct Write {
    enum Kind { case add, update, remove }

    var kind: Kind
    var step: Int32
    var operation: Int32
    var value: UInt64?
    /// The version that it wrote, or for a removal took away, as far as the store or the base tells.
    var place: Place?
    /// Whether it is known to have taken effect.
    var isCertain: Bool
    var base: Version?
    /// Whether the same commit writes other objects too.
    var isShared = false
  }

  /// A look at one object.
  struct Read {
    /// The step; -1 for what a write read under its lock, which the order of versions covers.
    var step: Int32
    var operation: Int32
    var began: UInt64
    var ended: UInt64
    var sight: Seen.Sight
  }

  /// All that happened to one object.
  struct Object {
    var number: Int
    var writes: [Write] = []
    var reads: [Read] = []

    var name: String { ObjectKind.name(of: number) }
  }

  /// Where a value comes from.
  struct Origin {
    enum Fate { case written, aborted, intermediate }

    var object: Int32
    var operation: Int32
    /// The place in the object's writes.
    var write: Int32
    var fate: Fate
  }

  private(set) var steps: [Step] = []
  private(set) var objects: [Object] = []
  private(set) var origins: [UInt64: Origin] = [:]
  /// The steps of each batch that has several.
  private(set) var batches: [Range<Int32>] = []
  private(set) var anomalies: [Anomaly] = []
  private var places: [Int: Int] = [:]
  /// The lists, whose absent objects are only known when all objects are.
  private var lists: [(step: Int32, operation: Int32)] = []
  /// For each object, the step of the last list that named it.
  private var listed: [Int32] = []

  /// For each operation that may have written several objects at once and was not seen to end, when its
  /// effect was seen.
  private(set) var effectsSeen: [Int32: UInt64] = [:]

  init(_ history: History) {
    steps.reserveCapacity(history.operations.count)
    origins.reserveCapacity(history.operations.count)
    for index in history.operations.indices { add(history.operations[index], Int32(index), history) }
    for list in lists { addAbsences(history.operations[Int(list.operation)], list) }
    findEffects()
  }

  /// The place of an object among `objects`; nil for one whose states have no order of their own.
  mutating func place(of object: Int) -> Int? {
    if let place = places[object] { return place }
    guard ObjectKind(of: object).hasVersions else { return nil }
    places[object] = objects.count
    objects.append(Object(number: object))
    return objects.count - 1
  }

  mutating func addStep(_ operation: Int32, _ began: UInt64, _ ended: UInt64) -> Int32 {
    steps.append(Step(operation: operation, began: began, ended: ended))
    return Int32(steps.count - 1)
  }

  mutating func addBatch(from first: Int32) { batches.append(first..<Int32(steps.count)) }

  mutating func addOrigin(_ origin: Origin, of value: UInt64, object: Int) {
    guard let earlier = origins.updateValue(origin, forKey: value) else { return }
    anomalies.append(
      Anomaly(
        .badHistory, objects: [object], operations: [Int(earlier.operation), Int(origin.operation)],
        "Two writes have the value \(value)."))
  }

  private mutating func add(_ operation: Operation, _ index: Int32, _ history: History) {
    if operation.verb == .batch { return addSeveralWrites(operation, index) }
    if operation.verb.isWrite { return addWrites(operation, index) }
    switch operation.outcome {
    case .succeeded(let seen):
      guard operation.verb.isList || !seen.isEmpty else { break }
      let step = addStep(index, operation.began, operation.ended)
      for one in seen { addRead(one, step) }
      if operation.verb.isList { lists.append((step, index)) }
    case .failed, .refused: addRefusal(operation, index)
    case .durabilityUnknown, .unknown: addBases(operation, index)
    case .changes: break
    }
    for access in operation.accesses { _ = place(of: access.object) }
  }

  /// What was seen of one object at the moment of a step.
  mutating func addRead(_ seen: Seen, _ step: Int32) {
    guard let place = place(of: seen.object) else { return }
    let moment = steps[Int(step)]
    objects[place].reads.append(
      Read(
        step: step, operation: moment.operation, began: moment.began, ended: moment.ended, sight: seen.sight))
  }

  /// A read that the order of versions covers, so that it needs no step.
  mutating func addPlainRead(_ read: Read, of object: Int) {
    if let place = place(of: object) { objects[place].reads.append(read) }
  }

  mutating func add(_ write: Write, at place: Int) -> Int32 {
    objects[place].writes.append(write)
    return Int32(objects[place].writes.count - 1)
  }

  /// What a failure says about what was there.
  mutating func addRefusal(_ operation: Operation, _ index: Int32) {
    var seen: [Seen] = []
    if case .refused(_, let reasons) = operation.outcome { seen = reasons }
    if case .failed(let code) = operation.outcome, operation.accesses.count == 1 {
      let object = operation.accesses[0].object
      let isAbsent = code == "notFound" && operation.verb != .add
      if isAbsent || (code == "alreadyExists" && operation.verb == .add) {
        seen = [Seen(object: object, isThere: !isAbsent)]
      }
    }
    if !seen.isEmpty {
      let step = addStep(index, operation.began, operation.ended)
      for one in seen { addRead(one, step) }
    }
    addBases(operation, index)
  }

  /// What was read under locks by an operation that wrote nothing, or perhaps nothing.
  mutating func addBases(_ operation: Operation, _ index: Int32) {
    for access in operation.accesses where access.committed == nil {
      guard let locked = access.locked, access.base != nil || access.look != nil else { continue }
      let step = addStep(index, operation.began, locked)
      let seen = access.base.map { Seen(object: access.object, version: $0) }
      addRead(seen ?? Seen(object: access.object, .absent), step)
    }
  }

  /// The other objects of a list's scope.
  private mutating func addAbsences(_ operation: Operation, _ list: (step: Int32, operation: Int32)) {
    guard case .succeeded(let seen) = operation.outcome, let kinds = operation.verb.listedKinds else {
      return
    }
    while listed.count < objects.count { listed.append(-1) }
    for one in seen {
      guard let place = places[one.object] else { continue }
      if listed[place] == list.step {
        anomalies.append(
          Anomaly(
            .listedTwice, objects: [one.object], operations: [Int(list.operation)],
            "One list names \(ObjectKind.name(of: one.object)) twice."))
      }
      listed[place] = list.step
    }
    let absent = Read(
      step: list.step, operation: list.operation, began: operation.began, ended: operation.ended,
      sight: .absent)
    if operation.accesses.isEmpty {
      for place in objects.indices
      where listed[place] != list.step && kinds.contains(ObjectKind(of: objects[place].number)) {
        objects[place].reads.append(absent)
      }
    } else {
      for access in operation.accesses {
        guard let place = places[access.object], listed[place] != list.step else { continue }
        objects[place].reads.append(absent)
      }
    }
  }

  /// Of what is written together either everything is in effect or nothing: what was seen of one object tells
  /// of the others too.
  private mutating func findEffects() {
    var open: [UInt64: Int32] = [:]
    var writes: [Int32: [(place: Int, write: Int)]] = [:]
    for place in objects.indices {
      for (index, write) in objects[place].writes.enumerated() {
        guard !write.isCertain, write.isShared, let value = write.value else { continue }
        open[value] = write.operation
        writes[write.operation, default: []].append((place, index))
      }
    }
    guard !open.isEmpty else { return }
    for place in Set(writes.values.joined().map(\.place)) {
      for read in objects[place].reads {
        guard let value = Seen(object: objects[place].number, read.sight).value, let operation = open[value]
        else { continue }
        effectsSeen[operation] = min(effectsSeen[operation] ?? .max, read.ended)
      }
    }
    for operation in effectsSeen.keys {
      for (place, write) in writes[operation, default: []] { objects[place].writes[write].isCertain = true }
    }
  }
}
