import ContainerStateStore
import Glibc

/// Finds out whether an OCI runtime works on this machine by having it create a container, and remembers that for
/// this boot.
struct RuntimeTrials {
  let run: RunDirectory

  /// Why the program cannot run containers here; nil where it can.
  func failure(ofProgram path: String) throws(EngineError) -> String? {
    let key = try RuntimeTrials.key(ofProgram: path)
    var remembered = readRemembered()
    if let known = remembered[key] { return known.isEmpty ? nil : known }
    let failure = try trialFailure(ofProgram: path)
    // Those of earlier boots and programs mean nothing any more; another process's of just now is tried again.
    let boot = RuntimeTrials.bootID()
    remembered = remembered.filter { $0.key.hasPrefix(boot) }
    remembered[key] = failure ?? ""
    var writer = JSONWriter()
    writer.beginObject()
    for (key, value) in remembered.sorted(by: { $0.key < $1.key }) { writer.member(key, value) }
    writer.endObject()
    try FileAccess.write(writer.finish().bytes, to: run.runtimeTrials)
    return failure
  }

  /// What an answer depends on: the boot, and which program lies at the path.
  private static func key(ofProgram path: String) throws(EngineError) -> String {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .system("stat", path, errno) }
    let time = status.st_mtim
    return "\(bootID()) \(path) \(status.st_ino) \(status.st_size) \(time.tv_sec).\(time.tv_nsec) \(geteuid())"
  }

  private static func bootID() -> String {
    guard let bytes = try? FileAccess.read("/proc/sys/kernel/random/boot_id", maximumBytes: 64) else { return "" }
    return String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)
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
    let id: ContainerID
    do { id = try ContainerID("trial-\(run.tag)-\(getpid())") } catch {
      throw .runDirectory(run.path, "no trial of a runtime can be named", cause: "\(error)")
    }
    let directory = ContainerDirectory(path: "\(run.path)/\(id.rawValue)", id: id, generation: 0)
    let runtime = RuntimeReference.program(path)
    try directory.prepare(configuration: RuntimeTrials.configuration(), runtime: runtime)
    // The process is never started, so its program needs no content.
    let rootFileSystem = directory.path + "/rootfs"
    try FileAccess.makeDirectory(rootFileSystem)
    try FileAccess.write([], to: rootFileSystem + "/trial")
    guard chmod(rootFileSystem + "/trial", 0o755) == 0 else { throw .system("chmod", rootFileSystem, errno) }
    var failure: String?
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { throw .system("open", "/dev/null", errno) }
    defer { close(null) }
    let program = ProgramRuntime(path: path)
    do { _ = try program.create(directory, standard: [null, null, null]) } catch { failure = "\(error)" }
    do { try program.delete(directory) } catch { failure = failure ?? "\(error)" }
    try directory.remove()
    return failure
  }

  /// The smallest configuration that both known runtimes take.
  private static func configuration() throws(EngineError) -> JSONBytes {
    var namespaces = #"{"type":"pid"},{"type":"mount"}"#
    var mappings = ""
    if geteuid() != 0 {
      namespaces += #",{"type":"user"}"#
      mappings = """
        ,"uidMappings":[{"containerID":0,"hostID":\(geteuid()),"size":1}],\
        "gidMappings":[{"containerID":0,"hostID":\(getegid()),"size":1}]
        """
    }
    let text = """
      {"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":0},"args":["/trial"],"env":[],"cwd":"/"},\
      "root":{"path":"rootfs"},"mounts":[{"destination":"/proc","type":"proc","source":"proc"}],\
      "linux":{"namespaces":[\(namespaces)]\(mappings)}}
      """
    do { return try JSONBytes(text) } catch { throw .invalidBundle("trial", "\(error)") }
  }
}
