import ContainerStateStore
import Glibc

/// The memory control group of a process, whose counter says whether the kernel has killed in it for want of
/// memory.
///
/// Source: Linux documentation, `cgroup-v1/memory.rst` (`memory.oom_control`) and `cgroup-v2.rst`
/// (`memory.events`).
struct MemoryGroup {
  private let counterFile: String

  /// nil where it cannot be found out.
  init?(ofProcess pid: Int32) {
    guard let bytes = try? FileAccess.read("/proc/\(pid)/cgroup", maximumBytes: 1 << 20) else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    for line in lines {
      // hierarchy:controllers:path
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let candidates =
        if fields[1].split(separator: ",").contains("memory") {
          ["/sys/fs/cgroup/memory\(fields[2])/memory.oom_control"]
        } else if fields[0] == "0" {
          ["/sys/fs/cgroup\(fields[2])/memory.events", "/sys/fs/cgroup/unified\(fields[2])/memory.events"]
        } else {
          [String]()
        }
      if let file = candidates.first(where: FileAccess.exists) {
        counterFile = file
        return
      }
    }
    return nil
  }

  /// Whether the kernel has killed a process of the group.
  var hasKilled: Bool {
    guard let bytes = try? FileAccess.read(counterFile, maximumBytes: 4096) else { return false }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      return words.count == 2 && words[0] == "oom_kill" && words[1] != "0"
    }
  }
}
