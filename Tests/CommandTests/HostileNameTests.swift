internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("cstate: hostile names (faults, group 40)")
struct HostileNameTests {
  static let hostile = [
    "%", "_", "\\", "../x", ".", "..", "a/b", "a\nb", "\u{1B}[31mred", "\u{1B}]0;title\u{07}", "a\tb", " ",
    "a b", "é",
    "👾", "\u{202E}evil", "a\u{200F}b", "-a", "a'; DROP TABLE record; --", "*", "a%", "%%",
    String(repeating: "x", count: 10_000),
  ]

  private func isClean(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy {
      $0 == "\n" || ($0.value >= 0x20 && $0.value < 0x7F) || $0 == "…" || $0 == "−"
    }
  }

  @Test(
    "every name that is none is refused with the same status by every verb, and shown harmlessly",
    arguments: hostile)
  func refused(name: String) throws {
    let fixture = try CommandFixture()
    try fixture.succeed("create", "--name", "web", try fixture.bundle("exit 0"))
    for words in [["start"], ["kill"], ["stop"], ["wait"], ["rm", "--force"]] {
      let message = try fixture.fail(12, words + ["--", name])
      #expect(isClean(message), "\(message.debugDescription)")
      #expect(message.utf8.count < 1_000)
    }
    for option in ["--name", "--id"] {
      let message = try fixture.fail(12, ["create", "\(option)=\(name)", try fixture.bundle("exit 0")])
      #expect(isClean(message), "\(message.debugDescription)")
    }
    let listed = try fixture.cstate(["ps", "-a", "--filter", "name=\(name)", "--filter", "id=\(name)"])
    #expect(listed.status == .code(0))
    #expect(listed.output.split(separator: "\n").count == 1, "no wildcard has a meaning: \(listed.output)")
  }

  @Test("case counts, and a name goes before another container's id that begins like it")
  func precedence() throws {
    let fixture = try CommandFixture()
    try fixture.succeed("create", "--id", "abcdef", "--name", "first", try fixture.bundle("exit 1"))
    try fixture.succeed("create", "--id", "fedcba", "--name", "abc", try fixture.bundle("exit 2"))
    func id(_ name: String) throws -> String? {
      try fixture.json("inspect", name).elements().first?.member("id")?.string()
    }
    #expect(try id("abc") == "fedcba")
    #expect(try id("abcd") == "abcdef")
    try fixture.fail(13, ["start", "ABCDEF"])
    try fixture.fail(13, ["start", "First"])
  }

  @Test("what containers and bundles contain never reaches the terminal as it is")
  func contents() throws {
    let fixture = try CommandFixture()
    let escape = "\u{1B}[2J\u{07}\u{202E}"
    let bundle = try fixture.bundle("exit 0", environment: ["PATH=/bin:/usr/bin", "X=\(escape)"])
    try fixture.succeed("create", "--name", "web", "--image", escape, "--label", "a=\(escape)", bundle)
    for words in [
      ["ps", "-a"], ["ps", "-a", "--format", "json"], ["inspect", "--show-secrets", "web"], ["info"],
    ] {
      let outcome = try fixture.cstate(words)
      #expect(outcome.status == .code(0))
      #expect(isClean(outcome.output), "\(outcome.output.debugDescription)")
    }
    let message = try fixture.fail(52, ["create", "/nonexistent/\(escape)"])
    #expect(isClean(message), "\(message.debugDescription)")
    let usage = try fixture.fail(2, ["ps", "--\(escape)"])
    #expect(isClean(usage), "\(usage.debugDescription)")
  }
}
