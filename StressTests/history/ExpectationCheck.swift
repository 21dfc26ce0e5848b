/// Whether writes that demanded a revision got what they demanded.
struct ExpectationCheck {
  private(set) var anomalies: [Anomaly] = []

  init(_ history: History) {
    for (index, operation) in history.operations.enumerated() {
      for access in operation.accesses {
        guard let expected = access.expected, let base = access.base else { continue }
        let name = "Operation \(index) demanded revision \(expected) of \(ObjectKind.name(of: access.object))"
        switch operation.outcome {
        case .succeeded where base.revision != expected:
          add(.ignoredDemand, access, index, "\(name) and wrote over \(base.revision).")
        case .failed("conflict") where base.revision == expected,
          .refused("conflict", _) where base.revision == expected:
          add(.falseConflict, access, index, "\(name), found it, and was refused.")
        default: break
        }
      }
    }
  }

  private mutating func add(_ kind: Anomaly.Kind, _ access: Access, _ operation: Int, _ text: String) {
    guard anomalies.count(where: { $0.kind == kind }) < Checker.limitPerObject else { return }
    anomalies.append(Anomaly(kind, objects: [access.object], operations: [operation], text))
  }
}
