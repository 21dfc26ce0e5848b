internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("cstate: what each verb does and prints")
struct VerbTests {
  private let fixture: CommandFixture

  init() throws { fixture = try CommandFixture() }

  @Test("create, start, stop, wait and rm take a container through its life, by name, id and partial id")
  func life() throws {
    let id = try fixture.succeed(
      "create", "--name", "web", "--label", "tier=front", try fixture.endlessBundle())
    #expect(id.utf8.count == 64)
    #expect(try fixture.succeed("ps", "-q").isEmpty)
    #expect(try fixture.succeed("ps", "-aq") == String(id.prefix(12)))
    #expect(try fixture.succeed("ps", "-aq", "--no-trunc") == id)
    #expect(try fixture.succeed("start", String(id.prefix(10))) == String(id.prefix(10)))
    #expect(try fixture.succeed("ps", "-q", "--no-trunc") == id)
    #expect(try fixture.succeed("stop", "--time", "5", "web") == "web")
    #expect(try fixture.succeed("wait", id) == "143")
    #expect(try fixture.succeed("ps", "-a").contains("Exited (143)"))
    #expect(try fixture.succeed("rm", "web") == "web")
    #expect(try fixture.succeed("ps", "-aq").isEmpty)
    #expect(try fixture.succeed("verify") == "No violation.")
  }

  @Test("ps shows aligned columns without white space at the end of lines")
  func table() throws {
    for name in ["a", "a-much-longer-name"] {
      try fixture.succeed("create", "--name", name, "--image", name + ":1", try fixture.bundle("exit 0"))
    }
    let lines = try fixture.succeed("ps", "-a").split(separator: "\n").map(String.init)
    #expect(lines.count == 3)
    let columns = ["CONTAINER ID", "IMAGE", "CREATED", "STATUS", "NAME"]
    let starts = columns.map { lines[0].firstRange(of: $0).map { lines[0][..<$0.lowerBound].count } ?? -1 }
    #expect(!starts.contains(-1))
    for line in lines {
      #expect(line.last != " ")
      for start in starts.dropFirst() {
        let index = line.index(line.startIndex, offsetBy: start)
        #expect(line[index] != " " && line[line.index(before: index)] == " ", "\(line)")
      }
    }
    #expect(lines[1].hasSuffix("a-much-longer-name"), "newest first")
  }

  @Test("run has the container's output and exit status; --rm leaves nothing, without it the container stays")
  func run() throws {
    let bundle = try fixture.bundle("echo out; echo err >&2; exit 37")
    let removed = try fixture.cstate(["run", "--rm", bundle])
    #expect(removed.status == .code(37))
    #expect(removed.output == "out\n")
    #expect(removed.errorOutput == "err\n")
    #expect(try fixture.succeed("ps", "-aq").isEmpty)
    let kept = try fixture.cstate(["run", "--name", "kept", bundle])
    #expect(kept.status == .code(37))
    #expect(try fixture.succeed("wait", "kept") == "37")
    try fixture.succeed("rm", "kept")
  }

  @Test("run hands its standard input to the container")
  func runInput() throws {
    let outcome = try fixture.cstate(
      ["run", "--rm", try fixture.bundle("cat; exit 3")], input: "some words\n")
    #expect(outcome.status == .code(3))
    #expect(outcome.output == "some words\n")
  }

  @Test("run --detach prints the id and returns; the container runs on")
  func runDetached() throws {
    let id = try fixture.succeed("run", "--detach", "--name", "web", try fixture.endlessBundle())
    #expect(try fixture.succeed("ps", "-q", "--no-trunc") == id)
    #expect(try fixture.succeed("kill", "--signal", "TERM", "web") == "web")
    #expect(try fixture.succeed("wait", "--timeout", "30s", "web") == "143")
    try fixture.succeed("rm", "web")
  }

