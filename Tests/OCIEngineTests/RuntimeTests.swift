internal import ContainerStateStore
internal import Glibc
internal import OCIEngine
internal import StoreTestSupport
internal import Testing

@Suite("Engine: OCI runtimes")
struct RuntimeTests {
  @Test("each runtime can run containers here, or there is one sentence why it cannot")
  func trials() throws {
    let fixture = try EngineFixture("automatic")
    let engine = try fixture.engine()
    let trials = try engine.availableRuntimes()
    #expect(trials.map(\.name) == ["runc", "crun", "builtin"])
    for trial in trials {
      if let failure = trial.failure {
        #expect(!failure.isEmpty && !failure.contains("\n"))
      } else {
        #expect(trial.name == "builtin" || trial.path?.hasPrefix("/") == true)
      }
    }
    let selected = try engine.selectedRuntime()
    if let preferred = trials.first(where: { $0.failure == nil }), let path = preferred.path {
      #expect(selected.name == path)
      #expect(selected.notice == nil)
    }
    #expect(entries(ofDirectory: fixture.root + "/run/containers").isEmpty)
  }

  @Test(
    "a trial's outcome is remembered for the boot and the program, and a damaged memory costs only a trial")
  func remembered() throws {
    let fixture = try EngineFixture("automatic")
    let engine = try fixture.engine()
    let memory = fixture.root + "/run/runtimes.json"
    let first = try engine.availableRuntimes()
    let inode = try #require(status(ofPath: memory)).st_ino
    #expect(try engine.availableRuntimes() == first)
    #expect(status(ofPath: memory)?.st_ino == inode, "a memory that answers is not written anew")
    try write("{", toPath: memory)
    #expect(try engine.availableRuntimes() == first)
  }

  @Test("without any OCI runtime containers are plain processes, and one line says so")
  func fallback() throws {
    let fixture = try EngineFixture("automatic")
    let child = try ChildProcess(
      executable: "store-test-child", ["engine-runtime", fixture.root, "automatic"],
      environment: ["PATH": "/nowhere"])
    let notice = try child.expect("runtime builtin")
    #expect(notice.hasPrefix("no OCI runtime can run here, so containers are plain child processes"))
    #expect(notice.hasSuffix("(runc: not installed; crun: not installed)"))
  }

  @Test("a runtime that fails without a word: how it ended is said in place of its words")
  func silentFailure() throws {
    let fixture = try EngineFixture("automatic")
    try write("#!/bin/sh\nexit 3\n", toPath: fixture.directory.path("runc"), mode: 0o700)
    let child = try ChildProcess(
      executable: "store-test-child", ["engine-runtime", fixture.root, "automatic"],
      environment: ["PATH": fixture.directory.path])
    let notice = try child.expect("runtime builtin")
    #expect(notice.contains("runc: it ended with status 3, and it logged nothing"), "\(notice)")
  }

