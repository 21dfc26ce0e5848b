/// Finds the shortest circle in what had to come before what, and says what it is called.
struct CycleSearch {
  private let graph: DependencyGraph
  private let adjacency: DependencyGraph.Adjacency
  private let components: StrongComponents
  private let history: History
  private(set) var anomalies: [Anomaly] = []
  /// By which edge a node was reached in the current search.
  private var arrivals: [Int32: Int32] = [:]

  /// How many nodes one component may cost.
  private static let budget = 3_000_000

  /// `known` are anomalies that were found otherwise; a component that holds one needs no other.
  init(_ graph: DependencyGraph, history: History, known: [Anomaly]) {
    self.graph = graph
    self.history = history
    adjacency = graph.adjacency()
    components = StrongComponents(adjacency)
    var explained: Set<Int32> = []
    let explaining = Explanations(known)
    for (number, component) in components.components.enumerated() {
      let operations = Set(component.map { graph.operations[Int($0)] })
      if explaining.hold(for: operations) { explained.insert(Int32(number)) }
    }
    for (number, component) in components.components.enumerated()
    where !explained.contains(Int32(number)) && anomalies.count < Checker.limit {
      if let cycle = shortestCycle(in: component) { anomalies.append(anomaly(cycle)) }
    }
  }

  /// Anomalies by their first operation.
  private struct Explanations {
    private var anomalies: [Int32: [[Int]]] = [:]

    init(_ known: [Anomaly]) {
      for anomaly in known {
        guard let first = anomaly.operations.first else { continue }
        anomalies[Int32(first), default: []].append(anomaly.operations)
      }
    }

    func hold(for operations: Set<Int32>) -> Bool {
      operations.contains { first in
        anomalies[first, default: []].contains { $0.allSatisfy { operations.contains(Int32($0)) } }
      }
    }
  }
}

// MARK: - Searching

extension CycleSearch {
  /// The edges of a circle with as few operations, and of as strong a kind, as possible.
  private mutating func shortestCycle(in component: [Int32]) -> [DependencyGraph.Edge]? {
    // A circle without reads says more than one with them, and one without a replaced read more than others.
    shortestCycle(in: component, without: [.seen, .replaced])
      ?? shortestCycle(in: component, without: [.replaced])
      ?? shortestCycle(in: component, without: [])
  }

  private mutating func shortestCycle(
    in component: [Int32], without reasons: [Dependency.Reason]
  ) -> [DependencyGraph.Edge]? {
    // A circle of an anomaly almost always holds a read of what was replaced.
    var (first, others): ([Int32], [Int32]) = ([], [])
    for node in component where graph.operations[Int(node)] >= 0 {
      let reads = adjacency.range(node).contains {
        graph.edges[Int(adjacency.edges[$0])].reason == .replaced
      }
      if reads { first.append(node) } else { others.append(node) }
    }
    var best: (length: Int, edges: [DependencyGraph.Edge])?
    var cost = 0
    for start in first + others {
      let found = cycle(from: start, without: reasons, cost: &cost)
      if let found, found.length < best?.length ?? .max { best = found }
      if best?.length == 2 { break }
      // With all edges there is a circle through every node of the component.
      if cost > Self.budget, best != nil || !reasons.isEmpty { break }
    }
    return best?.edges
  }

  /// A shortest circle through a node, where moments count for nothing.
  private mutating func cycle(
    from start: Int32, without reasons: [Dependency.Reason], cost: inout Int
  ) -> (length: Int, edges: [DependencyGraph.Edge])? {
    let component = components.component[Int(start)]
    arrivals.removeAll(keepingCapacity: true)
    var (near, far): ([Int32], [Int32]) = ([start], [])
    var length = 1
    while !near.isEmpty {
      while let node = near.popLast() {
        for place in adjacency.range(node) {
          cost += 1
          let target = adjacency.targets[place]
          guard components.component[Int(target)] == component, arrivals[target] == nil,
            !reasons.contains(graph.edges[Int(adjacency.edges[place])].reason)
          else { continue }
          arrivals[target] = adjacency.edges[place]
          if target == start { return (length, path(to: start)) }
          if graph.operations[Int(target)] < 0 { near.append(target) } else { far.append(target) }
        }
      }
      swap(&near, &far)
      length += 1
    }
    return nil
  }

  private func path(to start: Int32) -> [DependencyGraph.Edge] {
    var edges: [DependencyGraph.Edge] = []
    var node = start
    repeat {
      guard let arrival = arrivals[node] else { break }
      edges.append(graph.edges[Int(arrival)])
      node = graph.edges[Int(arrival)].from
    } while node != start
    return edges.reversed()
  }
}

// MARK: - Naming

extension CycleSearch {
  private func anomaly(_ cycle: [DependencyGraph.Edge]) -> Anomaly {
    let dependencies = dependencies(cycle)
    let operations = dependencies.map(\.from)
    let objects = Set(dependencies.compactMap(\.object)).sorted()
    let sentences = dependencies.map { one in
      let object = one.object.map { " (\(ObjectKind.name(of: $0)))" } ?? ""
      return "\(describe(one.from)) \(one.reason)\(object) \(describe(one.to))"
    }
    return Anomaly(
      kind(dependencies, objects: objects), objects: objects, operations: operations,
      dependencies: dependencies, sentences.joined(separator: "; ") + ".")
  }

  /// The circle as dependencies of operations, without what stands between them.
  private func dependencies(_ cycle: [DependencyGraph.Edge]) -> [Dependency] {
    guard let start = cycle.firstIndex(where: { graph.operations[Int($0.from)] >= 0 }) else { return [] }
    var dependencies: [Dependency] = []
    var from = Int(graph.operations[Int(cycle[start].from)])
    var reason = Dependency.Reason.realTime
    var object: Int?
    for edge in cycle[start...] + cycle[..<start] {
      if reason == .realTime { reason = edge.reason }
      if object == nil, edge.object >= 0 { object = Int(edge.object) }
      let to = Int(graph.operations[Int(edge.to)])
      guard to >= 0 else { continue }
      if to != from { dependencies.append(Dependency(from: from, to: to, reason: reason, object: object)) }
      from = to
      reason = .realTime
      object = nil
    }
    return dependencies
  }

  private func kind(_ dependencies: [Dependency], objects: [Int]) -> Anomaly.Kind {
    func count(_ reason: Dependency.Reason) -> Int { dependencies.count { $0.reason == reason } }
    switch count(.replaced) {
    case 0: return count(.seen) == 0 ? .g0 : .g1c
    case 1:
      guard objects.count == 1 else { return .gSingle }
      return count(.sessionOrder) > 0 ? .nonMonotoneRead : .staleRead
    default:
      let areWrites = dependencies.allSatisfy { history.operations[$0.from].verb.isWrite }
      return areWrites && objects.count > 1 ? .writeSkew : .g2
    }
  }

  private func describe(_ index: Int) -> String {
    let operation = history.operations[index]
    return "operation \(index) (\(operation.verb.rawValue) of session \(operation.session))"
  }
}
