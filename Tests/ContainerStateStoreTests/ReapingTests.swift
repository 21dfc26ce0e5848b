internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Reaping what nobody owns")
struct ReapingTests {
  let fixture: StoreFixture
  let store: StateStore
  let id: ContainerID

  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
    id = try store.add("abc")
  }

  @Test("L-15: recover says what it could not judge or remove, and why")
  func failures() throws {
    let (lockFile, copy) = ("\(fixture.root)/locks/strange.lock", "\(fixture.root)/specs/gone.json")
    #expect(mkfifo(lockFile, 0o600) == 0)
    #expect(mkdir(copy, 0o700) == 0)
    let report = try store.recover()
    #expect(report.failures.map(\.subject) == [lockFile, copy])
    #expect(report.failures.map(\.code) == [.unsafePermissions, .io])
    #expect(report.failures.allSatisfy { $0.operation == "recover" && !$0.message.isEmpty })
    #expect(report.reapedLockFiles.isEmpty && report.reapedSpecificationFiles.isEmpty && report.held.isEmpty)
    #expect(try store.recover() == report)
  }

  @Test("L-15: recover leaves the files of a container somebody is at work on, and names it")
  func held() throws {
    let child = try fixture.child()
    try child.succeed("open")
    try child.send("hold-update abc")
    try child.expect("holding")
    try write("{}", toPath: "\(fixture.root)/specs/.abc.77.99")
    let report = try store.recover()
    #expect((report.held, report.failures) == ([id], []))
    try child.send("go on")
    try child.expect("ok")
    #expect(try store.recover().reapedSpecificationFiles == [".abc.77.99"])
    try expectClean(store)
  }

  @Test("L-15: recover inside the scope of a lock reaps all but what that lock protects")
  func insideScope() throws {
    let last = try store.add("xyz")
    for name in ["aaa.json", ".abc.77.99", ".xyz.77.99"] {
      try write("{}", toPath: "\(fixture.root)/specs/\(name)")
    }
    try write("", toPath: "\(fixture.root)/locks/bbb.lock")
    let report = try store.withLockedContainer(last, wait: .none) { locked in
      let report = try store.recover()
      try locked.update { $0.restartCount = 1 }
      return report
    }
    #expect((report.held, report.failures) == ([last], []))
    #expect(report.reapedSpecificationFiles == [".abc.77.99", "aaa.json"])
    #expect(report.reapedLockFiles == ["bbb.lock"])
    #expect(try store.recover().reapedSpecificationFiles == [".xyz.77.99"])
    try expectClean(store)
  }
}
