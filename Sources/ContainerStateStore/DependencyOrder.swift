/// Decisions over dependencies alone, without a store.
enum DependencyOrder {
  /// The members of cycles, sorted: what is left when everything that depends on nothing left is taken away,
  /// and then everything that nothing left depends on.
  static func inCycles(_ dependencies: [Int64: [Int64]]) -> [Int64] {
    peeled(reversed(peeled(dependencies))).keys.sorted()
  }

  /// The nodes of a graph without cycles, given as the nodes that depend on each, in an order in which each
  /// comes after all that depend on it.
  static func dependantsFirst(_ dependants: [Int64: [Int64]]) -> [Int64] {
    var order: [Int64] = []
    var seen: Set<Int64> = []
    for start in dependants.keys.sorted() where seen.insert(start).inserted {
      // An explicit stack: a chain of dependencies may be as long as there are containers.
      var path: [(node: Int64, next: Int)] = [(start, 0)]
      while let (node, next) = path.last {
        let users = dependants[node, default: []]
        if next == users.count {
          order.append(node)
          path.removeLast()
        } else {
          path[path.count - 1].next += 1
          if seen.insert(users[next]).inserted { path.append((users[next], 0)) }
        }
      }
    }
    return order
  }

  /// The part of a graph that is left when nodes without an edge to another are taken away until none is.
  ///
  /// Each edge is looked at once, when the node it leads to goes.
  private static func peeled(_ edges: [Int64: [Int64]]) -> [Int64: [Int64]] {
    let sources = reversed(edges)
    var counts = edges.mapValues(\.count)
    var free = sources.keys.filter { counts[$0, default: 0] == 0 }
    while let node = free.popLast() {
      for source in sources[node, default: []] {
        counts[source, default: 0] -= 1
        if counts[source] == 0 { free.append(source) }
      }
    }
    let left = edges.filter { counts[$0.key, default: 0] > 0 }
    return left.mapValues { $0.filter { left[$0] != nil } }
  }

  private static func reversed(_ edges: [Int64: [Int64]]) -> [Int64: [Int64]] {
    var result: [Int64: [Int64]] = [:]
    for (source, targets) in edges {
      for target in targets { result[target, default: []].append(source) }
    }
    return result
  }
}
