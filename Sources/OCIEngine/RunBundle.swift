import ContainerStateStore
import Glibc

/// A bundle as a user gives it.
struct SourceBundle {
  /// Its directory; absolute and without symbolic links.
  let path: String
  /// Its `config.json`, byte for byte.
  let specification: JSONBytes

  /// - Throws: `invalidBundle` where it cannot be read, or lacks what every runtime needs.
  init(path: String) throws(EngineError) {
    guard let canonical = FileAccess.canonicalPath(path) else {
      throw .invalidBundle(
        path, "there is no such directory; give that of an OCI bundle", cause: errorText(errno))
    }
    self.path = canonical
    let file = canonical + "/config.json"
    let bytes: [UInt8]
    do { bytes = try FileAccess.read(file) } catch {
      throw .invalidBundle(file, "it cannot be read; an OCI bundle has a config.json", cause: error.cause)
    }
    do {
      specification = try JSONBytes(bytes)
      guard let arguments = try specification.root.at("process", "args")?.elements(), !arguments.isEmpty
      else {
        throw EngineError.invalidBundle(file, "it has no process.args; say what the container runs")
      }
    } catch let error as EngineError {
      throw error
    } catch { throw .invalidBundle(file, "it is no OCI configuration", cause: "\(error)") }
  }

  /// - Throws: `invalidBundle` where the runtime would do harm with it.
  func check(for runtime: RuntimeReference) throws(EngineError) {
    guard case .program = runtime else { return }
    do {
      for namespace in try specification.root.at("linux", "namespaces")?.elements() ?? [] {
        if try namespace.member("type")?.isString("mount") == true { return }
      }
    } catch { throw .invalidBundle(path, "its namespaces cannot be read", cause: "\(error)") }
    // Runtimes mount the root file system all the same, and leave that mount to everybody on the machine.
    throw .invalidBundle(path, "it has no namespace of type mount in linux.namespaces; add one")
  }
}

extension JSONBytes {
  /// The stored specification as the configuration of a bundle that is somewhere else than the one it came
  /// from.
  ///
  /// Relative paths are relative to `bundle`. `controlGroup` is that of the container where the specification
  /// names none; nil leaves the choice to the runtime.
  func asRunConfiguration(bundle: String, controlGroup: String?) throws(EngineError) -> JSONBytes {
    do {
      var result = self
      if let root = try self.root.at("root", "path")?.string() {
        let absolute = root.hasPrefix("/") ? root : bundle + "/" + root
        // Runtimes refuse a root file system behind a symbolic link.
        let canonical = FileAccess.canonicalPath(absolute) ?? absolute
        result = try result.replacing(["root", "path"], with: .string(canonical))
      }
      if try self.root.at("process", "terminal")?.bool() == true {
        result = try result.replacing(["process", "terminal"], with: JSONBytes("false"))
      }
      if let controlGroup, let linux = try self.root.at("linux"), !linux.isNull,
        try linux.member("cgroupsPath") == nil
      {
        result = try result.replacing(["linux", "cgroupsPath"], with: .string(controlGroup))
      }
      return try result.withAbsoluteMounts(bundle: bundle)
    } catch { throw .invalidBundle(bundle, "its stored specification cannot be used", cause: "\(error)") }
  }

  /// Sources of bind mounts may be relative to the bundle.
  private func withAbsoluteMounts(bundle: String) throws(JSONError) -> JSONBytes {
    guard let mounts = try root.at("mounts")?.elements() else { return self }
    var writer = JSONWriter()
    var isChanged = false
    writer.beginArray()
    for mount in mounts {
      let source = try mount.at("source")?.string() ?? ""
      let options = try mount.at("options")?.elements() ?? []
      var isBind = false
      for option in options {
        if try option.isString("bind") { isBind = true }
        if try option.isString("rbind") { isBind = true }
      }
      if isBind, !source.isEmpty, !source.hasPrefix("/") {
        writer.raw(try mount.copy().replacing(["source"], with: .string(bundle + "/" + source)))
        isChanged = true
      } else {
        writer.raw(mount)
      }
    }
    writer.endArray()
    return isChanged ? try replacing(["mounts"], with: writer.finish()) : self
  }

  private static func string(_ text: String) -> JSONBytes {
    var writer = JSONWriter()
    writer.string(text)
    return writer.finish()
  }
}
