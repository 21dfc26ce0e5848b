internal import Glibc

/// The living processes that name `path`, a directory of one test, in their arguments or environment.
///
/// It finds what has left its process group on purpose, such as a monitor that outlives its command. A
/// container's own process has the environment of its specification, so only its runtime can name it.
public func processes(naming path: String) -> [Int32] {
  precondition(path.utf8.count > 8, "a path that no other process names")
  return entries(ofDirectory: "/proc").compactMap { Int32($0) }.filter { pid in
    guard pid > 1, pid != getpid() else { return false }
    // Gone meanwhile, or another user's: not one of a test.
    return ["cmdline", "environ"].contains {
      (try? readText(atPath: "/proc/\(pid)/\($0)"))?.contains(path) ?? false
    }
  }
}

/// Kills the processes that name a directory of one test, until there are none.
public func killProcesses(naming path: String, within limit: Duration = .seconds(10)) throws {
  try waitUntil("no process that names \(path) to be left", within: limit) {
    let left = processes(naming: path)
    for pid in left { kill(pid, SIGKILL) }
    return left.isEmpty
  }
}
