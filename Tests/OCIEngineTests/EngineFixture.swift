internal import ContainerStateStore
internal import Glibc
internal import OCIEngine
internal import StoreTestSupport
internal import Testing

/// A store, an engine and bundles of its own for one test; every process of it is killed when the value goes
/// away.
final class EngineFixture {
  /// The runtimes that can run here.
  ///
  /// Why another cannot is what `RuntimeSelectionTests` is about.
  static let runtimes: [String] = {
    guard let fixture = try? EngineFixture("automatic"), let engine = try? fixture.engine(),
      let trials = try? engine.availableRuntimes()
    else { return ["builtin"] }
    return trials.filter { $0.failure == nil }.map { $0.path ?? $0.name }
  }()

  /// Ends at once with this exit code.
  static let shortLived = "exit 7"
  /// Ends with 3 when it is asked to, and not otherwise.
  static let longLived = "trap 'exit 3' TERM; sleep 1000 & wait"
  /// Ends only when it is killed.
  static let stubborn = "trap '' TERM; while :; do sleep 1000; done"

  /// Returns when a script of the last two has set its trap: until then SIGTERM ends it, or misses it where
  /// it is the first process of a namespace.
  static func waitUntilTrapped(_ engine: Engine, _ id: ContainerID) throws {
    let pid = try engine.store.state(of: id).pid
    try waitUntil("the script to have set its trap") {
      try readText(atPath: "/proc/\(pid)/task/\(pid)/children") != ""
    }
  }

  let directory: TemporaryDirectory
  let runtime: String
  let root: String

  init(_ runtime: String) throws {
    directory = try TemporaryDirectory()
    self.runtime = runtime
    root = directory.path("store")
    let binaries = directory.path("rootfs/bin")
    for path in [directory.path("rootfs"), directory.path("rootfs/proc"), binaries] { mkdir(path, 0o755) }
    let busybox = binaries + "/busybox"
    let bytes = try readBytes(atPath: "/bin/busybox")
    let file = open(busybox, O_WRONLY | O_CREAT | O_CLOEXEC, 0o755)
    defer { close(file) }
    guard bytes.withUnsafeBytes({ Glibc.write(file, $0.baseAddress, $0.count) }) == bytes.count else {
      throw TestSupportError.systemCall("write", busybox)
    }
    for applet in ["sh", "sleep", "cat", "tail"] { symlink("busybox", "\(binaries)/\(applet)") }
  }

  deinit {
    // A created container that is frozen or waits is killed as any other process.
    for pid in processes { kill(pid, SIGKILL) }
    try? waitUntil("the processes of the test to end") { processes.isEmpty }
    removeControlGroups()
  }

  /// Writes a bundle whose process is `sh -c script`.
  ///
  /// `resources` is what `linux.resources` of the configuration says.
  func bundle(_ script: String, resources: String = "{}") throws -> String {
    let path = directory.path("bundle")
    mkdir(path, 0o755)
    var writer = JSONWriter()
    writer.string(script)
    let text = """
      {"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":0},"args":["/bin/sh","-c",\
      \(writer.finish().text)],\
      "env":["PATH=/bin","CSTATE_TEST=\(directory.path)"],"cwd":"/","terminal":true},\
      "root":{"path":"../rootfs"},"mounts":[{"destination":"/proc","type":"proc","source":"proc"}],\
      "linux":{"resources":\(resources),"namespaces":[{"type":"pid"},{"type":"mount"},{"type":"ipc"}]}}
      """
    try write(text, toPath: path + "/config.json")
    return path
  }

  /// An engine in this process, which has many threads.
  func engine(runtime choice: RuntimeChoice? = nil, bootID: String? = nil) throws -> Engine {
    var options = EngineOptions()
    options.runtime =
      switch runtime {
      case "builtin": .builtin
      case "automatic": .automatic
      default: .executable(runtime)
      }
    if let choice { options.runtime = choice }
    options.monitorCommand = [try buildDirectory() + "/store-test-child", "engine-monitor"]
    var storeOptions = StoreOptions()
    storeOptions.bootID = bootID
    return try Engine(
      store: StateStore(at: StoreLocation(root: root), options: storeOptions), options: options)
  }

