internal import CPlatform
internal import Glibc
internal import ScratchStorage
internal import StressSupport

/// The directory of one run: everything that is needed to judge it, and to do it again.
struct StressRun {
  let path: String
  /// The root of the store, wherever the storage is.
  var store = ""

  /// Makes the directory, which must be missing or empty; nil for one in the temporary directory.
  init(directory: String?) throws(StressFailure) {
    if let directory {
      guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw .systemCall("mkdir", directory) }
      guard names(in: directory).isEmpty else {
        throw StressFailure("--directory \(directory): the directory is not empty")
      }
      path = try canonicalPath(directory)
    } else {
      path = try makeTemporaryDirectory("cstate-stress")
    }
    try makeDirectory(journals)
    try makeDirectory(scratch)
  }

  /// A run directory that is there already.
  init(existing directory: String) throws(StressFailure) {
    path = try canonicalPath(directory)
    guard access(options, R_OK) == 0 else { throw StressFailure("\(directory) is no run directory") }
  }

  var journals: String { path + "/journals" }
  var options: String { path + "/run.json" }
  var verdict: String { path + "/verdict.json" }
  var replay: String { path + "/replay" }
  /// What workers found that must not be, one line each.
  var complaints: String { path + "/complaints" }
  /// Which session of a run with faults had which.
  var faults: String { path + "/faults" }
  /// Nameless files of programs that workers start.
  var scratch: String { path + "/scratch" }

  /// The engine's directory of this boot, and the bundle of all its containers.
  var engineRun: String { path + "/run" }
  var bundle: String { path + "/bundle" }

  func journal(of session: Int32) -> String { journals + "/\(session)" }
  func drawing(_ number: Int) -> String { path + "/anomaly-\(number).svg" }

  /// Makes what the store lies on.
  ///
  /// - Parameter word: `dir` for the run directory itself, another kind of storage, or the path of a
  ///   directory.
  /// - Returns: the storage; `release` gives it back.
  /// - Throws: where it cannot be had: without root, without the tools.
  func makeStorage(_ word: String) throws(StressFailure) -> ScratchStorage {
    let inside = path + "/storage"
    if word == StressRun.ownStorage { return try ScratchStorage(.directory, at: inside) }
    guard let kind = StorageKind(rawValue: word), kind != .directory else {
      let name = path.split(separator: "/").last.map(String.init) ?? "run"
      return try ScratchStorage(.directory, at: word + "/" + name)
    }
    if let obstacle = ScratchStorage.obstacle(to: kind) {
      throw StressFailure("--storage \(word): \(obstacle)")
    }
    try ScratchStorage.ownMounts()
    return try ScratchStorage(kind, at: inside)
  }

  static let ownStorage = "dir"
  /// The words that `--storage` takes beside paths.
  static let storageWords = [ownStorage] + StorageKind.allCases.filter { $0 != .directory }.map(\.rawValue)

  /// Gives the storage back.
  ///
  /// - Parameters:
  ///   - storage: what `makeStorage` returned.
  ///   - keepingStore: whether the store is first copied into this directory.
  /// - Returns: what went wrong.
  func release(_ storage: ScratchStorage, keepingStore: Bool) -> [String] {
    do {
      if keepingStore, access(store, F_OK) == 0 {
        try Program.run("cp", ["-a", store, path + "/store"], outputIn: scratch)
      }
      try storage.remove()
      return []
    } catch { return [error.description] }
  }

  /// Makes the bundle that engines use.
  func makeBundle() throws(StressFailure) {
    let root = path + "/rootfs"
    try OCIBundle.makeRootFileSystem(at: root, sharedDirectory: nil)
    // Some end by themselves while others look, some do not.
    let script = "trap 'exit 3' TERM; sleep 1 & wait $!; exit 7"
    try OCIBundle(
      arguments: ["/bin/sh", "-c", script, path], environment: ["PATH=/bin:/usr/bin"],
      hostName: "stress", rootFileSystem: root, sharedDirectory: nil
    ).make(at: bundle)
  }

  /// Removes the directory.
  func remove() -> Bool { platform_remove_tree(path) == 0 }
}

/// Lines that many processes append to one file, each by one write, so that none is torn by a kill.
struct LineFile {
  private let descriptor: Int32

  init(_ path: String) throws(StressFailure) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .systemCall("open", path) }
  }

  func append(_ line: String) {
    let text = line.split(separator: "\n").joined(separator: " / ") + "\n"
    _ = writeAll(Array(text.utf8), to: descriptor)
  }
}
