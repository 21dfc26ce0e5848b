/// A history taken apart into steps: what happened at one moment each.
///
/// A read, a list or a write of one container is a step. A batch has one for each container it writes, since
/// each is a commit of its own.
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

  init(_ history: History) {
    steps.reserveCapacity(history.operations.count)
    origins.reserveCapacity(history.operations.count)
    for index in history.operations.indices { add(history.operations[index], Int32(index)) }
    for list in lists { addAbsences(history.operations[Int(list.operation)], list) }
  }

  private mutating func place(of object: Int) -> Int {
    if let place = places[object] { return place }
    places[object] = objects.count
    objects.append(Object(number: object))
    return objects.count - 1
  }

  private mutating func addStep(_ operation: Int32, _ began: UInt64, _ ended: UInt64) -> Int32 {
    steps.append(Step(operation: operation, began: began, ended: ended))
    return Int32(steps.count - 1)
  }

  private mutating func add(_ operation: Operation, _ index: Int32) {
    if operation.verb.isWrite { return addWrites(operation, index) }
    switch operation.outcome {
    case .succeeded(let seen):
      guard operation.verb == .list || !seen.isEmpty else { break }
      let step = addStep(index, operation.began, operation.ended)
      for one in seen { addRead(one, operation, index, step) }
      if operation.verb == .list { lists.append((step, index)) }
    case .failed(let code): addRefusal(code, operation, index)
    case .durabilityUnknown, .unknown: addBases(operation, index, step: nil)
    }
    for access in operation.accesses { _ = place(of: access.object) }
  }

  private mutating func addRead(_ seen: Seen, _ operation: Operation, _ index: Int32, _ step: Int32) {
    let read = Read(
      step: step, operation: index, began: operation.began, ended: operation.ended, sight: seen.sight)
    objects[place(of: seen.object)].reads.append(read)
  }

  /// What a failure says about whether the object was there.
  private mutating func addRefusal(_ code: String, _ operation: Operation, _ index: Int32) {
    if operation.accesses.count == 1 {
      let object = operation.accesses[0].object
      let isAbsent = code == "notFound" && operation.verb != .add
      if isAbsent || (code == "alreadyExists" && operation.verb == .add) {
        let step = addStep(index, operation.began, operation.ended)
        addRead(Seen(object: object, isThere: !isAbsent), operation, index, step)
      }
    }
    addBases(operation, index, step: nil)
  }

  /// What was read under locks by an operation that wrote nothing, or perhaps nothing.
  private mutating func addBases(_ operation: Operation, _ index: Int32, step: Int32?) {
    for access in operation.accesses where access.committed == nil {
      guard let section = access.section, let base = section.base else { continue }
      let step = step ?? addStep(index, operation.began, section.entered)
      objects[place(of: access.object)].reads.append(
        Read(
          step: step, operation: index, began: operation.began, ended: section.entered,
          sight: .version(base)))
    }
  }

  /// The other objects of a list's scope.
  private mutating func addAbsences(_ operation: Operation, _ list: (step: Int32, operation: Int32)) {
    guard case .succeeded(let seen) = operation.outcome else { return }
    while listed.count < objects.count { listed.append(-1) }
    for one in seen {
      let place = place(of: one.object)
      if listed[place] == list.step {
        anomalies.append(
          Anomaly(
            .listedTwice, objects: [one.object], operations: [Int(list.operation)],
            "One list names c\(one.object) twice."))
      }
      listed[place] = list.step
    }
    let absent = Read(
      step: list.step, operation: list.operation, began: operation.began, ended: operation.ended,
      sight: .absent)
    if operation.accesses.isEmpty {
      for place in objects.indices where listed[place] != list.step { objects[place].reads.append(absent) }
    } else {
      for access in operation.accesses {
        let place = place(of: access.object)
        if listed[place] != list.step { objects[place].reads.append(absent) }
      }
    }
  }
}

// MARK: - Writes

extension Steps {
  private mutating func addWrites(_ operation: Operation, _ index: Int32) {
    if case .failed(let code) = operation.outcome { addRefusal(code, operation, index) }
    if operation.outcome == .unknown { addBases(operation, index, step: nil) }
    let first = Int32(steps.count)
    for access in operation.accesses {
      let object = place(of: access.object)
      guard access.value != nil || operation.verb != .batch else { continue }
      let fate = Fate(of: access, in: operation)
      let write = fate == .aborted ? -1 : addWrite(access, operation, index, fate, object)
      note(access, object: object, operation: index, write: write)
    }
    if steps.count > Int(first) + 1 { batches.append(first..<Int32(steps.count)) }
    if operation.verb == .batch { addCrossReads(operation, index, first: first) }
  }

