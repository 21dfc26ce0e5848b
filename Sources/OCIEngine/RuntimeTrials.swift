import ContainerStateStore
import Glibc

/// Finds out whether an OCI runtime works on this machine by having it create a container, and remembers that
/// for this boot.
struct RuntimeTrials {
  let run: RunDirectory
  /// How long a call of the program may take.
  let limit: Duration

  /// Why the program cannot run containers here; nil where it can.
  ///
  /// - Throws: `system` where no trial can be made, `timedOut` where it does not end; neither is remembered.
  func failure(ofProgram path: String) throws(EngineError) -> String? {
    let key = try RuntimeTrials.key(ofProgram: path)
    var remembered = readRemembered()
    if let known = remembered[key] { return known.isEmpty ? nil : known }
    let failure = try trialFailure(ofProgram: path)
    // Those of earlier boots mean nothing any more; what another process finds out just now is found out
    // again.
    remembered = remembered.filter { $0.key.hasPrefix(Boot.id) }
    remembered[key] = failure ?? ""
    var writer = JSONWriter()
    writer.beginObject()
    for (key, value) in remembered.sorted(by: { $0.key < $1.key }) { writer.member(key, value) }
    writer.endObject()
    try FileAccess.write(writer.finish().bytes, to: run.runtimeTrials)
    return failure
  }

  /// What an answer depends on: the boot, which program lies at the path, and for whom it runs.
  private static func key(ofProgram path: String) throws(EngineError) -> String {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .system("stat", path, errno) }
    let time = status.st_mtim
    return
      "\(Boot.id) \(path) \(status.st_ino) \(status.st_size) \(time.tv_sec).\(time.tv_nsec) \(geteuid())"
  }

  /// A file that is missing or damaged only costs another trial.
  private func readRemembered() -> [String: String] {
    guard let bytes = try? FileAccess.read(run.runtimeTrials, maximumBytes: 1 << 20),
      let members = try? JSONBytes(bytes).root.members()
    else { return [:] }
    var remembered: [String: String] = [:]
    for (key, value) in members { remembered[key] = try? value.string() }
    return remembered
  }

  private func trialFailure(ofProgram path: String) throws(EngineError) -> String? {
    let directory = try run.trialDirectory()
    let program = ProgramRuntime(path: path, limit: limit)
    try directory.prepare(
      configuration: RuntimeTrials.configuration(directory.controlGroup), runtime: .program(path))
    // The process is never started, so its program needs no content.
    let rootFileSystem = directory.path + "/rootfs"
    try FileAccess.makeDirectory(rootFileSystem)
    try FileAccess.write([], to: rootFileSystem + "/trial")
    guard chmod(rootFileSystem + "/trial", 0o755) == 0 else { throw .system("chmod", rootFileSystem, errno) }
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { throw .system("open", "/dev/null", errno) }
    defer { close(null) }
    do {
      _ = try program.create(directory, standard: [null, null, null])
      try program.delete(directory)
    } catch {
      // What it left of a container that it could not create.
      try directory.controlGroup.remove()
      try directory.remove()
      guard error.code == .runtimeFailed else { throw error }
      return error.cause
    }
    try directory.remove()
    return nil
  }

  /// The smallest configuration that both known runtimes take.
  private static func configuration(_ controlGroup: ControlGroup) throws(EngineError) -> JSONBytes {
    var namespaces = #"{"type":"pid"},{"type":"mount"}"#
    var rest = #","cgroupsPath":"\#(controlGroup.path)""#
    // Only root may say which control group.
    if geteuid() != 0 {
      namespaces += #",{"type":"user"}"#
      rest = """
        ,"uidMappings":[{"containerID":0,"hostID":\(geteuid()),"size":1}],\
        "gidMappings":[{"containerID":0,"hostID":\(getegid()),"size":1}]
        """
    }
    let text = """
      {"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":0},"args":["/trial"],"env":[],"cwd":"/"},\
      "root":{"path":"rootfs"},"mounts":[{"destination":"/proc","type":"proc","source":"proc"}],\
      "linux":{"namespaces":[\(namespaces)]\(rest)}}
      """
    do { return try JSONBytes(text) } catch { throw .invalidBundle("trial", "\(error)") }
  }
}

extension RunDirectory {
  /// The prefix of the ids of containers that exist for a trial only, and are in no store.
  private static let trialPrefix = "trial"

  /// A directory for one trial; its name says whose it is, so that recovery can tell a dead process's.
  func trialDirectory() throws(EngineError) -> ContainerDirectory {
    let owner = ProcessIdentity.current
    let name =
      "\(RunDirectory.trialPrefix).\(owner.pid).\(owner.startTime).\(UInt32.random(in: 0...UInt32.max))"
    let id: ContainerID
    do { id = try ContainerID(name) } catch {
      throw .runDirectory(path, "no trial of a runtime can be named", cause: "\(error)")
    }
    return RunDirectory.directory(in: path, id: id, generation: 0)
  }

  /// Whether the directory is that of a trial whose process may be at work with it.
  func isTrialUnderWay(_ directory: ContainerDirectory) -> Bool {
    let parts = directory.id.rawValue.split(separator: ".")
    guard directory.generation == 0, parts.count == 4, parts[0] == RunDirectory.trialPrefix,
      let pid = Int32(parts[1]), let startTime = UInt64(parts[2])
    else { return false }
    return ProcessIdentity(pid: pid, startTime: startTime).liveness != .dead
  }
}
