internal import CPlatform
internal import Glibc
internal import StressSupport

/// The file system that the store lies on.
///
/// What is mounted is mounted in a mount namespace of this process and its children alone, and a loop device
/// is given back with its mount: the kernel clears both away even where this process is killed.
final class Storage {
  /// The root of the store.
  let store: String
  private let run: String
  /// What has to be removed at the end: an image, a directory elsewhere.
  private var leftovers: [String] = []
  private var isMounted = false

  static let kinds = ["dir", "tmpfs", "ext4", "xfs"]
  /// Sparse: it takes what is written to it.
  private static let imageBytes: off_t = 4 << 30

  /// - Parameters:
  ///   - kind: `dir` for the run directory itself, `tmpfs`, `ext4`, `xfs`, or the path of a directory.
  ///   - run: the run directory.
  /// - Throws: where it cannot be had: without root, without the tools, for a kind that there is not.
  init(_ kind: String, run: String) throws(StressFailure) {
    self.run = run
    switch kind {
    case "dir": store = run + "/store"
    case "tmpfs", "ext4", "xfs":
      store = run + "/mount/store"
      do { try mount(kind) } catch {
        release(keepingStore: false)
        throw error
      }
    default:
      let name = run.split(separator: "/").last.map(String.init) ?? "run"
      let directory = kind + "/" + name
      try makeDirectory(directory)
      store = directory + "/store"
      leftovers = [directory]
    }
  }

  private var mountpoint: String { run + "/mount" }

  private func mount(_ kind: String) throws(StressFailure) {
    guard platform_make_mounts_private() == 0 else {
      throw StressFailure("--storage \(kind) needs root: unshare: \(String(cString: strerror(errno)))")
    }
    try makeDirectory(mountpoint)
    leftovers = [mountpoint]
    if kind == "tmpfs" {
      try Tool.run(
        "mount", ["-t", "tmpfs", "-o", "size=75%,mode=0700", "cstate-stress", mountpoint], in: run)
    } else {
      let image = run + "/storage.img"
      leftovers.append(image)
      let descriptor = open(image, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw .systemCall("open", image) }
      defer { close(descriptor) }
      guard ftruncate(descriptor, Storage.imageBytes) == 0 else { throw .systemCall("ftruncate", image) }
      try Tool.run("mkfs.\(kind)", kind == "ext4" ? ["-q", "-F", image] : ["-q", "-f", image], in: run)
      try Tool.run("mount", ["-t", kind, "-o", "loop", image, mountpoint], in: run)
    }
    isMounted = true
    guard chmod(mountpoint, 0o700) == 0 else { throw .systemCall("chmod", mountpoint) }
  }

  /// Unmounts and removes what was made for the store.
  ///
  /// - Parameter keepingStore: whether the store is first copied into the run directory.
  /// - Returns: what went wrong.
  @discardableResult
  func release(keepingStore: Bool) -> [String] {
    var failures: [String] = []
    func attempt(_ body: () throws(StressFailure) -> Void) {
      do { try body() } catch { failures.append(error.description) }
    }
    if keepingStore, store != run + "/store", access(store, F_OK) == 0 {
      attempt { () throws(StressFailure) in try Tool.run("cp", ["-a", store, run + "/store"], in: run) }
    }
    if isMounted {
      attempt { () throws(StressFailure) in try Tool.run("umount", [mountpoint], in: run) }
      isMounted = false
    }
    for path in leftovers where platform_remove_tree(path) != 0 { failures.append("\(path) is left") }
    leftovers = []
    return failures
  }
}

/// Programs of the system.
enum Tool {
  /// The path of a program; nil where there is none.
  static func path(of name: String) -> String? {
    ["/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/", "/usr/local/sbin/", "/usr/local/bin/"].map { $0 + name }
      .first { access($0, X_OK) == 0 }
  }

  /// Runs a program to its end.
  ///
  /// - Throws: where it is missing, fails or takes longer than two minutes.
  static func run(_ name: String, _ words: [String], in directory: String) throws(StressFailure) {
    guard let path = path(of: name) else { throw StressFailure("\(name) is missing") }
    let program = try Program(path, words, outputIn: directory, diesWithParent: true)
    guard let outcome = program.outcome(withinMilliseconds: 120_000) else {
      kill(program.pid, SIGKILL)
      throw StressFailure("\(name) does not end")
    }
    guard outcome.status == 0 else {
      let text = outcome.errorOutput.split(separator: "\n").joined(separator: " / ")
      throw StressFailure("\(name) \(words.joined(separator: " ")): \(text)")
    }
  }
}
