/// Which version of one object has which value, as writers and readers say.
///
/// Generation and revision are the order of versions; they are believed only as far as each value has one
/// place and each place one value.
struct VersionTable {
  private(set) var values: [Place: UInt64] = [:]
  private(set) var places: [UInt64: Place] = [:]
  private(set) var anomalies: [Anomaly] = []
  private let object: Steps.Object
  private let place: Int32
  private let origins: [UInt64: Steps.Origin]
  /// Who said so first, for each value.
  private var witnesses: [UInt64: Int32] = [:]

  /// `place` is the object's among those of `steps`.
  init(_ steps: Steps, place: Int) {
    object = steps.objects[place]
    self.place = Int32(place)
    origins = steps.origins
    values.reserveCapacity(object.writes.count)
    places.reserveCapacity(object.writes.count)
    claimWritten()
    claimRead()
  }

  private mutating func claimWritten() {
    for write in object.writes where write.isCertain && write.kind != .remove {
      guard let value = write.value, let place = write.place else { continue }
      if let base = write.base, write.kind == .update, Place(base).next(.update) != place {
        add(
          .lostUpdate, [origins[base.value]?.operation, write.operation],
          "Value \(value) became revision \(place) of \(object.name), although it was written over"
            + " revision \(Place(base)).")
      }
      if (place.revision == 1) != (write.kind == .add) {
        let what = write.kind == .add ? "a new container" : "a change"
        add(
          .versionClash, [write.operation],
          "Revision \(place) of \(object.name) is \(what).")
      }
      claim(value, place, write.operation)
    }
  }

  private mutating func claimRead() {
    for read in object.reads {
      guard case .version(let version) = read.sight, isPossible(version.value, read) else { continue }
      claim(version.value, Place(version), read.operation)
    }
    for read in object.reads {
      guard case .value(let value) = read.sight, isPossible(value, read) else { continue }
      // A write that was killed is placed by what it was about to replace.
      guard places[value] == nil, let origin = origins[value],
        let place = object.writes[Int(origin.write)].place
      else { continue }
      claim(value, place, read.operation)
    }
  }

  /// Whether somebody may have written this value there.
  private mutating func isPossible(_ value: UInt64, _ read: Steps.Read) -> Bool {
    guard let origin = origins[value], origin.object == place else {
      add(
        .inventedValue, [origins[value]?.operation, read.operation],
        "\(object.name) has the value \(value), which nobody wrote there.")
      return false
    }
    switch origin.fate {
    case .written: return true
    case .aborted:
      add(
        .g1a, [origin.operation, read.operation],
        "\(object.name) has the value \(value), of which the write failed.")
    case .intermediate:
      add(
        .g1b, [origin.operation, read.operation],
        "\(object.name) has the value \(value), which the same commit overwrote.")
    }
    return false
  }

  private mutating func claim(_ value: UInt64, _ place: Place, _ operation: Int32) {
    if let other = places[value], other != place {
      add(
        .versionClash, [witnesses[value], operation],
        "Value \(value) of \(object.name) is revision \(other) and revision \(place).")
      return
    }
    if let other = values[place], other != value {
      let writers = [origins[other], origins[value]].map { $0?.fate == .written ? $0?.operation : nil }
      let isLost = !writers.contains(nil)
      add(
        isLost ? .lostUpdate : .versionClash,
        isLost ? writers + [operation] : [witnesses[other], operation],
        "Revision \(place) of \(object.name) has the value \(other) and the value \(value)."
      )
      return
    }
    if values.updateValue(value, forKey: place) == nil {
      places[value] = place
      witnesses[value] = operation
    }
  }

  private mutating func add(_ kind: Anomaly.Kind, _ operations: [Int32?], _ text: String) {
    guard anomalies.count(where: { $0.kind == kind }) < Checker.limitPerObject else { return }
    var unique: [Int] = []
    for operation in operations.compactMap({ $0.map(Int.init) }) where !unique.contains(operation) {
      unique.append(operation)
    }
    var dependencies: [Dependency] = []
    if kind == .lostUpdate, unique.count > 1 {
      dependencies = [
        Dependency(from: unique[0], to: unique[1], reason: .sameVersion, object: object.number)
      ]
    } else if kind == .g1a || kind == .g1b, unique.count > 1 {
      dependencies = [Dependency(from: unique[0], to: unique[1], reason: .seen, object: object.number)]
    }
    anomalies.append(
      Anomaly(kind, objects: [object.number], operations: unique, dependencies: dependencies, text))
  }
}

extension Place: CustomStringConvertible {
  /// `generation.revision`.
  var description: String { "\(generation).\(revision)" }
}
