internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Test support: what the tests with processes stand on")
struct TestSupportTests {
  @Test("a child answers line by line, and ends when its input is closed")
  func conversation() throws {
    let child = try ChildProcess(role: "echo")
    try child.expect("ready")
    try child.send("one")
    try child.send("two words")
    #expect(try child.expect("heard") == "one")
    #expect(try child.expect("heard two") == "words")
    child.closeInput()
    #expect(try child.waitForExit() == .code(0))
  }

  @Test("exit codes and signals are told apart", arguments: [0, 1, 255] as [Int32])
  func exitCodes(code: Int32) throws {
    #expect(try ChildProcess(role: "exit", ["\(code)"]).waitForExit() == .code(code))
  }

  @Test("a killed child reports its signal, a stopped one does not end")
  func signals() throws {
    let child = try ChildProcess(role: "echo")
    try child.expect("ready")
    try child.stop()
    #expect(throws: TestSupportError.self) { try child.waitForExit(within: .milliseconds(1)) }
    child.cont()
    try child.send("again")
    try child.expect("heard again")
    child.signal(SIGKILL)
    #expect(try child.waitForExit() == .signal(SIGKILL))
  }

  @Test("a failed expectation says what was awaited and everything the child said")
  func failureText() throws {
    let child = try ChildProcess(role: "no such role")
    let error = #expect(throws: TestSupportError.self) { try child.expect("ready") }
    #expect(error?.description.contains("'ready'") == true)
    #expect(error?.description.contains("no role is called 'no such role'") == true)
  }

  @Test("a child has three descriptors and an empty signal mask")
  func cleanStart() throws {
    let leaked = open("/dev/null", O_RDONLY)
    defer { close(leaked) }
    #expect(try ChildProcess(role: "descriptors").expect("open") == "0 1 2")
    #expect(try ChildProcess(role: "signal-mask").expect("blocked") == "[]")
  }

  @Test("a forked grandchild that outlives the child is killed with its group")
  func groupTeardown() throws {
    let child = try ChildProcess(role: "fork")
    let grandchild = try #require(Int32(try child.expect("forked")))
    #expect(try child.waitForExit() == .code(0))
    #expect(kill(grandchild, 0) == 0)
    child.killGroup()
    try waitUntil("grandchild \(grandchild) to be gone", wakeUp: .exit(of: grandchild)) {
      // A zombie where process 1 does not reap, as in some containers.
      (try? readText(atPath: "/proc/\(grandchild)/stat"))?.contains(") Z ") ?? true
    }
  }

  @Test("what leaves its process group is found by the directory it names and killed")
  func strayProcesses() throws {
    let directory = try TemporaryDirectory()
    #expect(mkfifo(directory.path("fifo"), 0o600) == 0)
    let child = try ChildProcess(
      executable: "/bin/sh", ["-c", "setsid sh -c 'echo started; read forever < fifo' & wait"],
      environment: ["STORE_TEST_MARK": directory.path], workingDirectory: directory.path)
    try child.expect("started")
    child.killGroup()
    #expect(processes(naming: directory.path).count == 1)
    try killProcesses(naming: directory.path)
    #expect(processes(naming: directory.path) == [])
  }

  @Test("a forked child's exit status reaches its parent")
  func forkedStatus() throws {
    #expect(try ChildProcess(role: "fork-and-wait").waitForExit() == .code(7))
  }

  @Test("sending to a dead child is an error, not a SIGPIPE")
  func brokenPipe() throws {
    let child = try ChildProcess(role: "exit")
    try child.waitForExit()
    #expect(throws: TestSupportError.self) { try child.send("anybody?") }
  }

  @Test("a program runs with given environment, directory and input, and large output is collected whole")
  func run() throws {
    let directory = try TemporaryDirectory()
    let script = "echo $HELLO; pwd; cat; head -c 300000 /dev/zero | tr '\\0' x >&2; exit 3"
    let outcome = try ChildProcess.run(
      executable: "/bin/sh", ["-c", script], environment: ["HELLO": "world"],
      workingDirectory: directory.path, input: "input")
    #expect(outcome.status == .code(3))
    #expect(outcome.output == "world\n\(directory.path)\ninput")
    #expect(outcome.errorOutput.utf8.count == 300_000)
  }

  @Test("a temporary directory is private, canonical, and gone with everything in it")
  func temporaryDirectory() throws {
    var directory: TemporaryDirectory? = try TemporaryDirectory()
    let path = try #require(directory).path
    let record = try #require(status(ofPath: path))
    #expect(record.st_mode & 0o7777 == 0o700)
    #expect(mkdir("\(path)/sub", 0o000) == 0)
    try write("text", toPath: "\(path)/file", mode: 0o444)
    symlink("/etc", "\(path)/link")
    #expect(entries(ofDirectory: path) == ["file", "link", "sub"])
    directory = nil
    #expect(status(ofPath: path) == nil)
    #expect(status(ofPath: "/etc/passwd") != nil)
  }

  @Test("a wait wakes up by what changes in a directory, and an expired one says what it waited for")
  func waiting() throws {
    let directory = try TemporaryDirectory()
    let child = try ChildProcess(
      executable: "/bin/sh", ["-c", "read line; : > file"], workingDirectory: directory.path)
    var looks = 0
    try waitUntil("file to appear", wakeUp: .changes(inDirectory: directory.path)) {
      if looks == 0 { try child.send("go") }
      looks += 1
      return status(ofPath: directory.path("file")) != nil
    }
    let error = #expect(throws: TestSupportError.self) {
      try waitUntil("the impossible", within: .milliseconds(1)) { false }
    }
    #expect(error?.description.contains("the impossible") == true)
  }
}
