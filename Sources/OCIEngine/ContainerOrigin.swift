import ContainerStateStore

/// What the engine remembers about a container in the `extra` of its configuration.
struct ContainerOrigin: Sendable, Hashable {
  /// The directory that its bundle was in when it was created; absolute.
  let bundle: String
  /// The runtime that it was created with and stays with.
  let runtime: RuntimeReference

  init(bundle: String, runtime: RuntimeReference) {
    self.bundle = bundle
    self.runtime = runtime
  }

  /// - Throws: `invalidBundle` for a container that another engine added to the store.
  init(of container: Container) throws(EngineError) {
    do {
      if let extra = container.configuration.extra?.root, let bundle = try extra.at("bundle"),
        let runtime = try extra.at("runtime")
      {
        self.init(bundle: try bundle.string(), runtime: RuntimeReference(text: try runtime.string()))
        return
      }
    } catch {}
    throw .invalidBundle(
      container.id.rawValue,
      "this engine did not create the container and knows no bundle of it; use the one that did")
  }

  var json: JSONBytes {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("bundle", bundle)
    writer.member("runtime", runtime.text)
    writer.endObject()
    return writer.finish()
  }
}

/// Which OCI runtime: the built-in runner or a program.
enum RuntimeReference: Sendable, Hashable {
  case builtin
  case program(String)

  init(text: String) { self = text == "builtin" ? .builtin : .program(text) }

  /// `builtin`, or the program's absolute path.
  var text: String {
    switch self {
    case .builtin: "builtin"
    case .program(let path): path
    }
  }

  /// What a person calls it.
  var name: String {
    switch self {
    case .builtin: "the built-in runner"
    case .program(let path): String(path.split(separator: "/").last ?? "")
    }
  }

  /// The runtime itself.
  var runtime: any OCIRuntime {
    switch self {
    case .builtin: BuiltinRuntime()
    case .program(let path): ProgramRuntime(path: path)
    }
  }
}
