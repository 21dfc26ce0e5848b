internal import ContainerStateStore
internal import OCIEngine

extension Verb {
  /// What `start`, `kill`, `stop` and `rm` print.
  static let actedOnJSON = #"[{"name": TEXT as given, "id": TEXT}, …], without those that failed"#
}

extension Invocation {
  /// Looks each operand up, acts on the container it names, and prints the operands that worked.
  ///
  /// All are tried; each failure is reported.
  func actOnEachContainer(_ act: (Engine, ContainerID) throws -> Void) throws -> Int32 {
    let engine = try engine()
    var done: [(name: String, id: ContainerID)] = []
    try forEachContainer { name, id in
      try act(engine, id)
      done.append((name, id))
    }
    guard settings.printsJSON else {
      for (name, _) in done { output.line(name) }
      return ExitStatus.done
    }
    print(
      .objects(done) { json, element in
        let (name, id) = element
        json.member("name", name)
        json.member("id", id.rawValue)
      })
    return ExitStatus.done
  }

  /// Calls `body` with each operand and the id of the container that it names; failures are reported one by
  /// one.
  func forEachContainer(_ body: (_ name: String, _ id: ContainerID) throws -> Void) throws {
    let store = try store()
    forEachOperand { operand in
      try body(operand, try store.lookUpContainer(operand).id)
    }
  }
}
