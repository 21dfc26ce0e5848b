/// The smallest piece of a history in which an anomaly still shows.
///
/// Operations are left out, and objects out of lists, as long as the checker finds the same anomaly between
/// the same operations; so what is left explains the anomaly itself, and not one that the leaving out made.
public struct Reduction: Sendable {
  /// The piece.
  public let history: History
  /// The anomaly, with places in the piece.
  public let anomaly: Anomaly
  /// Whether the checker finds it in the piece alone.
  ///
  /// Otherwise the piece is what the anomaly names and what that refers to.
  public let isReproduced: Bool

  /// How often the checker is asked at most.
  private static let attempts = 300

  /// Reduces a history to what `anomaly`, which `checker` found in it, needs.
  public init(_ anomaly: Anomaly, of history: History, checker: Checker = Checker()) {
    var search = Search(anomaly: anomaly, history: history, checker: checker, attempts: Self.attempts)
    let named = Set(anomaly.operations)
    let referred = named.union(search.writers(of: named))
    for choice in [named, referred, referred.union(search.writers(of: referred)), search.related()] {
      if let found = search.reproduce(choice) {
        let piece = search.shrink(choice, found)
        (self.history, self.anomaly, isReproduced) = (piece.history, piece.anomaly, true)
        return
      }
    }
    let piece = search.piece(of: referred)
    (self.history, self.anomaly, isReproduced) = (piece.history, piece.translated(anomaly), false)
  }

  /// A part of the history with the places that its operations had.
  private struct Piece {
    var history: History
    var origins: [Int]
    var anomaly: Anomaly

    /// An anomaly of the whole history in terms of the piece.
    func translated(_ anomaly: Anomaly) -> Anomaly {
      var places: [Int: Int] = [:]
      for (place, origin) in origins.enumerated() { places[origin] = place }
      var translated = anomaly
      translated.operations = anomaly.operations.compactMap { places[$0] }
      translated.dependencies = anomaly.dependencies.compactMap { one in
        guard let from = places[one.from], let to = places[one.to] else { return nil }
        return Dependency(from: from, to: to, reason: one.reason, object: one.object)
      }
      return translated
    }
  }

  private struct Search {
    let anomaly: Anomaly
    let history: History
    let checker: Checker
    var attempts: Int

    /// The operations that wrote what some operations saw.
    func writers(of operations: Set<Int>) -> Set<Int> {
      let objects = Set(anomaly.objects)
      var values: Set<UInt64> = []
      for operation in operations.map({ history.operations[$0] }) {
        for access in operation.accesses where objects.contains(access.object) {
          if let base = access.section?.base { values.insert(base.value) }
        }
        guard case .succeeded(let seen) = operation.outcome else { continue }
        for one in seen where objects.contains(one.object) {
          if let value = one.value { values.insert(value) }
        }
      }
      return Set(
        history.operations.indices.filter { index in
          history.operations[index].accesses.contains { $0.value.map(values.contains) ?? false }
        })
    }

    /// Everything about the objects of the anomaly; where it has none, about its sessions.
    func related() -> Set<Int> {
      let objects = Set(anomaly.objects)
      let sessions = Set(anomaly.operations.map { history.operations[$0].session })
      return Set(
        history.operations.indices.filter { index in
          let operation = history.operations[index]
          guard !objects.isEmpty else { return sessions.contains(operation.session) }
          return operation.verb.isList && operation.accesses.isEmpty || operation.verb == .changes
            || operation.accesses.contains { objects.contains($0.object) }
        })
    }

    /// What the checker says about some operations alone, where that is the same anomaly.
    mutating func reproduce(_ operations: Set<Int>) -> Piece? {
      attempts -= 1
      var piece = piece(of: operations)
      let wanted = Set(anomaly.operations)
      for found in checker.check(piece.history)
      where found.kind == anomaly.kind && Set(found.operations.map { piece.origins[$0] }) == wanted {
        piece.anomaly = found
        return piece
      }
      return nil
    }

    func piece(of operations: Set<Int>) -> Piece {
      let origins = operations.sorted()
      let kept = origins.map { project(history.operations[$0]) }
      let sessions = Set(kept.map(\.session))
      let lives = history.lives.filter { sessions.contains($0.key) }
      return Piece(
        history: History(kept, lives: lives, keptChanges: history.keptChanges), origins: origins,
        anomaly: anomaly)
    }

    /// An operation without the objects that are none of the anomaly's.
    ///
    /// A batch stays whole, because what its end says of one write depends on how many there are.
    private func project(_ operation: Operation) -> Operation {
      guard !anomaly.objects.isEmpty, operation.verb != .batch else { return operation }
      var operation = operation
      if let kinds = operation.verb.listedKinds, operation.accesses.isEmpty {
        let named = anomaly.objects.filter { kinds.contains(ObjectKind(of: $0)) }
        // Without a scope it would be about everything.
        if named.isEmpty { return Operation(of: operation, as: .verify) }
        operation.accesses = named.map { Access(object: $0) }
      } else {
        operation.accesses.removeAll { !anomaly.objects.contains($0.object) }
      }
      if case .succeeded(let seen) = operation.outcome {
        operation.outcome = .succeeded(seen.filter { anomaly.objects.contains($0.object) })
      }
      return operation
    }

    /// Leaves out what is not needed, in ever smaller portions (Zeller and Hildebrandt, "Simplifying and
    /// isolating failure-inducing input", 2002).
    mutating func shrink(_ operations: Set<Int>, _ found: Piece) -> Piece {
      var best = found
      let named = Set(anomaly.operations)
      var rest = operations.subtracting(named).sorted()
      var portion = rest.count
      while portion > 0, attempts > 0 {
        var start = 0
        while start < rest.count, attempts > 0 {
          let end = min(rest.count, start + portion)
          let fewer = Array(rest[..<start] + rest[end...])
          if let piece = reproduce(named.union(fewer)) {
            (best, rest) = (piece, fewer)
          } else {
            start = end
          }
        }
        portion /= 2
      }
      return best
    }
  }
}

extension Operation {
  /// The same call as one that says nothing of the store.
  fileprivate init(of operation: Operation, as verb: Verb) {
    self.init(
      session: operation.session, thread: operation.thread, verb, began: operation.began,
      ended: operation.ended, outcome: .succeeded([]))
  }
}

extension Seen {
  /// The value, where it was seen.
  var value: UInt64? {
    switch sight {
    case .version(let version): version.value
    case .value(let value): value
    default: nil
    }
  }
}
