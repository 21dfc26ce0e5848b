@testable import FileLocking
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Process identity")
struct ProcessIdentityTests {
  @Test("this process is itself, and alive")
  func current() throws {
    let current = ProcessIdentity.current
    #expect(current.pid == getpid())
    #expect(current.startTime > 0)
    #expect(ProcessIdentity.running(pid: getpid()) == current)
    #expect(current.liveness == .alive)
  }

  @Test("a number that was used again is another process")
  func reusedNumber() {
    let current = ProcessIdentity.current
    #expect(ProcessIdentity(pid: current.pid, startTime: current.startTime - 1).liveness == .dead)
  }

  @Test("a zombie is dead, and so is what was reaped")
  func zombie() throws {
    let child = try ChildProcess(role: "exit", ["0"])
    let identity = try #require(identityInStat(of: child.pid))
    try waitUntil("the child to be a zombie") {
      try readText(atPath: "/proc/\(child.pid)/stat").contains(") Z ")
    }
    #expect(identity.liveness == .dead)
    #expect(ProcessIdentity.running(pid: child.pid) == nil)
    try child.waitForExit()
    #expect(identity.liveness == .dead)
  }

  private func identityInStat(of pid: Int32) -> ProcessIdentity? {
    guard case .process(let identity, isZombie: _) = ProcessStatus.of(pid: pid) else { return nil }
    return identity
  }

  @Test("an unreadable /proc is unknown, never dead")
  func unreadable() throws {
    let directory = try TemporaryDirectory()
    let current = ProcessIdentity.current
    // Not mounted, or hidden: the process is there and its file is not.
    #expect(current.liveness(procRoot: directory.path) == .unknown)
    #expect(ProcessIdentity.running(pid: current.pid, procRoot: directory.path) == nil)
    #expect(ProcessIdentity(pid: 0, startTime: 5).liveness == .unknown)
    #expect(mkdir(directory.path("\(current.pid)"), 0o700) == 0)
    for text in ["", "1", "1 (a", "1 (a) S 1 2 3", "1 (a) S " + String(repeating: "x ", count: 30)] {
      try write(text, toPath: directory.path("\(current.pid)/stat"))
      #expect(current.liveness(procRoot: directory.path) == .unknown, "\(text)")
    }
  }

  @Test("fields are counted behind the command, whatever its name is")
  func hostileCommand() throws {
    let directory = try TemporaryDirectory()
    #expect(mkdir(directory.path("9"), 0o700) == 0)
    let fields = (4...30).map { "\($0 == 22 ? 4242 : $0)" }.joined(separator: " ")
    try write("9 (a) Z 1 (b) S \(fields)\n", toPath: directory.path("9/stat"))
    let identity = ProcessIdentity(pid: 9, startTime: 4242)
    #expect(ProcessIdentity.running(pid: 9, procRoot: directory.path) == identity)
    #expect(identity.liveness(procRoot: directory.path) == .alive)
    try write("9 (a) S) Z \(fields)\n", toPath: directory.path("9/stat"))
    #expect(identity.liveness(procRoot: directory.path) == .dead)
  }
}
