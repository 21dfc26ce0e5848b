/// What an engine must agree on with every other user of the store; recorded by the first open, compared by
/// each later one.
///
/// An empty field means "not said": it is recorded as empty by the first open and compared only where both
/// sides say it.
public struct RuntimeIdentity: Sendable, Hashable {
  /// The engine's directory for files that outlive a boot.
  public var staticDirectory: String
  /// The engine's directory for temporary files.
  public var temporaryDirectory: String
  /// The container storage's run root.
  public var runRoot: String
  /// The container storage's graph root.
  public var graphRoot: String
  /// The container storage's graph driver.
  public var graphDriver: String

  /// An identity of the fields given.
  public init(
    staticDirectory: String = "", temporaryDirectory: String = "", runRoot: String = "",
    graphRoot: String = "",
    graphDriver: String = ""
  ) {
    self.staticDirectory = staticDirectory
    self.temporaryDirectory = temporaryDirectory
    self.runRoot = runRoot
    self.graphRoot = graphRoot
    self.graphDriver = graphDriver
  }

  /// Each field with the name that errors use.
  package var fields: [(name: String, value: String)] {
    [
      ("static directory", staticDirectory), ("temporary directory", temporaryDirectory),
      ("run root", runRoot),
      ("graph root", graphRoot), ("graph driver", graphDriver),
    ]
  }
}
