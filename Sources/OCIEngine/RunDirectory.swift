import ContainerStateStore
import Glibc

/// The directory for everything of this boot, of one store: a directory for each container, and what was
/// found out about the runtimes.
package struct RunDirectory: Sendable {
  /// Absolute and without symbolic links, which OCI runtimes refuse.
  let path: String

  /// Where the runtimes' trials are remembered.
  var runtimeTrials: String { path + "/runtimes.json" }
  var containers: String { path + "/containers" }

  static func standardPath(for location: ResolvedLocation) -> String {
    let locks = location.lockDirectory
    guard !locks.hasPrefix(location.root + "/"), let slash = locks.lastIndex(of: "/"),
      slash > locks.startIndex
    else {
      return location.root + "/run"
    }
    return String(locks[..<slash])
  }

  /// Makes the directory and marks it as that of the store in `storeRoot`.
  init(path: String, storeRoot: String) throws(EngineError) {
    do throws(EngineError) {
      try FileAccess.makeDirectory(path)
      guard let canonical = FileAccess.canonicalPath(path) else { throw .system("realpath", path, errno) }
      self.path = canonical
      try FileAccess.makeDirectory(canonical + "/containers")
    } catch {
      throw .runDirectory(path, "it cannot be made; choose another run directory", cause: error.cause)
    }
    var status = stat()
    guard stat(self.path, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
      throw .runDirectory(
        path, "it belongs to another user or others may write to it; choose another, or chmod 0700")
    }
    try claim(for: storeRoot)
  }

  /// Two stores in one run directory would take each other's containers for left over.
  private func claim(for storeRoot: String) throws(EngineError) {
    let marker = path + "/store"
    if !FileAccess.exists(marker), try FileAccess.writeNew(Array(storeRoot.utf8), to: marker) { return }
    let owner: [UInt8]
    do { owner = try FileAccess.read(marker, maximumBytes: 4096) } catch {
      throw .runDirectory(
        path, "its file 'store', which says whose it is, cannot be read; choose another run directory",
        cause: error.cause)
    }
    guard owner.elementsEqual(storeRoot.utf8) else {
      let other = printable(String(decoding: owner, as: UTF8.self), limit: 4096)
      throw .runDirectory(path, "it is that of the store in \(other); choose another run directory")
    }
  }

  /// The directory of one container.
  ///
  /// The generation is in its name and in that of its control group, so that what is left over of a removed
  /// container is never taken for that of another with the same id.
  func directory(of container: Container) -> ContainerDirectory {
    RunDirectory.directory(in: path, id: container.id, generation: container.generation)
  }

  static func directory(in path: String, id: ContainerID, generation: Int64) -> ContainerDirectory {
    ContainerDirectory(
      path: "\(path)/containers/\(id.rawValue).\(generation)", id: id, generation: generation,
      controlGroup: ControlGroup(path: "/cstate-\(tag(ofPath: path))-\(generation)-\(id.rawValue)"))
  }

  /// Every container that has a directory here.
  func containerDirectories() throws(EngineError) -> [ContainerDirectory] {
    try FileAccess.names(in: containers).compactMap { name in
      guard let dot = name.lastIndex(of: "."), let generation = Int64(name[name.index(after: dot)...]),
        let id = try? ContainerID(String(name[..<dot]))
      else { return nil }
      return RunDirectory.directory(in: path, id: id, generation: generation)
    }
  }

  /// A short name for a run directory, for what has one namespace on the whole machine: FNV-1a of its path.
  package static func tag(ofPath path: String) -> String {
    let hash = path.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    return String(hash, radix: 36)
  }
}

/// One container's directory: its bundle, what its OCI runtime keeps, and what that wrote for us.
struct ContainerDirectory: Sendable, Hashable {
  let path: String
  let id: ContainerID
  let generation: Int64

  var configuration: String { path + "/config.json" }
  var pidFile: String { path + "/pid" }
  var runtimeLog: String { path + "/runtime.log" }
  /// The runtime's `--root`: its own directory for each container.
  var runtimeRoot: String { path + "/runtime" }
  /// Its control group, where its specification names none of its own.
  let controlGroup: ControlGroup
  /// Which runtime it was created with, for whoever finds the directory without its row.
  var runtimeName: String { path + "/runtime.name" }
  /// Where the runtime keeps this container.
  var runtimeState: String { runtimeRoot + "/" + id.rawValue }

  /// Makes it anew and empty, with the bundle's configuration in it.
  func prepare(configuration bytes: JSONBytes, runtime: RuntimeReference) throws(EngineError) {
    try remove()
    try FileAccess.makeDirectory(runtimeRoot)
    try FileAccess.write(Array(runtime.text.utf8), to: runtimeName)
    try FileAccess.write(bytes.bytes, to: configuration)
  }

  func remove() throws(EngineError) { try FileAccess.removeTree(path) }
}

extension EngineError {
  static func runDirectory(_ path: String, _ message: String, cause: String = "") -> EngineError {
    EngineError(.runDirectoryUnusable, subject: path, message: message, cause: cause)
  }
}
