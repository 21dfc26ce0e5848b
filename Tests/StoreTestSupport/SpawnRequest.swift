internal import CPlatform
internal import Glibc

/// Everything posix_spawn is told about a child.
struct SpawnRequest {
  let path: String
  let arguments: [String]
  let environment: [String: String?]
  let workingDirectory: String?
  /// What become descriptors 0, 1 and 2; all others are closed.
  let descriptors: [Int32]

  /// Starts the child as leader of a process group of its own, with an empty signal mask and default
  /// dispositions.
  func spawn() throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target))
    }
    _ = platform_spawn_close_from(&actions, 3)
    _ = platform_spawn_change_directory(&actions, workingDirectory)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    prepare(&attributes)

    var pid: pid_t = 0
    let code = withCStrings([path] + arguments) { argumentVector in
      withCStrings(mergedEnvironment()) { environmentVector in
        posix_spawn(&pid, path, &actions, &attributes, argumentVector, environmentVector)
      }
    }
    guard code == 0 else { throw TestSupportError.systemCall("posix_spawn", path, code) }
    return pid
  }

  private func prepare(_ attributes: inout posix_spawnattr_t) {
    var nothingBlocked = sigset_t()
    var everySignal = sigset_t()
    sigemptyset(&nothingBlocked)
    sigfillset(&everySignal)
    posix_spawnattr_setsigmask(&attributes, &nothingBlocked)
    posix_spawnattr_setsigdefault(&attributes, &everySignal)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))
  }

  /// This process's variables with the requested ones set or removed.
  private func mergedEnvironment() -> [String] {
    var entries: [String] = []
    var cursor = environ
    while let entry = cursor.pointee {
      let text = String(cString: entry)
      let name = text.prefix { $0 != "=" }
      if environment.index(forKey: String(name)) == nil { entries.append(text) }
      cursor += 1
    }
    for case (let name, let value?) in environment { entries.append("\(name)=\(value)") }
    return entries
  }
}

/// Lends `strings` as a NULL-terminated vector of C strings.
private func withCStrings<Result>(
  _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
  var vector = strings.map { strdup($0) }
  defer { for string in vector { free(string) } }
  vector.append(nil)
  return body(vector)
}
