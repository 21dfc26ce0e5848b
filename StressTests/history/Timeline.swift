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
    let removals = Dictionary(grouping: object.writes.filter { $0.kind == .remove }) { $0.place?.generation }
    let places = versions.values.keys.sorted()
    slots.reserveCapacity(places.count + 8)
    slotOfPlace.reserveCapacity(places.count)
    for (index, place) in places.enumerated() {
      append(place)
      let isLast = index + 1 == places.count
      if isLast || places[index + 1].generation != place.generation {
        appendEnd(of: place, removals, isLast: isLast, &graph)
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

  /// The absence after a generation, of which `last` is the last known version.
  private mutating func appendEnd(
    of last: Place, _ removals: [Int64?: [Steps.Write]], isLast: Bool, _ graph: inout DependencyGraph
  ) {
    let own = removals[last.generation] ?? []
    let certain = own.filter(\.isCertain)
    if certain.count > 1 {
      add(
        .removedTwice, certain.map(\.operation),
        "Generation \(last.generation) of c\(object.number) was removed \(certain.count) times.")
    }
    var slot = Slot(generation: last.generation, place: nil, node: -1, operation: -1, began: 0, ended: .max)
    if let removal = certain.first {
      if let place = removal.place, place.revision < last.revision {
        add(
          .lostUpdate, [slots.last?.operation ?? -1, removal.operation],
          "c\(object.number) was removed as of revision \(place), over revision \(last).")
      }
      let step = steps[Int(removal.step)]
      slot.node = removal.step
      slot.operation = removal.operation
      slot.began = step.began
      slot.ended = step.ended
    } else {
      // A removal of an earlier revision than the last cannot have been the one that took effect.
      let candidates =
        own.filter { $0.place.map { $0.revision >= last.revision } ?? true } + (removals[.none] ?? [])
      guard let began = candidates.map({ steps[Int($0.step)].began }).min() else {
        if !isLast { slots.append(slot) }
        return
      }
      slot.began = began
      slot.operation = candidates.count == 1 ? candidates[0].operation : -1
      slot.node = graph.addNode(operation: slot.operation, began: began)
    }
    slots.append(slot)
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
        "c\(object.number) was added again as generation \(slots[next].generation), although nobody"
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
        "c\(object.number) has \(missing) revisions more than there were writes that could have made"
          + " them (\(spare)).")
    }
  }

  private mutating func add(_ kind: Anomaly.Kind, _ operations: [Int32], _ text: String) {
    guard anomalies.count(where: { $0.kind == kind }) < Checker.limitPerObject else { return }
    let known = operations.filter { $0 >= 0 }.map(Int.init)
    anomalies.append(Anomaly(kind, objects: [object.number], operations: known, text))
  }
}
