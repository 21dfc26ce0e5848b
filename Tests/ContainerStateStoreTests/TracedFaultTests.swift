internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

/// The same faults planted from outside, by `strace`, which knows nothing of our own interposed calls.
@Suite("Faults: planted from outside")
struct TracedFaultTests {
  @Test(
    "1: what is counted inside the process is what a tracer counts",
    arguments: ["open-first", "add", "update", "remove", "checkpoint"])
  func sameCount(operation: String) throws {
    let directory = try TemporaryDirectory()
    let log = directory.path("trace")
    let names = "write,pwrite64,fsync,fdatasync,ftruncate,fallocate,rename,unlink,rmdir,mkdir,mknod,mknodat"
    let child = try ChildProcess(
      executable: "/usr/bin/strace",
      ["-o", log, "-e", "trace=access,\(names)", try buildDirectory() + "/store-test-child"]
        + ["fault-count", directory.path("store"), operation])
    let counted = try child.expect("counted", within: .seconds(60))
    #expect(try child.waitForExit() == .code(0))
    let lines = try readText(atPath: log).split(separator: "\n")
    let begin = try #require(lines.firstIndex { $0.contains("/faults/begin") })
    let end = try #require(lines.firstIndex { $0.contains("/faults/end") })
    // SQLite's looks at what is there are traced for the two marks alone.
    let traced = lines[(begin + 1)..<end].filter { !$0.hasPrefix("access(") }
    #expect(traced.count > 0)
    #expect("\(traced.count)" == counted, "\(traced.joined(separator: "\n"))")
  }

  @Test(
    "1, D-1: killed from outside at the n-th of a kind of call, a store is sound and loses nothing",
    arguments: ["pwrite64", "fdatasync", "rename", "unlink", "fcntl"])
  func killed(call: String) throws {
    var random = SeededGenerator(seed: FaultLoopTests.seed)
    for _ in 0..<scaled(2) {
      let number = Int.random(in: 1...30, using: &random)
      try inject("\(call):signal=KILL:when=\(number)", "\(call) \(number), seed \(FaultLoopTests.seed)")
    }
  }

  @Test(
    "9, 11: failed from outside at the n-th of a kind of call, a store is sound and loses nothing",
    arguments: ["pwrite64:error=ENOSPC", "fdatasync:error=EIO", "fcntl:error=ENOLCK", "pwrite64:error=EIO"])
  func failed(fault: String) throws {
    var random = SeededGenerator(seed: FaultLoopTests.seed)
    for _ in 0..<scaled(2) {
      let number = Int.random(in: 1...20, using: &random)
      try inject("\(fault):when=\(number)", "\(fault) \(number), seed \(FaultLoopTests.seed)")
    }
  }

  /// Adds and removes containers in a process that suffers the fault, and looks at what is left.
  private func inject(_ fault: String, _ what: String) throws {
    let fixture = try StoreFixture()
    let before = try fixture.open()
    try before.add("before")
    try before.close()
    let child = try ChildProcess(
      executable: "/usr/bin/strace",
      [
        "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(fault.split(separator: ":")[0])", "-e",
        "inject=\(fault)",
        try buildDirectory() + "/store-test-child", "store", fixture.root,
      ])
    try child.expect("ready", within: .seconds(60))
    var acknowledged: Set<String> = ["before"]
    var removed: Set<String> = []
    // Whose removal was asked for: may be there or not, unless it was acknowledged.
    var doubtful: Set<String> = []
    for command in ["open timeout=2000"] + (1...4).map({ "add a\($0) n\($0)" }) + ["remove a1", "remove a2"] {
      let id = String(command.split(separator: " ")[1])
      if command.hasPrefix("remove") { doubtful.insert(id) }
      do { try child.send(command) } catch { break }
      guard let answer = try child.line(within: .seconds(60)) else { break }
      guard answer.hasPrefix("ok") else {
        if command.hasPrefix("open") { break }
        continue
      }
      if command.hasPrefix("add") { acknowledged.insert(id) }
      if command.hasPrefix("remove") { removed.insert(id) }
    }
    child.killGroup()
    let store = try fixture.open()
    #expect(try store.recover().failures.isEmpty, "\(what)")
    #expect(try store.verify() == [], "\(what)")
    let present = Set(try store.containers().map(\.id.rawValue))
    #expect(removed.isDisjoint(with: present), "\(what)")
    let lost = acknowledged.subtracting(doubtful).subtracting(present)
    #expect(lost.isEmpty, "\(what): lost \(lost)")
    try store.add("after")
  }
}
