internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("A gate's page that somebody has overwritten")
struct OverwrittenGateTests {
  private let kept: KeptAnswerFixture
  private let third: ContainerID
  init() throws {
    kept = try KeptAnswerFixture { store, _ in try store.add("third") }
    third = try ContainerID("third")
  }

  private func foreign(_ count: Int) throws {
    try kept.fixture.shell(
      """
      UPDATE container_state SET restart_count = \(count)
      WHERE generation = (SELECT generation FROM record WHERE id = 'abc');
      """)
  }

  /// A foreign change of the container, and a noted commit about another, within which the page is
  /// overwritten.
  private func overwriteWithin(_ overwrite: () throws -> Void) throws {
    try foreign(5)
    let writer = try kept.fixture.child(failpoints: "commit.unnoted=stop")
    try writer.send("count third 1")
    try writer.waitUntilStopped()
    try overwrite()
    writer.cont()
    try writer.expect("ok")
    #expect(try kept.store.state(of: kept.id).restartCount == 5)
    try kept.expectTrue()
  }

  @Test("D-9: zeros before, then a foreign change, and zeros within the next commit that is noted")
  func zeroedTwice() throws {
    try kept.overwriteGate()
    try kept.keep()
    try overwriteWithin { try kept.overwriteGate() }
  }

  @Test("D-9: an earlier content within the next commit that is noted")
  func earlierWithin() throws {
    let (gate, saved) = (kept.fixture.root + "/gate", kept.fixture.directory.path("gate"))
    try kept.changeAnother()
    try kept.keep()
    let words = ["if=\(gate)", "of=\(saved)", "bs=320", "skip=1", "status=none"]
    #expect(try ChildProcess.run(executable: "/bin/dd", words).status == .code(0))
    try overwriteWithin { try kept.overwriteGate(from: saved) }
  }

  @Test("D-9, D-1: numbers at their end are no trap for who commits, and no tickets")
  func ones() throws {
    let path = kept.fixture.directory.path("ones")
    try write([UInt8](repeating: 0xff, count: 3776), toPath: path)
    let writer = try kept.fixture.child()
    try writer.succeed("open")
    try kept.overwriteGate(from: path)
    try writer.succeed("count abc 3")
    #expect(try kept.store.state(of: kept.id).restartCount == 3)
    try kept.expectTrue()
  }
}