  /// What became of a write.
  private enum Fate {
    case certain, unknown, aborted

    init(of access: Access, in operation: Operation) {
      if access.committed != nil {
        self = .certain
        return
      }
      switch operation.outcome {
      // A batch may have failed at another object, after this one.
      case .failed: self = operation.accesses.count { $0.value != nil } > 1 ? .unknown : .aborted
      case .unknown: self = .unknown
      case .durabilityUnknown: self = operation.verb == .batch ? .unknown : .certain
      case .succeeded(let seen):
        // A batch need not write all that it could have written.
        let isNamed = operation.verb != .batch || seen.contains { $0.object == access.object }
        self = isNamed ? .certain : .unknown
      }
    }
  }

  /// - Returns: the place in the object's writes.
  private mutating func addWrite(
    _ access: Access, _ operation: Operation, _ index: Int32, _ fate: Fate, _ object: Int
  ) -> Int32 {
    let base = access.section?.base
    let began = access.section?.entered ?? operation.began
    let ended = fate == .certain ? access.committed ?? operation.ended : .max
    let step = addStep(index, began, max(began, ended))
    let kind: Write.Kind =
      switch operation.verb {
      case .add: .add
      case .remove: .remove
      default: .update
      }
    var place = Self.seenPlace(access, operation)
    if place == nil, let base { place = Place(base).next(kind) }
    objects[object].writes.append(
      Write(
        kind: kind, step: step, operation: index, value: access.value, place: place,
        isCertain: fate == .certain, base: base))
    if fate == .certain, let base, let entered = access.section?.entered {
      objects[object].reads.append(
        Read(step: -1, operation: index, began: operation.began, ended: entered, sight: .version(base)))
    }
    return Int32(objects[object].writes.count - 1)
  }

  /// The version that the store said it wrote.
  private static func seenPlace(_ access: Access, _ operation: Operation) -> Place? {
    if let written = access.written { return Place(written) }
    guard case .succeeded(let seen) = operation.outcome else { return nil }
    for one in seen where one.object == access.object {
      if case .version(let version) = one.sight { return Place(version) }
    }
    return nil
  }

  private mutating func note(_ access: Access, object: Int, operation: Int32, write: Int32) {
    var values = access.intermediateValues.map { ($0, Origin.Fate.intermediate) }
    if let value = access.value { values.append((value, write < 0 ? .aborted : .written)) }
    for (value, fate) in values {
      let origin = Origin(object: Int32(object), operation: operation, write: write, fate: fate)
      if let earlier = origins.updateValue(origin, forKey: value) {
        anomalies.append(
          Anomaly(
            .badHistory, objects: [access.object], operations: [Int(earlier.operation), Int(operation)],
            "Two operations write the value \(value)."))
      }
    }
  }

  /// While a batch writes one object, the locks of the others keep what it saw there true.
  private mutating func addCrossReads(_ operation: Operation, _ index: Int32, first: Int32) {
    guard operation.outcome != .unknown else { return }
    let written = operation.accesses.filter { $0.value != nil && Fate(of: $0, in: operation) != .aborted }
    guard steps.count == Int(first) + written.count else { return }
    for (offset, access) in written.enumerated() where Fate(of: access, in: operation) == .certain {
      let step = first + Int32(offset)
      for other in operation.accesses where other.object != access.object {
        // An object that the batch writes too is as before, or as after, by the order of the commits.
        let isBefore =
          if other.value == nil {
            true
          } else if let mine = access.committed, let later = other.committed {
            mine < later
          } else {
            false
          }
        guard isBefore, let base = other.section?.base else { continue }
        objects[place(of: other.object)].reads.append(
          Read(
            step: step, operation: index, began: operation.began,
            ended: steps[Int(step)].ended, sight: .version(base)))
      }
    }
  }
}

/// Which version of an object: row and revision.
struct Place: Hashable, Comparable {
  var generation: Int64
  var revision: Int64

  init(generation: Int64, revision: Int64) {
    self.generation = generation
    self.revision = revision
  }

  init(_ version: Version) {
    self.init(generation: version.generation, revision: version.revision)
  }

  /// What a write over this version writes; a removal takes it away.
  func next(_ kind: Steps.Write.Kind) -> Place {
    kind == .update ? Place(generation: generation, revision: revision + 1) : self
  }

  static func < (one: Place, other: Place) -> Bool {
    one.generation != other.generation
      ? one.generation < other.generation : one.revision < other.revision
  }
}