  /// A process of its own that does one operation and may be told where to kill itself, or its monitor: at
  /// the N-th step of an operation, `OPERATION:N`.
  func child(
    _ verb: String, _ id: ContainerID, _ operands: String..., kill: String? = nil
  ) throws -> ChildProcess {
    try child(verb, id, operands, kill: kill)
  }

  func child(
    _ verb: String, _ id: ContainerID, _ operands: [String], kill: String?
  ) throws -> ChildProcess {
    let arguments = ["engine-\(verb)", root, runtime, id.rawValue] + operands
    return try ChildProcess(
      executable: "store-test-child", arguments,
      environment: ["CSTATE_FAILPOINTS": kill.map(Self.failpoints), "CSTATE_TEST": directory.path])
  }

  private static func failpoints(_ step: String) -> String {
    let parts = step.split(separator: ":")
    return "engine.\(parts[0]).*=kill@\(parts[1])"
  }
}

extension EngineFixture {
  /// Runs a statement on the database as a foreign program, with the checks of the schema switched off.
  func damage(_ sql: String) throws {
    let shell = try ChildProcess.run(
      executable: "/usr/bin/sqlite3",
      ["-cmd", ".timeout 10000", root + "/state.db", "PRAGMA ignore_check_constraints=ON; \(sql)"])
    try #require(shell.status == .code(0), "\(shell.errorOutput)")
  }
}

// MARK: - What is left

extension EngineFixture {
  /// Every living process that belongs to this test, containers that were not started included.
  ///
  /// All are younger than this process, and say in their arguments, environment or control group whose they
  /// are.
  var processes: [Int32] {
    let own = ProcessIdentity.current
    return entries(ofDirectory: "/proc").compactMap { Int32($0) }.filter { pid in
      guard let process = ProcessIdentity.running(pid: pid), process.startTime >= own.startTime,
        process != own
      else {
        return false
      }
      return [("cmdline", directory.path), ("environ", directory.path), ("cgroup", "cstate-\(tag)-")].contains
      {
        (file, mark) in
        // It may be gone meanwhile.
        (try? readText(atPath: "/proc/\(pid)/\(file)"))?.contains(mark) ?? false
      }
    }
  }

  /// Expects that a stop whose container was removed under it ends, with an error that says so.
  func expectStopperEnds(_ stopper: ChildProcess) throws {
    #expect(try stopper.waitForExit() == .code(1))
  }

  /// Expects that nothing is left of any container, in the store, on disk and among the processes.
  func expectNothingLeft(_ engine: Engine, _ context: String) throws {
    #expect(try engine.store.containers().isEmpty, "\(context)")
    #expect(try engine.store.recover().unfinished.isEmpty, "\(context)")
    #expect(try engine.store.verify().isEmpty, "\(context)")
    #expect(entries(ofDirectory: root + "/locks").isEmpty, "\(context)")
    #expect(entries(ofDirectory: root + "/specs").isEmpty, "\(context)")
    #expect(entries(ofDirectory: root + "/run/containers").isEmpty, "\(context)")
    // A monitor that has recorded or was never told to create ends by itself, a moment later.
    try waitUntil("no process to be left after \(context)") { processes.isEmpty }
    #expect(controlGroups.isEmpty, "\(context)")
  }

  /// The control groups that a runtime made for containers of this store.
  private var controlGroups: [String] {
    let mountPoint = "/sys/fs/cgroup"
    return ([""] + entries(ofDirectory: mountPoint).map { "/" + $0 }).flatMap { hierarchy in
      entries(ofDirectory: mountPoint + hierarchy).filter { $0.hasPrefix("cstate-\(tag)-") }
        .map { "\(mountPoint)\(hierarchy)/\($0)" }
    }
  }

  private func removeControlGroups() {
    for path in controlGroups { rmdir(path) }
  }

  /// As the engine names what has one namespace on the machine.
  private var tag: String { RunDirectory.tag(ofPath: root + "/run") }
}

extension ContainerID {
  /// A new id that says which test it is from.
  static func test(_ name: String) throws -> ContainerID {
    try ContainerID("\(name)-\(UInt32.random(in: 0...UInt32.max))")
  }
}

/// A deadline for waits of the engine, in its own unit.
var soon: UInt64 { StoreTestSupport.Deadline.after(.seconds(20)).nanoseconds }