  @Test("a signal that run gets goes to the container, whose end is run's end")
  func runForwardsSignals() throws {
    let ready = fixture.directory.path("ready")
    let bundle = try fixture.bundle("trap 'kill $!; exit 41' TERM; : > '\(ready)'; sleep 1000 & wait $!")
    let child = try ChildProcess(
      executable: "cstate", fixture.options + ["run", "--rm", "--name", "web", bundle])
    try waitUntil("the container to be ready", wakeUp: .changes(inDirectory: fixture.directory.path)) {
      status(ofPath: ready) != nil
    }
    // Ready is said before run itself has seen the start; the signal waits for it.
    child.signal(15)
    #expect(try child.waitForExit() == .code(41))
    #expect(try fixture.succeed("ps", "-aq").isEmpty)
  }

  @Test("a container that is a plain process because no OCI runtime can run: one line says so")
  func fallback() throws {
    let words = ["--root", fixture.root, "run", "--rm", try fixture.bundle("exit 7")]
    let outcome = try ChildProcess.run(
      executable: "cstate", words, environment: ["PATH": "/nowhere", "CSTATE_ROOT": nil])
    #expect(outcome.status == .code(7))
    #expect(outcome.errorOutput.hasPrefix("cstate: run: no OCI runtime can run here"))
    #expect(outcome.errorOutput.split(separator: "\n").count == 1)
  }

  @Test("standard streams that are closed: no file of the store takes their place")
  func closedStreams() throws {
    func cstate(_ words: String..., redirections: String) throws -> ChildProcess.Outcome {
      try ChildProcess.run(
        executable: "/bin/sh",
        ["-c", "\"$0\" \"$@\" \(redirections)", try buildDirectory() + "/cstate"] + fixture.options + words)
    }
    try fixture.succeed("ps")
    let listed = try cstate("ps", redirections: ">&-")
    #expect(listed.status == .code(1))
    #expect(listed.errorOutput.contains("standard output cannot be written"))
    let gate = String(decoding: try readBytes(atPath: fixture.root + "/gate"), as: UTF8.self)
    #expect(!gate.contains("CONTAINER ID"))
    let output = fixture.directory.path("output")
    let bundle = try fixture.bundle("readlink /proc/$$/fd/2 > '\(output)'; exit 7")
    #expect(try cstate("run", "--rm", bundle, redirections: "<&- >&- 2>&-").status == .code(7))
    #expect(String(decoding: try readBytes(atPath: output), as: UTF8.self) == "/dev/null\n")
  }

  @Test("a container that still runs is removed by force alone")
  func removal() throws {
    try fixture.succeed("run", "-d", "--name", "web", try fixture.endlessBundle())
    let message = try fixture.fail(55, ["rm", "web"])
    #expect(message.contains("stop it first"))
    #expect(try fixture.succeed("rm", "--force", "web") == "web")
    #expect(try fixture.succeed("ps", "-aq").isEmpty)
  }

  @Test("several names: all are tried, each failure is said, the status is that of the first")
  func severalNames() throws {
    for name in ["a", "b"] { try fixture.succeed("create", "--name", name, try fixture.bundle("exit 5")) }
    let started = try fixture.cstate(["start", "a", "nobody", "", "b"])
    #expect(started.status == .code(13))
    #expect(started.output == "a\nb\n")
    let messages = started.errorOutput.split(separator: "\n")
    #expect(messages.count == 2)
    #expect(messages.first?.hasPrefix("cstate: start: nobody: ") == true)
    #expect(try fixture.succeed("wait", "a", "b") == "5\n5")
    let removed = try fixture.cstate(["rm", "", "a", "nobody", "b"])
    #expect(removed.status == .code(11))
    #expect(removed.output == "a\nb\n")
  }

  @Test("wait gives up in time and says what to do")
  func waitTimeout() throws {
    try fixture.succeed("run", "-d", "--name", "web", try fixture.endlessBundle())
    let message = try fixture.fail(58, ["wait", "--timeout", "10ms", "web"])
    #expect(message.contains("in time; wait longer"))
  }