  @Test("a runtime that is not installed is an error that says what to choose from")
  func notInstalled() throws {
    let fixture = try EngineFixture("/no/such/runtime")
    let error = #expect(throws: EngineError.self) {
      _ = try fixture.engine().create(bundle: try fixture.bundle(EngineFixture.shortLived))
    }
    #expect(error?.code == .runtimeUnavailable)
    #expect(error?.description.contains("choose another runtime") == true)
  }

  @Test(
    "a bundle without a mount namespace is refused where a runtime would mount its root on the host",
    arguments: EngineFixture.runtimes.filter { $0 != "builtin" })
  func noMountNamespace(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let bundle = try fixture.bundle(EngineFixture.shortLived)
    try write(
      #"{"process":{"args":["/bin/sh"],"cwd":"/"},"root":{"path":"../rootfs"},"linux":{}}"#,
      toPath: bundle + "/config.json")
    let error = #expect(throws: EngineError.self) { _ = try fixture.engine().create(bundle: bundle) }
    #expect(error?.code == .invalidBundle)
    #expect(try !readText(atPath: "/proc/self/mountinfo").contains(fixture.directory.path))
  }

  @Test("a runtime that hangs in its trial is killed and reaped, and that says nothing about it for later")
  func hangingTrial() throws {
    let fixture = try EngineFixture("automatic")
    try write("#!/bin/sh\nexec sleep 1000\n", toPath: fixture.directory.path("runc"), mode: 0o700)
    let child = try ChildProcess(
      executable: "store-test-child", ["engine-hanging-trial", fixture.root, "automatic"],
      environment: ["PATH": "\(fixture.directory.path):/usr/bin:/bin"])
    let failure = try child.expect("trial")
    #expect(failure.contains("did not end") || failure.contains("in time"), "\(failure)")
    try child.expect("no child")
    #expect(try child.waitForExit() == .code(0))
    // There is a memory only where another runtime was tried.
    let remembered = (try? readText(atPath: fixture.root + "/run/runtimes.json")) ?? ""
    #expect(!remembered.contains(fixture.directory.path + "/runc"))
    #expect(entries(ofDirectory: fixture.root + "/run/containers").isEmpty)
  }

  @Test("no wait for a child, killed or not, is longer than its deadline")
  func boundedWait() throws {
    let child = try ChildProcess(role: "echo")
    #expect(ProcessEnd.of(child: child.pid, deadlineNanoseconds: 1) == nil)
    #expect(ProcessIdentity.running(pid: child.pid) != nil, "it was neither killed nor reaped")
    #expect(ProcessEnd.of(child: getpid(), deadlineNanoseconds: soon) == .unknown, "it is no child")
  }

  @Test("a call of a runtime that hangs dies with the process that made it")
  func diesWithCaller() throws {
    let fixture = try EngineFixture("builtin")
    let program = fixture.directory.path("hanging")
    let witness = fixture.directory.path("witness")
    // It creates a container of any process, and hangs in start.
    let script = """
      #!/bin/sh
      for word; do case $word in
        create) sleep 1000 & echo $! > "$(dirname "$0")/pid"
          while [ $# -gt 0 ]; do [ "$1" = --pid-file ] && echo $! > "$2"; shift; done; exit 0 ;;
        start) echo $$ > \(witness).new; mv \(witness).new \(witness); exec sleep 1000 ;;
      esac; done
      """
    try write(script, toPath: program, mode: 0o700)
    let engine = try fixture.engine(runtime: .executable(program))
    let id = try ContainerID.test("hanging")
    _ = try engine.create(bundle: try fixture.bundle(EngineFixture.shortLived), id: id)
    let starter = try fixture.child("start", id)
    try waitUntil("the runtime to hang", wakeUp: .changes(inDirectory: fixture.directory.path)) {
      status(ofPath: witness) != nil
    }
    let text = try readText(atPath: witness)
    let hanging = try #require(Int32(text.dropLast()))
    #expect(kill(hanging, 0) == 0)
    starter.signal(SIGKILL)
    try waitUntil("the runtime to end", wakeUp: .exit(of: hanging)) {
      ProcessIdentity.running(pid: hanging) == nil
    }
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a runtime that hung")
  }

  @Test(
    "a runtime that is killed at any moment of a creation leaves nothing",
    arguments: EngineFixture.runtimes.filter { $0 != "builtin" },
    stride(from: 2, through: 30, by: 4).map(\.self))
  func killedInCreate(runtime: String, milliseconds: Int) throws {
    let fixture = try EngineFixture(runtime)
    let program = fixture.directory.path("killed")
    let limit = "0.0" + (milliseconds < 10 ? "0" : "") + "\(milliseconds)"
    let script = """
      #!/bin/sh
      case " $* " in *" create "*) exec timeout -s KILL \(limit) \(runtime) "$@" ;; esac
      exec \(runtime) "$@"
      """
    try write(script, toPath: program, mode: 0o700)
    let engine = try fixture.engine(runtime: .executable(program))
    let id = try ContainerID.test("killed")
    do {
      _ = try engine.create(bundle: try fixture.bundle(EngineFixture.shortLived), id: id)
      try engine.start(id)
      #expect(try engine.wait(id, deadlineNanoseconds: soon) == 7)
      try engine.remove(id, force: false)
    } catch let error as EngineError {
      #expect(error.code == .runtimeFailed)
    }
    try fixture.expectNothingLeft(engine, "a creation killed after \(milliseconds) ms")
  }

  /// Only root can mount.
  @Test(
    "what a killed runtime left mounted in its state directory goes with the container, and only the mount",
    arguments: geteuid() == 0 ? EngineFixture.runtimes : [])
  func leftoverMount(runtime: String) throws {
    let fixture = try EngineFixture(runtime)
    let engine = try fixture.engine()
    let id = try ContainerID.test("mounted")
    let container = try engine.create(bundle: try fixture.bundle(EngineFixture.shortLived), id: id)
    let state = "\(fixture.root)/run/containers/\(id).\(container.generation)/runtime/\(id)"
    let mountpoint = state + "/runc.leftover"
    let source = fixture.directory.path("source")
    for path in [source, mountpoint] { try write("kept", toPath: path) }
    #expect(mount(source, mountpoint, nil, UInt(MS_BIND), nil) == 0)
    try engine.remove(id, force: true)
    try fixture.expectNothingLeft(engine, "a mount")
    #expect(try readText(atPath: source) == "kept")
    #expect(try !readText(atPath: "/proc/self/mountinfo").contains(mountpoint))
  }

  @Test("two stores have containers of the same longest id at once", arguments: EngineFixture.runtimes)
  func twoStores(runtime: String) throws {
    let id = try ContainerID("Z" + String(repeating: "_.-9", count: 31) + "abc")
    #expect(id.rawValue.utf8.count == 128)
    let fixtures = [try EngineFixture(runtime), try EngineFixture(runtime)]
    let engines = try fixtures.map { try $0.engine() }
    for (fixture, engine) in zip(fixtures, engines) {
      _ = try engine.create(bundle: try fixture.bundle(EngineFixture.longLived), id: id)
      try engine.start(id)
    }
    for (fixture, engine) in zip(fixtures, engines) {
      #expect(try engine.store.state(of: id).process?.liveness == .alive)
      try engine.remove(id, force: true)
      try fixture.expectNothingLeft(engine, "one of two stores")
    }
  }
}
