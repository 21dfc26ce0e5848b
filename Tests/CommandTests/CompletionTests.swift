internal import StoreTestSupport
internal import Testing

@Suite("cstate: completion and manual page")
struct CompletionTests {
  private let fixture: CommandFixture

  init() throws { fixture = try CommandFixture() }

  /// What bash offers for a command line whose last word is being typed.
  private func offered(_ words: String...) throws -> [String] {
    let script = try fixture.succeed("completion", "bash")
    let quoted = words.map { "'\($0)'" }.joined(separator: " ")
    // `cstate` is the one under test, with the store of this fixture.
    let program =
      "cstate() { '\(try buildDirectory())/cstate' --root '\(fixture.root)' \"$@\"; }\n" + script
      + "\nCOMP_WORDS=(cstate \(quoted)); COMP_CWORD=\(words.count); _cstate\n"
      + "printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    let outcome = try ChildProcess.run(executable: "/bin/bash", ["-c", program])
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    return outcome.output.split(separator: "\n").map(String.init)
  }

  @Test("bash completes verbs, options of the verb and of every verb, and names of containers")
  func bash() throws {
    try fixture.succeed("create", "--name", "web-server", try fixture.bundle("exit 0"))
    #expect(try offered("insp") == ["inspect"])
    #expect(try offered("ps", "--no") == ["--no-trunc"])
    #expect(try offered("--root", "/x", "ps", "--no") == ["--no-trunc"])
    #expect(try offered("ps", "--roo") == ["--root"])
    #expect(try offered("inspect", "web") == ["web-server"])
    #expect(try offered("pod", "ins") == ["inspect"])
    #expect(try offered("pod", "inspect", "--sho") == ["--show-secrets"])
    #expect(try offered("frobnicate", "--roo") == ["--root"])
  }

  @Test("the other shells get a script too, and another name is refused with those there are")
  func others() throws {
    #expect(try fixture.succeed("completion", "zsh").hasPrefix("#compdef cstate\n"))
    let fish = try fixture.succeed("completion", "fish")
    for verb in HelpTests.verbs {
      #expect(fish.contains("-a \(verb.split(separator: " ").last ?? "") "), "\(verb)")
    }
    #expect(try fixture.fail(2, ["completion", "csh"]).contains("bash, zsh, fish"))
  }

  @Test("the manual page has a section for each verb, and no line that would be a request")
  func manual() throws {
    let lines = try fixture.succeed("manual").split(separator: "\n")
    for verb in HelpTests.verbs { #expect(lines.contains(".SH \"cstate \(verb)\""), "\(verb)") }
    let requests = Set(lines.filter { $0.hasPrefix(".") }.map { $0.prefix(3) })
    #expect(requests.isSubset(of: [".TH", ".SH", ".nf", ".fi"]), "\(requests)")
  }
}
