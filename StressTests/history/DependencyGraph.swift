/// What had to come before what.
///
/// A node is a step, a removal of which the operation is not known, the beginning or end of a batch, or a
/// moment in time.
struct DependencyGraph {
  /// Edges by the node they leave: those of node n are `targets[starts[n]..<starts[n + 1]]`.
  struct Adjacency {
    fileprivate(set) var starts: [Int32]
    fileprivate(set) var targets: [Int32]
    /// The edge's number, for its reason and object.
    fileprivate(set) var edges: [Int32]

    func range(_ node: Int32) -> Range<Int> { Int(starts[Int(node)])..<Int(starts[Int(node) + 1]) }
  }

  struct Edge {
    var from: Int32
    var to: Int32
    var reason: Dependency.Reason
    var object: Int32
  }

  /// The operation of each node; -1 for a moment and for what nobody is known to have done.
  private(set) var operations: [Int32]
  private(set) var edges: [Edge] = []
  /// Nodes with times, which are to be ordered by them.
  private var times: [(began: UInt64, ended: UInt64)]
  /// For the steps of a batch: where it begins and ends.
  private var entrances: [Int32: Int32] = [:]
  private var exits: [Int32: Int32] = [:]

  init(_ steps: Steps) {
    operations = steps.steps.map(\.operation)
    times = steps.steps.map { ($0.began, $0.ended) }
    edges.reserveCapacity(steps.steps.count * 6)
    for batch in steps.batches { addBatch(batch) }
  }

  /// Adds a node that took effect after `began`.
  mutating func addNode(operation: Int32, began: UInt64) -> Int32 {
    operations.append(operation)
    times.append((began, .max))
    return Int32(operations.count - 1)
  }

  mutating func addEdge(_ from: Int32, _ to: Int32, _ reason: Dependency.Reason, object: Int = -1) {
    if from != to { edges.append(Edge(from: from, to: to, reason: reason, object: Int32(object))) }
  }

  /// The order of two writes of one object.
  ///
  /// A batch holds all its locks to its end, so either of two batches comes before the other as a whole.
  mutating func addWriteOrder(_ from: Int32, _ to: Int32, object: Int) {
    addEdge(exits[from] ?? from, entrances[to] ?? to, .overwritten, object: object)
  }

  private mutating func addBatch(_ steps: Range<Int32>) {
    let operation = operations[Int(steps.lowerBound)]
    let entrance = addNode(operation: operation, began: 0)
    let exit = addNode(operation: operation, began: 0)
    for step in steps {
      entrances[step] = entrance
      exits[step] = exit
      addEdge(entrance, step, .sessionOrder)
      addEdge(step, exit, .sessionOrder)
    }
  }

  /// Adds what follows from the clock: who had ended before another began comes before it.
  ///
  /// Each end is a moment, moments are a chain, and a step begins after the last moment before it; so the
  /// edges are as many as the steps, not as their pairs.
  mutating func addRealTime() {
    let ends = times.indices.filter { times[$0].ended != .max }.sorted { times[$0].ended < times[$1].ended }
    let first = Int32(operations.count)
    operations.append(contentsOf: repeatElement(-1, count: ends.count))
    for (rank, node) in ends.enumerated() {
      addEdge(Int32(node), first + Int32(rank), .realTime)
      if rank > 0 { addEdge(first + Int32(rank) - 1, first + Int32(rank), .realTime) }
    }
    let beginnings = times.indices.sorted { times[$0].began < times[$1].began }
    var ended: Int32 = 0
    for node in beginnings {
      while Int(ended) < ends.count, times[ends[Int(ended)]].ended < times[node].began { ended += 1 }
      if ended > 0 { addEdge(first + ended - 1, Int32(node), .realTime) }
    }
  }

  /// Adds the order in which each thread did its operations, which equal times do not tell.
  mutating func addSessionOrder(_ steps: Steps, _ history: History) {
    struct Thread: Hashable {
      var session: Int32
      var thread: Int32
    }
    var last: [Thread: Int32] = [:]
    for (node, step) in steps.steps.enumerated() {
      let operation = history.operations[Int(step.operation)]
      let thread = Thread(session: operation.session, thread: operation.thread)
      if let earlier = last[thread], steps.steps[Int(earlier)].operation != step.operation {
        addEdge(earlier, Int32(node), .sessionOrder)
      }
      // What has no end may take effect later than what its thread did next.
      if step.ended != .max { last[thread] = Int32(node) }
    }
  }

  /// The edges by the node they leave.
  func adjacency() -> Adjacency {
    var starts = [Int32](repeating: 0, count: operations.count + 1)
    for edge in edges { starts[Int(edge.from) + 1] += 1 }
    for node in operations.indices { starts[node + 1] += starts[node] }
    var next = starts
    var targets = [Int32](repeating: 0, count: edges.count)
    var numbers = targets
    for (number, edge) in edges.enumerated() {
      let place = Int(next[Int(edge.from)])
      next[Int(edge.from)] += 1
      targets[place] = edge.to
      numbers[place] = Int32(number)
    }
    return Adjacency(starts: starts, targets: targets, edges: numbers)
  }
}
