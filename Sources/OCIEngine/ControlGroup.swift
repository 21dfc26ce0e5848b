import ContainerStateStore
import Glibc

/// The control group of one container, by a name that says whose it is on the whole machine.
///
/// An OCI runtime removes it with the container, but not where it was killed before it had recorded the
/// container.
package struct ControlGroup: Sendable, Hashable {
  /// Its path from the root of every hierarchy, as `linux.cgroupsPath` wants it.
  package let path: String

  /// The control group of this path.
  package init(path: String) { self.path = path }

  private static let mountPoint = "/sys/fs/cgroup"

  /// Its directories: one with control groups of version 2, one in each hierarchy with version 1.
  private var directories: [String] {
    let hierarchies = (try? FileAccess.names(in: ControlGroup.mountPoint)) ?? []
    let candidates = [""] + hierarchies.map { "/" + $0 }
    return candidates.map { ControlGroup.mountPoint + $0 + path }.filter(FileAccess.exists)
  }

  /// Kills what is in it and removes it; one that is not there is no error.
  ///
  /// - Throws: `system` where the kernel does not let us, `timedOut` where a process in it does not end
  ///   although it was killed.
  /// - Blocking: up to five seconds, for the ends of killed processes.
  package func remove() throws(EngineError) {
    let deadlineNanoseconds = Deadline.after(.seconds(5))
    for directory in directories {
      while try !ControlGroup.remove(directory) {
        guard !Deadline.isPast(deadlineNanoseconds) else {
          throw .timedOut(
            directory, "the processes in this control group do not end although they were killed")
        }
        // The kernel does not announce that the last process has left a control group of version 1.
        usleep(1000)
      }
    }
  }

  /// Tries once, from the innermost group outwards; whether it is gone.
  private static func remove(_ directory: String) throws(EngineError) -> Bool {
    if try removeEmpty(directory) { return true }
    let processes = (try? FileAccess.read(directory + "/cgroup.procs", maximumBytes: 1 << 20)) ?? []
    for line in String(decoding: processes, as: UTF8.self).split(separator: "\n") {
      if let pid = Int32(line), pid > 1 { kill(pid, SIGKILL) }
    }
    for name in (try? FileAccess.names(in: directory)) ?? [] {
      let inner = directory + "/" + name
      var status = stat()
      if lstat(inner, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { _ = try remove(inner) }
    }
    return try removeEmpty(directory)
  }

  /// Whether the group is gone; false where something is in it.
  private static func removeEmpty(_ directory: String) throws(EngineError) -> Bool {
    if rmdir(directory) == 0 { return true }
    switch errno {
    case ENOENT: return true
    case EBUSY, ENOTEMPTY: return false
    // Without the permission no killing and no waiting helps.
    default: throw .system("rmdir", directory, errno)
    }
  }
}
