/// Decisions over dependencies alone, without a store.
enum DependencyOrder {
  /// The members of cycles, sorted: what is left when everything that depends on nothing left is taken away,
  /// and then everything that nothing left depends on.
  static func inCycles(_ dependencies: [Int64: [Int64]]) -> [Int64] {
    let remaining = peeled(dependencies)
    var reversed: [Int64: [Int64]] = [:]
    for (dependant, targets) in remaining {
      for target in targets { reversed[target, default: []].append(dependant) }
    }
    return peeled(reversed).keys.sorted()
  }

  /// The part of a graph that is left when nodes without an edge to another are taken away until none is.
  private static func peeled(_ edges: [Int64: [Int64]]) -> [Int64: [Int64]] {
    var remaining = edges
    while true {
      let next = remaining.compactMapValues { targets in
        let kept = targets.filter { remaining[$0] != nil }
        return kept.isEmpty ? nil : kept
      }
      if next.count == remaining.count { return next }
      remaining = next
    }
  }
}
