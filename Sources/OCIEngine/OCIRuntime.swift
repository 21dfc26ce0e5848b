import ContainerStateStore

/// What the engine asks of an OCI runtime.
///
/// Every call may be repeated after its caller was killed.
protocol OCIRuntime: Sendable {
  /// Creates the container of this directory; its process waits to be started.
  ///
  /// Called by the monitor while it has one thread; the process becomes its child and gets its descriptors 0
  /// to 2.
  func create(_ container: ContainerDirectory) throws(EngineError) -> ProcessIdentity

  /// Lets the process of a created container run.
  func start(_ container: ContainerDirectory) throws(EngineError)

  /// What the runtime says about the container.
  func status(_ container: ContainerDirectory) throws(EngineError) -> RuntimeStatus

  /// Sends a signal to the container's first process.
  func kill(_ container: ContainerDirectory, signal: Int32) throws(EngineError)

  /// Lets frozen processes go on, so that a signal reaches them.
  func resume(_ container: ContainerDirectory) throws(EngineError)

  /// Kills what is left of the container and forgets it; one that the runtime does not know is no error.
  func delete(_ container: ContainerDirectory) throws(EngineError)
}

/// What a runtime says about a container; the states of the OCI specification, and that it knows none.
package enum RuntimeStatus: String, Sendable, CaseIterable {
  case absent, creating, created, running, paused, stopped
}
