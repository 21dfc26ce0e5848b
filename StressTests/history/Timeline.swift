/// The states that one object went through, in order.
///
/// Slot 0 is its absence before all; each known version is a slot, and so is the absence after each
/// generation. Versions that nobody ever told of have none.
struct Timeline {
  /// One state and the change that led to it.
  struct Slot {
    /// For an absence, the generation before it.
    var generation: Int64
    /// nil for an absence.
    var place: Place?
    var value: UInt64?
    /// The node of the change in the graph; -1 where nobody knows it.
    var node: Int32
    /// The operation of the change; -1 where it is not known which.
    var operation: Int32
    /// The change took effect between these times.
    var began: UInt64
    var ended: UInt64

    var isAbsence: Bool { place == nil }

    /// Makes a write the one that led to it.
    mutating func take(_ write: Steps.Write, _ steps: [Steps.Step]) {
      let step = steps[Int(write.step)]
      (node, operation, began, ended) = (write.step, write.operation, step.began, step.ended)
    }
  }

  let object: Steps.Object
  private(set) var slots = [
    Slot(generation: .min, place: nil, node: -1, operation: -1, began: 0, ended: .max)
  ]
  private(set) var anomalies: [Anomaly]
  private(set) var slotOfPlace: [Place: Int32] = [:]
  /// For each slot: the next and the last absence, the next and the last version, it included; -1 for none.
  private(set) var nextAbsence: [Int32] = []
  private(set) var lastAbsence: [Int32] = []
  private(set) var nextVersion: [Int32] = []
  private(set) var lastVersion: [Int32] = []
  /// Additions of which no version is known: since when there may be such a container.
  private(set) var unplacedAddition: UInt64 = .max
  let versions: VersionTable
  var kind: ObjectKind { ObjectKind(of: object.number) }
  private let steps: [Steps.Step]
  private let origins: [UInt64: Steps.Origin]

  /// `graph` gets a node for each removal that could be the work of several operations.
  init(_ steps: Steps, place: Int, graph: inout DependencyGraph) {
    object = steps.objects[place]
    versions = VersionTable(steps, place: place)
    anomalies = versions.anomalies
    self.steps = steps.steps
    origins = steps.origins
    build(&graph)
    index()
    checkGaps()
  }

  private mutating func build(_ graph: inout DependencyGraph) {
    var removals = Removals(object, steps)
    let places = versions.values.keys.sorted()
    slots.reserveCapacity(places.count + 8)
    slotOfPlace.reserveCapacity(places.count)
    for (index, place) in places.enumerated() {
      append(place)
      let isLast = index + 1 == places.count
      if isLast || places[index + 1].generation != place.generation {
        let next = isLast ? nil : versions.values[places[index + 1]].flatMap { origins[$0] }
        appendEnd(of: place, &removals, isLast: isLast, nextWrite: next?.write ?? -1, &graph)
      }
    }
  }

  private mutating func append(_ place: Place) {
    guard let value = versions.values[place] else { return }
    var slot = Slot(
      generation: place.generation, place: place, value: value, node: -1, operation: -1, began: 0,
      ended: .max)
    if let origin = origins[value], origin.write >= 0 {
      let write = object.writes[Int(origin.write)]
      let step = steps[Int(write.step)]
      slot.node = write.step
      slot.operation = write.operation
      slot.began = step.began
      slot.ended = step.ended
    }
    slotOfPlace[place] = Int32(slots.count)
    slots.append(slot)
  }

  /// The absence after a generation, of which `last` is the last known version; the next one is known to
  /// begin with `nextWrite`.
  private mutating func appendEnd(
    of last: Place, _ removals: inout Removals, isLast: Bool, nextWrite: Int32, _ graph: inout DependencyGraph
  ) {
    let own = removals.placed[last.generation] ?? []
    let certain = own.filter(\.isCertain)
    if certain.count > 1 {
      add(
        .removedTwice, certain.map(\.operation),
        "Generation \(last.generation) of \(object.name) was removed"
          + " \(certain.count) times.")
    }
    var slot = Slot(generation: last.generation, place: nil, node: -1, operation: -1, began: 0, ended: .max)
    if let removal = certain.first {
      if let place = removal.place, place.revision < last.revision {
        add(
          .lostUpdate, [slots.last?.operation ?? -1, removal.operation],
          "\(object.name) was removed as of revision \(place), over revision \(last).")
      }
      slot.take(removal, steps)
    } else {
      // A removal of an earlier revision than the last cannot have been the one that took effect.
      var candidates = own.filter { $0.place.map { $0.revision >= last.revision } ?? true }
      let nextEnded = nextWrite < 0 ? .max : steps[Int(object.writes[Int(nextWrite)].step)].ended
      candidates += removals.unplaced(endedSince: slots.last?.began ?? 0, begunBy: nextEnded)
      guard let began = candidates.map({ steps[Int($0.step)].began }).min() else {
        if !isLast { slots.append(slot) }
        return
      }
      if candidates.count == 1, removals.claim(candidates[0], isLast: isLast) {
        // Nothing else can have removed it: what it did to other objects belongs to the same moment.
        slot.take(candidates[0], steps)
      } else {
        removals.offer(candidates)
        slot.began = began
        slot.operation = candidates.count == 1 ? candidates[0].operation : -1
        slot.node = graph.addNode(operation: slot.operation, began: began)
      }
    }
    slots.append(slot)
  }

