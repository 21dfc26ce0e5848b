import ContainerStateStore

/// What a monitor is told on its command line: the container's id, for whoever lists processes, and the rest
/// as JSON.
struct MonitorLaunch: Sendable, Equatable {
  let root: String
  let lockDirectory: String
  let specificationDirectory: String
  let allowsUnfitFilesystem: Bool
  let bootID: String?
  let runDirectory: String
  let id: ContainerID
  let generation: Int64
  let runtime: RuntimeReference

  init(store: StateStore, run: RunDirectory, container: Container, runtime: RuntimeReference) {
    root = store.location.root
    lockDirectory = store.location.lockDirectory
    specificationDirectory = store.location.specificationDirectory
    allowsUnfitFilesystem = store.options.allowsUnfitFilesystem
    bootID = store.options.bootID
    runDirectory = run.path
    id = container.id
    generation = container.generation
    self.runtime = runtime
  }

  /// - Throws: where the arguments are not those that `arguments` gives: nobody is meant to type them.
  init(arguments: [String]) throws {
    guard arguments.count == 2 else { throw EngineError.monitorArguments() }
    id = try ContainerID(arguments[0])
    let root = try JSONBytes(arguments[1]).root
    func text(_ key: String) throws -> String {
      guard let value = try root.member(key) else { throw EngineError.monitorArguments() }
      return try value.string()
    }
    self.root = try text("root")
    lockDirectory = try text("locks")
    specificationDirectory = try text("specifications")
    runDirectory = try text("run")
    runtime = RuntimeReference(text: try text("runtime"))
    bootID = try root.member("boot")?.string()
    allowsUnfitFilesystem = try root.member("unfit")?.bool() ?? false
    guard let generation = try root.member("generation")?.int64() else {
      throw EngineError.monitorArguments()
    }
    self.generation = generation
  }

  var arguments: [String] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("root", root)
    writer.member("locks", lockDirectory)
    writer.member("specifications", specificationDirectory)
    writer.member("unfit", allowsUnfitFilesystem)
    writer.member("boot", bootID)
    writer.member("run", runDirectory)
    writer.member("generation", generation)
    writer.member("runtime", runtime.text)
    writer.endObject()
    return [id.rawValue, writer.finish().text]
  }

  func openStore() throws(StoreError) -> StateStore {
    var options = StoreOptions()
    options.allowsUnfitFilesystem = allowsUnfitFilesystem
    options.bootID = bootID
    let location = StoreLocation(
      root: root, lockDirectory: lockDirectory, specificationDirectory: specificationDirectory)
    return try StateStore(at: location, options: options)
  }
}

extension EngineError {
  static func monitorArguments() -> EngineError {
    EngineError(
      .monitorFailed, operation: "monitor", subject: "",
      message: "the engine starts this program itself; start a container")
  }
}
