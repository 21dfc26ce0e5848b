internal import Glibc

/// The living processes that were started with an environment entry, such as a `CSTATE_ROOT` of one test.
///
/// It finds what has left its process group on purpose, such as a monitor that outlives its command. A
/// container's own process has the environment of its specification, so only its runtime can name it.
public func processes(withEnvironmentEntry entry: String) -> [Int32] {
  entries(ofDirectory: "/proc").compactMap { Int32($0) }.filter { pid in
    // Gone meanwhile, or another user's: not one of a test.
    guard pid != getpid(), let bytes = try? readBytes(atPath: "/proc/\(pid)/environ") else { return false }
    return bytes.split(separator: 0).contains { $0.elementsEqual(entry.utf8) }
  }
}

/// Kills the processes that were started with an environment entry, until there are none.
public func killProcesses(withEnvironmentEntry entry: String, within limit: Duration = .seconds(10)) throws {
  try waitUntil("no process with \(entry) to be left", within: limit) {
    let left = processes(withEnvironmentEntry: entry)
    for pid in left { kill(pid, SIGKILL) }
    return left.isEmpty
  }
}
