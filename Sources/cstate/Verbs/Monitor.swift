internal import OCIEngine

extension Verb {
  /// The engine's process that waits for a container's end; started by the engine alone.
  static let monitor = Verb(
    "monitor", "Wait for a container's end (internal)", isHidden: true, takesRawArguments: true
  ) { invocation in
    monitorMain(arguments: invocation.arguments.operands)
  }
}
