internal import StoreTestSupport
internal import Testing

@Suite("Tidy: what the command is linked with")
struct LinkageTests {
  /// `make build` checks the shipped binary for libdispatch as well: the dynamic standard library of a test
  /// build brings it along.
  @Test("cstate needs neither Foundation nor the Swift overlay of Dispatch")
  func command() throws {
    let outcome = try ChildProcess.run(executable: "/usr/bin/ldd", [try buildDirectory() + "/cstate"])
    #expect(outcome.status == .code(0))
    #expect(outcome.output.contains("libc.so"))
    let needed = outcome.output.split(separator: "\n")
    expectNone(needed.filter { $0.contains("Foundation") || $0.contains("swiftDispatch") })
  }
}
