/// The strongly connected components of a graph that have more than one node.
///
/// Source: Tarjan, "Depth-first search and linear graph algorithms" (1972), without recursion.
struct StrongComponents {
  /// The component of each node; -1 where it is alone in its own.
  private(set) var component: [Int32]
  /// The nodes of each component.
  private(set) var components: [[Int32]] = []

  private let graph: DependencyGraph.Adjacency
  private var index: [Int32]
  private var low: [Int32]
  private var isOnStack: [Bool]
  private var stack: [Int32] = []
  private var path: [(node: Int32, next: Int)] = []
  private var visited: Int32 = 0

  init(_ graph: DependencyGraph.Adjacency) {
    let count = graph.starts.count - 1
    self.graph = graph
    component = [Int32](repeating: -1, count: count)
    index = component
    low = component
    isOnStack = [Bool](repeating: false, count: count)
    for node in 0..<Int32(count) where index[Int(node)] < 0 { search(from: node) }
  }

  private mutating func search(from root: Int32) {
    enter(root)
    while let (node, next) = path.last {
      if next == graph.range(node).upperBound {
        leave(node)
        continue
      }
      path[path.count - 1].next = next + 1
      let target = graph.targets[next]
      if index[Int(target)] < 0 {
        enter(target)
      } else if isOnStack[Int(target)] {
        low[Int(node)] = min(low[Int(node)], index[Int(target)])
      }
    }
  }

  private mutating func enter(_ node: Int32) {
    index[Int(node)] = visited
    low[Int(node)] = visited
    visited += 1
    stack.append(node)
    isOnStack[Int(node)] = true
    path.append((node, graph.range(node).lowerBound))
  }

  private mutating func leave(_ node: Int32) {
    path.removeLast()
    if let parent = path.last?.node { low[Int(parent)] = min(low[Int(parent)], low[Int(node)]) }
    guard low[Int(node)] == index[Int(node)] else { return }
    var members: [Int32] = []
    while let member = stack.popLast() {
      isOnStack[Int(member)] = false
      members.append(member)
      if member == node { break }
    }
    guard members.count > 1 else { return }
    for member in members { component[Int(member)] = Int32(components.count) }
    components.append(members)
  }
}
