/// Decides from a history alone whether a correct store can have done it.
///
/// What holds of a correct store: each call takes effect at one moment between its beginning and its end, all
/// of them in one order (strict serializability), for all that it writes; a batch takes effect once for each
/// container, under all its locks; at the beginning there is no record; nobody else writes. A call without an
/// end may have taken effect, or not, or do so later. Nothing is reported that one reading of the history
/// would allow, so some histories pass that no store could have made: those where what is absent fits several
/// removals.
///
/// Method: generation and revision give the order of the versions of a container, once each is known to
/// belong to one value. Every operation is placed in that order, and compared with the clock; then the orders
/// of all containers, what was seen, what was replaced and the clock are one graph, and a circle in it is an
/// anomaly (Adya, "Weak consistency", 1999; Kingsbury and Alvaro, "Elle", 2020). The cost grows with
/// n log n.
public struct Checker: Sendable {
  /// How long a busy session may be awake without an answer.
  public var progressNanoseconds: UInt64

  /// How many anomalies are reported at most.
  static let limit = 100
  /// How many of one kind and object.
  static let limitPerObject = 3

  /// - Parameter progressSeconds: longer than the longest timeout of an operation in the run.
  public init(progressSeconds: Int = 60) {
    progressNanoseconds = UInt64(progressSeconds) * 1_000_000_000
  }

  /// What is wrong with a history; empty where nothing is.
  public func check(_ history: History) -> [Anomaly] {
    let steps = Steps(history)
    var graph = DependencyGraph(steps)
    var anomalies = steps.anomalies
    var owners: [ObjectKind.Rows: [Int64: Int]] = [:]
    var lives: [KnownLives] = []
    let tellsChanges = history.operations.contains { $0.verb == .changes }
    for place in steps.objects.indices {
      let timeline = Timeline(steps, place: place, graph: &graph)
      let order = TimelineOrder(timeline, history: history, graph: &graph)
      anomalies += timeline.anomalies + order.anomalies
      if let rows = timeline.kind.rows { checkOwner(timeline, &owners[rows, default: [:]], &anomalies) }
      if tellsChanges, timeline.kind != .connection { lives.append(KnownLives(timeline)) }
    }
    graph.addRealTime()
    graph.addSessionOrder(steps, history)
    anomalies += CycleSearch(graph, history: history, known: anomalies).anomalies
    anomalies += SectionCheck(history).anomalies
    anomalies += ExpectationCheck(history).anomalies
    anomalies += CodeCheck(history, effectsSeen: steps.effectsSeen).anomalies
    if tellsChanges { anomalies += ChangeCheck(history, known: lives).anomalies }
    anomalies += ProgressCheck(history, limitNanoseconds: progressNanoseconds).anomalies
    // What is cut off at the limit is never the only one of its kind.
    var kinds: Set<Anomaly.Kind> = []
    let firsts = anomalies.indices.filter { kinds.insert(anomalies[$0].kind).inserted }
    let others = Set(anomalies.indices).subtracting(firsts).sorted()
    return (firsts + others).prefix(Self.limit).map { anomalies[$0] }
  }

  /// A generation is one row of one record.
  private func checkOwner(_ timeline: Timeline, _ owners: inout [Int64: Int], _ anomalies: inout [Anomaly]) {
    for (slot, before) in zip(timeline.slots.dropFirst(), timeline.slots)
    where !slot.isAbsence && slot.generation != before.generation {
      let number = timeline.object.number
      guard let other = owners.updateValue(number, forKey: slot.generation) else { continue }
      anomalies.append(
        Anomaly(
          .versionClash, objects: [other, number],
          operations: slot.operation < 0 ? [] : [Int(slot.operation)],
          "Generation \(slot.generation) is \(ObjectKind.name(of: other)) and \(ObjectKind.name(of: number))."
        ))
    }
  }
}