  @Test("a filter decides what ps shows, newest first")
  func filters() throws {
    for (name, label) in [("alpha", "tier=front"), ("beta", "tier=back"), ("alphabet", "tier=front")] {
      try fixture.succeed("create", "--name", name, "--label", label, try fixture.bundle("exit 0"))
    }
    func names(_ words: String...) throws -> [String] {
      let rows = try JSONBytes(try fixture.cstate(["ps", "--format", "json"] + words).output).root.elements()
      return try rows.compactMap { try $0.member("name")?.string() }
    }
    #expect(try names() == [])
    #expect(try names("-a") == ["alphabet", "beta", "alpha"])
    #expect(try names("-a", "--filter", "label=tier=front") == ["alphabet", "alpha"])
    #expect(try names("-a", "--filter", "label=tier", "--filter", "name=bet") == ["alphabet", "beta"])
    #expect(try names("--filter", "status=created") == ["alphabet", "beta", "alpha"])
    #expect(
      try names("--filter", "status=running", "--filter", "status=created", "-n", "2") == [
        "alphabet", "beta",
      ])
    #expect(try names("--filter", "status=exited") == [])
    #expect(try names("-n", "1") == ["alphabet"])
    #expect(try names("-a", "--filter", "before=beta") == ["alpha"])
    #expect(try names("-a", "--filter", "since=beta") == ["alphabet", "beta"])
    let id = try fixture.json("inspect", "beta").elements()[0].member("id")?.string() ?? ""
    #expect(try names("-a", "--filter", "id=\(id.prefix(20))") == ["beta"])
  }

  @Test(
    "a reader that has gone ends ps quietly, also where the parent ignores SIGPIPE",
    arguments: ["trap '' PIPE;", ""])
  func brokenPipe(preparation: String) throws {
    try fixture.succeed("create", try fixture.bundle("exit 0"))
    let script = preparation + "exec 3> >(exec true); wait $!; \"$0\" --root \"$1\" ps -a >&3; echo \"$?\""
    let outcome = try ChildProcess.run(
      executable: "/bin/bash", ["-c", script, try buildDirectory() + "/cstate", fixture.root])
    #expect(outcome.output == "141\n")
    #expect(outcome.errorOutput.isEmpty)
  }

  @Test("--timings appends one line of JSON for each command")
  func timings() throws {
    let file = fixture.directory.path("timings")
    try fixture.succeed("--timings", file, "create", "--name", "web", try fixture.bundle("exit 0"))
    _ = try fixture.cstate(["--timings", file, "start", "nobody"])
    let lines = try readText(atPath: file).split(separator: "\n").map { try JSONBytes(String($0)).root }
    #expect(try lines.map { try $0.member("verb")?.string() } == ["create", "start"])
    #expect(try lines.map { try $0.member("exit_status")?.int64() } == [0, 13])
    #expect(try lines[1].member("error_code")?.string() == "notFound")
    for line in lines {
      #expect(try #require(try line.member("microseconds")).int64() > 0)
      #expect(try #require(try line.member("pid")).int64() > 1)
      #expect(try #require(try line.member("longest_lock_wait_microseconds")).int64() >= 0)
    }
  }

  @Test("backup and restore: what was saved is there again, and nothing is given up without being told")
  func backup() throws {
    try fixture.succeed("create", "--name", "web", try fixture.bundle("exit 0"))
    let file = fixture.directory.path("saved.db")
    #expect(try fixture.succeed("backup", file).hasPrefix(file + ", "))
    #expect(try fixture.fail(14, ["backup", file]).contains("something is there already"))
    try fixture.succeed("rm", "--force", "web")
    #expect(try fixture.fail(14, ["restore", file]).contains("a store is there"))
    #expect(try fixture.json("restore", "--replace", file).member("containers")?.int64() == 1)
    #expect(try fixture.succeed("ps", "-a").contains("web"))
    // Its process is gone with the container that was removed.
    try fixture.succeed("recover")
    try fixture.succeed("rm", "--force", "web")
    #expect(try fixture.succeed("verify") == "No violation.")
    try write("text", toPath: file)
    #expect(try fixture.fail(33, ["restore", "--replace", file]).contains("no backup"))
  }

  @Test("pods, networks, exec sessions and exit codes have verbs, with tables and JSON")
  func parts() throws {
    #expect(try fixture.succeed("pod", "add", "pod1", "--name", "web", "--label", "a=secret") == "pod1")
    #expect(try fixture.fail(14, ["pod", "add", "pod1"]).contains("in use"))
    #expect(try fixture.succeed("pod", "ls").contains("web"))
    let shown = try fixture.succeed("pod", "inspect", "web")
    #expect(shown.contains("pod1") && !shown.contains("secret"))
    #expect(try fixture.succeed("pod", "inspect", "--show-secrets", "web").contains("secret"))
    #expect(try fixture.json("pod", "ls").elements().first?.member("containers")?.int64() == 0)
    #expect(try fixture.succeed("pod", "rm", "--force", "web") == "web")
    #expect(try fixture.fail(13, ["pod", "rm", "web"]).contains("no pod"))

    try fixture.succeed("create", "--name", "c1", try fixture.bundle("exit 3"))
    try fixture.succeed("network", "connect", "front", "c1", "--alias", "www", "--ip", "10.0.0.7")
    #expect(try fixture.fail(20, ["network", "connect", "front", "c1"]).contains("connected"))
    let network = try #require(try fixture.json("network", "ls", "c1").elements().first)
    #expect(try network.member("network")?.string() == "front")
    #expect(try fixture.succeed("network", "ls", "c1").contains("10.0.0.7"))
    #expect(try fixture.succeed("ps", "-aq", "--filter", "network=front").isEmpty == false)
    try fixture.succeed("network", "disconnect", "front", "c1")
    #expect(try fixture.fail(21, ["network", "disconnect", "front", "c1"]).contains("not connected"))
    #expect(try fixture.json("exec-session", "ls", "c1").elements().isEmpty)
    #expect(try fixture.fail(13, ["exec-session", "rm", "none"]).contains("no exec session"))

    try fixture.succeed("start", "c1")
    #expect(try fixture.succeed("wait", "c1") == "3")
    try fixture.succeed("rm", "--force", "c1")
    let code = try #require(try fixture.json("exit-code", "ls").elements().first)
    #expect(try code.member("code")?.int64() == 3)
    #expect(try fixture.json("exit-code", "prune").elements().isEmpty)
    #expect(try fixture.json("exit-code", "prune", "--older-than", "0").elements().count == 1)
    #expect(try fixture.succeed("verify") == "No violation.")
  }

  @Test("bench measures a directory in one screen, says what it found as JSON, and leaves nothing there")
  func bench() throws {
    let place = try TemporaryDirectory()
    let text = try fixture.succeed("bench", "--seconds", "2", "--processes", "2", place.path(""))
    for part in ["durable updates, 2 processes", "syncs", "state reads", "is fit for a store", "holds"] {
      #expect(text.contains(part), "\(text)")
    }
    let json = try fixture.json("bench", "--seconds", "2", "--processes", "3", place.path(""))
    for key in ["syncs", "growing_syncs", "durable_updates", "durable_updates_of_all", "state_reads"] {
      #expect(try json.at(key, "per_second")?.double() ?? 0 > 0, "\(key)")
    }
    #expect(try json.member("processes")?.int64() == 3)
    #expect(entries(ofDirectory: place.path("")).isEmpty)
    let memory = try TemporaryDirectory(inMemory: true)
    let inMemory = try fixture.json("bench", "--seconds", "2", "--processes", "1", memory.path(""))
    let isSaid = try inMemory.member("warnings")?.elements().contains {
      try $0.string().contains("in memory")
    }
    if memory.path.hasPrefix("/dev/shm/") { #expect(isSaid == true) }
    #expect(try fixture.fail(1, ["bench", "/nonexistent"]).contains("no directory can be made here"))
    #expect(try fixture.fail(2, ["bench", "--processes", "0"]).contains("1 to 64"))
  }

  @Test("a declared path of the engine's own JSON finds containers")
  func extraIndexes() throws {
    let bundle = try fixture.bundle("exit 0")
    let id = try fixture.succeed("create", bundle)
    #expect(try fixture.fail(12, ["ps", "-aq", "--filter", "extra.bundle=x"]).contains("not declared"))
    try fixture.succeed("extra-index", "add", "container", "bundle")
    try fixture.succeed("extra-index", "add", "container", "bundle")
    #expect(try fixture.succeed("extra-index", "ls").contains("bundle"))
    let path = try #require(
      try fixture.json("inspect", id).elements().first?.at("extra", "bundle")?.string())
    #expect(try fixture.succeed("ps", "-aq", "--no-trunc", "--filter", "extra.bundle=\(path)") == id)
    #expect(try fixture.succeed("ps", "-aq", "--filter", "extra.bundle=x").isEmpty)
    try fixture.succeed("extra-index", "rm", "container", "bundle")
    #expect(try fixture.fail(13, ["extra-index", "rm", "container", "bundle"]).contains("not declared"))
    #expect(try fixture.fail(2, ["extra-index", "add", "table", "x"]).contains("a kind is one of"))
    #expect(try fixture.succeed("verify") == "No violation.")
  }

  @Test("volumes have verbs; create names what a container uses, is in and depends on")
  func volumes() throws {
    #expect(
      try fixture.succeed("volume", "add", "data", "--label", "a=secret", "-o", "password=secret") == "data")
    #expect(try fixture.fail(14, ["volume", "add", "data"]).contains("there is a volume of this name"))
    #expect(try fixture.fail(12, ["volume", "add", "da ta"]).contains("volume name"))
    try fixture.succeed("volume", "add", "own", "--anonymous")
    try fixture.succeed("pod", "add", "pod1", "--name", "front")
    let bundle = try fixture.bundle("exit 0")
    #expect(try fixture.fail(13, ["create", "--volume", "none:/data", bundle]).contains("none"))
    try fixture.succeed("create", "--name", "c1", "--pod", "front", "--volume", "data:/data:ro", bundle)
    try fixture.succeed(
      "create", "--name", "c2", "--pod", "front", "--volume", "own:/own", "--depends-on", "c1", bundle)
    #expect(try fixture.fail(17, ["rm", "c1"]).contains("depend on it"))
    #expect(try fixture.fail(17, ["volume", "rm", "data"]).contains("containers use the volume"))
    #expect(try fixture.succeed("volume", "ls", "-q") == "data\nown")
    #expect(try fixture.succeed("volume", "ls", "-q", "--filter", "label=a") == "data")
    #expect(try fixture.succeed("ps", "-a", "--filter", "volume=data").contains("c1"))
    #expect(try fixture.json("volume", "ls").elements().first?.member("containers")?.int64() == 1)
    #expect(try fixture.json("pod", "ls").elements().first?.member("containers")?.int64() == 2)
    let shown = try fixture.succeed("volume", "inspect", "dat")
    #expect(shown.contains("password") && !shown.contains("secret"))
    #expect(try fixture.succeed("volume", "inspect", "--show-secrets", "data").contains("secret"))
    try fixture.succeed("rm", "c2")
    #expect(
      try fixture.succeed("volume", "ls", "-q") == "data", "an anonymous volume goes with its container")
    #expect(try fixture.succeed("volume", "rm", "--force", "data") == "data")
    #expect(try fixture.succeed("ps", "-aq").isEmpty)
    #expect(try fixture.fail(13, ["volume", "rm", "data"]).contains("no volume of this name"))
    #expect(try fixture.succeed("verify") == "No violation.")
  }
}