  /// The removals of one object.
  private struct Removals {
    /// Those that are known to be of a generation, if they took effect.
    private(set) var placed: [Int64: [Steps.Write]] = [:]
    /// The others, by their beginnings.
    private var others: [Steps.Write] = []
    /// For each of the others, the latest end up to there.
    private var latest: [UInt64] = []
    private let steps: [Steps.Step]
    /// The steps of those that are known to have removed an earlier generation, or may have.
    private var spent: Set<Int32> = []
    private var offered: Set<Int32> = []

    init(_ object: Steps.Object, _ steps: [Steps.Step]) {
      self.steps = steps
      for write in object.writes where write.kind == .remove {
        if let place = write.place {
          placed[place.generation, default: []].append(write)
        } else {
          others.append(write)
        }
      }
      others.sort { steps[Int($0.step)].began < steps[Int($1.step)].began }
      for write in others { latest.append(max(latest.last ?? 0, steps[Int(write.step)].ended)) }
    }

    /// Those that may have taken effect between two times.
    func unplaced(endedSince first: UInt64, begunBy last: UInt64) -> [Steps.Write] {
      var (low, high) = (0, others.count)
      while low < high {
        let middle = (low + high) / 2
        if steps[Int(others[middle].step)].began <= last { low = middle + 1 } else { high = middle }
      }
      var found: [Steps.Write] = []
      for index in (0..<low).reversed() {
        guard latest[index] >= first else { break }
        let step = others[index].step
        if steps[Int(step)].ended >= first, !spent.contains(step) { found.append(others[index]) }
      }
      return found
    }

    /// Takes the only removal that fits for the one; `isLast` where it need not have been removed at all.
    ///
    /// - Returns: false where it may have removed another generation instead.
    mutating func claim(_ removal: Steps.Write, isLast: Bool) -> Bool {
      if isLast, !removal.isCertain || offered.contains(removal.step) { return false }
      spent.insert(removal.step)
      return true
    }

    /// Any of these may have been the one.
    mutating func offer(_ removals: [Steps.Write]) { offered.formUnion(removals.map(\.step)) }
  }

  private mutating func index() {
    func fill(_ order: some Sequence<Int>, absence: Bool) -> [Int32] {
      var filled = [Int32](repeating: -1, count: slots.count)
      var last: Int32 = -1
      for slot in order {
        if slots[slot].isAbsence == absence { last = Int32(slot) }
        filled[slot] = last
      }
      return filled
    }
    lastAbsence = fill(slots.indices, absence: true)
    lastVersion = fill(slots.indices, absence: false)
    nextAbsence = fill(slots.indices.reversed(), absence: true)
    nextVersion = fill(slots.indices.reversed(), absence: false)
  }

  /// Removals nobody can have made, and revisions nobody can have written.
  private mutating func checkGaps() {
    for (slot, next) in zip(slots.indices, slots.indices.dropFirst()) {
      let end = slots[slot]
      guard slot > 0, end.isAbsence, end.node < 0 else { continue }
      add(
        .lostWrite, [slots[slot - 1].operation, slots[next].operation],
        "\(object.name) was added again as generation \(slots[next].generation), although nobody"
          + " removed generation \(end.generation).")
    }
    var spare = 0
    for write in object.writes where write.kind != .remove {
      guard let value = write.value, versions.places[value] == nil else { continue }
      if !write.isCertain || write.place == nil { spare += 1 }
      if write.kind == .add, write.place == nil {
        unplacedAddition = min(unplacedAddition, steps[Int(write.step)].began)
      }
    }
    checkRevisions(spare: spare)
  }

  private mutating func checkRevisions(spare: Int) {
    var missing: Int64 = 0
    var operations: [Int32] = []
    for (slot, before) in zip(slots.dropFirst(), slots) {
      guard let place = slot.place else { continue }
      let expected = before.place.map { $0.revision + 1 } ?? 1
      if place.revision > expected {
        missing += place.revision - expected
        operations = [before.operation, slot.operation]
      }
    }
    if missing > spare {
      add(
        .missingWrite, operations,
        "\(object.name) has \(missing) revisions more than there were writes that could have made"
          + " them (\(spare)).")
    }
  }

  private mutating func add(_ kind: Anomaly.Kind, _ operations: [Int32], _ text: String) {
    guard anomalies.count(where: { $0.kind == kind }) < Checker.limitPerObject else { return }
    let known = operations.filter { $0 >= 0 }.map(Int.init)
    anomalies.append(Anomaly(kind, objects: [object.number], operations: known, text))
  }
}
