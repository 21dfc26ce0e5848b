public import ContainerStateStore
import Glibc

extension Engine {
  /// Adds a container to the store and has its runtime create it: its process waits to be started.
  ///
  /// - Parameters:
  ///   - bundle: the directory of an OCI bundle; its `config.json` is stored, its root file system stays
  ///     where it is. `process.terminal` counts as false.
  ///   - id: nil for 64 random hexadecimal digits.
  ///   - name: nil for the first twelve characters of the id.
  ///   - details: what is recorded of it beside the bundle: labels, pod, volumes, dependencies.
  ///   - imageName: what listings show as its image.
  ///   - standardIO: what its process gets.
  /// - Returns: the container, of status `created`.
  /// - Throws: `invalidBundle`, `runtimeUnavailable`, `runtimeFailed`, `monitorFailed`, `timedOut`; from the
  ///   store `alreadyExists`, `notFound` for what `details` names, `wrongPod`, `invalidArgument`,
  ///   `lockTimeout`. Nothing is left of a container that could not be created.
  /// - Process safety: killed at any instruction, it leaves a container that can be started or removed.
  public func create(
    bundle: String, id: ContainerID? = nil, name: String? = nil, details: ContainerDetails = .init(),
    imageName: String = "", standardIO: StandardIO = .null
  ) throws -> Container {
    let source = try SourceBundle(path: bundle)
    let runtime = try resolvedRuntime()
    try source.check(for: runtime)
    let id = try id ?? ContainerID.random()
    let configuration = try ContainerConfiguration(
      id: id, name: name ?? id.short, createdAt: .present, imageName: imageName, details: details,
      extra: ContainerOrigin(bundle: source.path, runtime: runtime).json)
    let added = try store.add(configuration, specification: source.specification)
    step("create", "added")
    do {
      return try withSettled(id, "create") { locked, _ in
        // Between the two somebody else may have removed it, and added another.
        guard locked.container.generation == added.generation else { throw EngineError.beingRemoved(id) }
        if locked.state.status == .configured { try createInRuntime(locked, standardIO: standardIO) }
        return locked.container
      }
    } catch {
      do { try removeUncreated(added) } catch let second {
        throw EngineError.creationNotUndone(id, "\(error)", cause: "\(second)")
      }
      throw error
    }
  }

  /// Removes a container that could not be created; one that somebody else has taken on stays.
  private func removeUncreated(_ added: Container) throws {
    do {
      try withLock(added.id, "create") { locked in
        guard locked.container.generation == added.generation, locked.state.status == .configured else {
          return
        }
        if locked.hasForeignIntent { try undoCreate(locked) }
        try locked.remove()
      }
    } catch let error as StoreError where error.code == .notFound {}
  }

  /// Has the runtime create the container, which is `configured` or `exited`, and records that.
  ///
  /// The monitor is started first, but does nothing before the intent that names it is recorded: whoever
  /// finds that intent knows whom to wait for.
  func createInRuntime(_ locked: borrowing LockedContainer, standardIO: StandardIO) throws {
    let container = locked.container
    let origin = try ContainerOrigin(of: container)
    let directory = run.directory(of: container)
    let configuration = try locked.specification().asRunConfiguration(
      bundle: origin.bundle, controlGroup: geteuid() == 0 ? directory.controlGroup.path : nil)
    let channel = try MonitorChannel.start(
      command: options.monitorCommand,
      launch: MonitorLaunch(store: store, run: run, container: container, runtime: origin.runtime),
      standardIO: standardIO)
    step("create", "monitor-started")
    guard case .hello(let monitor)? = channel.receive(deadlineNanoseconds: Deadline.after(.seconds(20)))
    else {
      throw EngineError.monitorFailed(
        container.id,
        "its monitor did not say who it is; is '\(options.monitorCommand.joined(separator: " "))' right?")
    }
    try locked.update(intent: .begin(.create), durability: .committed) {
      $0.monitorPID = monitor.pid
      $0.monitorStartTime = monitor.startTime
      $0.runDirectory = directory.path
      $0.configurationPath = directory.configuration
      $0.errorText = ""
    }
    step("create", "intent")
    do {
      try directory.prepare(configuration: configuration, runtime: origin.runtime)
      step("create", "bundle")
      let process = try creation(by: channel, of: container)
      step("create", "effect")
      try locked.update(intent: .end, durability: .committed) {
        $0.status = .created
        $0.pid = process.pid
        $0.pidStartTime = process.startTime
        $0.wasStoppedByUser = false
        $0.wasKilledForMemory = false
      }
      step("create", "state")
    } catch {
      _ = consume channel
      do { try undoCreate(locked, errorText: "\(error)") } catch let second {
        throw EngineError.creationNotUndone(container.id, "\(error)", cause: "\(second)")
      }
      throw error
    }
  }

  private func creation(
    by channel: borrowing MonitorChannel, of container: Container
  ) throws(EngineError) -> ProcessIdentity {
    channel.send(.go)
    step("create", "told")
    let limit = ProgramRuntime.limit + .seconds(5)
    switch channel.receive(deadlineNanoseconds: Deadline.after(limit)) {
    case .created(let process)?: return process
    case .failed(let text)?: throw EngineError(.runtimeFailed, subject: container.id.rawValue, message: text)
    default:
      throw .monitorFailed(
        container.id, "its monitor died or hung while the runtime created the container; try it again")
    }
  }
}

extension ContainerID {
  /// 64 random hexadecimal digits.
  static func random() throws(StoreError) -> ContainerID {
    var generator = SystemRandomNumberGenerator()
    let words = (0..<4).map { _ in
      let digits = String(generator.next() as UInt64, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return try ContainerID(words.joined())
  }
}

extension EngineError {
  static func creationNotUndone(_ id: ContainerID, _ message: String, cause: String) -> EngineError {
    EngineError(
      .runtimeFailed, operation: "create", subject: id.rawValue,
      message: "\(message); undoing that failed too, so remove the container with force", cause: cause)
  }
}
