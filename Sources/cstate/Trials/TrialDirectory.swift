internal import ContainerStateStore
internal import Glibc

/// A directory of its own below one that a user asks about; gone when the trial is over.
struct TrialDirectory: ~Copyable {
  let path: String

  /// - Throws: `io` and the like, as the kernel says it.
  init(below parent: String) throws {
    var template = Array((parent + "/cstate-bench.XXXXXX").utf8CString)
    guard let made = mkdtemp(&template) else {
      throw TrialError(
        path: parent, message: "no directory can be made here: \(String(cString: strerror(errno)))")
    }
    path = String(cString: made)
  }

  deinit { TrialDirectory.remove(path) }

  /// Removes a directory with all that is in it; what cannot be removed stays and does no harm.
  private static func remove(_ path: String) {
    guard let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      let child = path + "/" + name
      if entry.pointee.d_type == UInt8(DT_DIR) { remove(child) } else { unlink(child) }
    }
    closedir(directory)
    rmdir(path)
  }
}

/// What a trial could not do.
struct TrialError: Error, CustomStringConvertible {
  let path: String
  let message: String
  var description: String { "\(printable(path, limit: 255)): \(message)" }
}
