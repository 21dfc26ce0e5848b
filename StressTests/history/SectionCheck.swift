/// Whether at most one holder was inside each container's lock.
struct SectionCheck {
  /// A stay of which the inside is known between two times.
  private struct Stay {
    var operation: Int32
    var entered: UInt64
    /// The last time at which it was inside for certain.
    var inside: UInt64
    var section: Section
  }

  private(set) var anomalies: [Anomaly] = []
  private let history: History
  private var stays: [Int: [Stay]] = [:]
  /// The last time at which a session wrote something down.
  private var lastSign: [Int32: UInt64] = [:]
  /// For each session, the operations without an end.
  private var openOperations: [Int32: [Int32]] = [:]

  init(_ history: History) {
    self.history = history
    for (index, operation) in history.operations.enumerated() { add(operation, Int32(index)) }
    for object in stays.keys.sorted() {
      guard let found = stays[object] else { continue }
      check(object, found.sorted { $0.entered < $1.entered })
    }
  }

  private mutating func add(_ operation: Operation, _ index: Int32) {
    var last = operation.ended == .max ? operation.began : operation.ended
    var inside: UInt64 = 0
    var entered: UInt64 = .max
    for access in operation.accesses {
      last = max(last, access.committed ?? 0)
      guard let section = access.section else { continue }
      entered = min(entered, section.entered)
      inside = max(inside, section.left ?? 0, access.committed ?? 0, section.entered)
    }
    lastSign[operation.session] = max(lastSign[operation.session] ?? 0, last, inside)
    if operation.ended == .max { openOperations[operation.session, default: []].append(index) }
    for access in operation.accesses {
      guard let section = access.section else { continue }
      // Of several locks each is held as long as all.
      stays[access.object, default: []].append(
        Stay(operation: index, entered: entered, inside: inside, section: section))
    }
  }

  private mutating func check(_ object: Int, _ stays: [Stay]) {
    let before = anomalies.count
    var longest: Stay?
    var highest: Stay?
    for stay in stays where anomalies.count < before + Checker.limitPerObject {
      if let longest, longest.inside > stay.entered {
        add(
          .overlap, object, longest, stay,
          "were inside the lock of \(ObjectKind.name(of: object)) at the same time")
      }
      if let highest, highest.section.token >= stay.section.token {
        if highest.entered < stay.entered || highest.section.token == stay.section.token {
          add(
            .tokenOrder, object, highest, stay,
            "have tokens of \(ObjectKind.name(of: object)) that do not grow")
        }
      }
      checkWitness(object, stay)
      if stay.inside >= longest?.inside ?? 0 { longest = stay }
      if highest.map({ $0.section.token < stay.section.token }) ?? true { highest = stay }
    }
  }

  /// Who stands in the witness word must have died inside, before anybody else came in.
  private mutating func checkWitness(_ object: Int, _ stay: Stay) {
    let found = stay.section.found
    guard found != 0 else { return }
    let diedInside = openOperations[found, default: []].contains { index in
      history.operations[Int(index)].accesses.contains { $0.object == object && $0.section?.left == nil }
    }
    if diedInside, lastSign[found, default: 0] <= stay.section.entered { return }
    let holder = stays[object, default: []].last {
      history.operations[Int($0.operation)].session == found && $0.operation != stay.operation
        && $0.entered <= stay.section.entered
    }
    let operations = [holder?.operation, stay.operation].compactMap { $0.map(Int.init) }
    anomalies.append(
      Anomaly(
        .witness, objects: [object], operations: operations,
        dependencies: operations.count < 2
          ? [] : [Dependency(from: operations[0], to: operations[1], reason: .found, object: object)],
        "Operation \(stay.operation) found session \(found) inside the lock of"
          + " \(ObjectKind.name(of: object)), which had not died there."))
  }

  private mutating func add(_ kind: Anomaly.Kind, _ object: Int, _ one: Stay, _ other: Stay, _ text: String) {
    let operations = [Int(one.operation), Int(other.operation)]
    anomalies.append(
      Anomaly(
        kind, objects: [object], operations: operations,
        dependencies: [
          Dependency(
            from: operations[0], to: operations[1], reason: kind == .overlap ? .sameTime : .sameToken,
            object: object)
        ],
        "Operations \(operations[0]) and \(operations[1]) \(text)."))
  }
}
