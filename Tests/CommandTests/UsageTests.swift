internal import StoreTestSupport
internal import Testing

@Suite("cstate: wrong arguments")
struct UsageTests {
  /// What is typed, and what the message has to contain beside a pointer to help.
  static let wrongUses: [(words: [String], parts: [String])] = [
    ([], ["cstate VERB"]),
    (["creat"], ["creat", "did you mean create?"]),
    (["nonsense"], ["nonsense", "no such verb"]),
    (["--force"], ["--force", "after the verb", "cstate rm --force"]),
    (["ps", "--fitler", "status=running"], ["ps", "--fitler", "did you mean --filter?"]),
    (["ps", "--xyzzy"], ["ps", "--xyzzy", "unknown option"]),
    (["ps", "-x"], ["ps", "-x", "unknown option"]),
    (["ps", "web"], ["ps", "web", "one argument too many"]),
    (["ps", "--all=yes"], ["--all", "takes no value"]),
    (["ps", "--filter"], ["--filter", "needs a value"]),
    (["ps", "--filter", "status"], ["KEY=VALUE"]),
    (["ps", "--filter", "stats=running"], ["stats", "did you mean status?"]),
    (["ps", "--filter", "status=happy"], ["happy", "running"]),
    (["ps", "--last", "many"], ["--last many", "whole number"]),
    (["ps", "--format", "xml"], ["--format xml", "table or json"]),
    (["ps", "--wait", "5 minutes"], ["--wait 5 minutes", "forever"]),
    (["ps", "--wait", "5"], ["--wait 5", "ms, s, m or h"]),
    (["ps", "--root", ""], ["--root", "a directory is needed"]),
    (["ps", "--runtime", "docker"], ["--runtime docker", "builtin"]),
    (["create"], ["create", "BUNDLE is missing"]),
    (["create", "a", "b"], ["b", "one argument too many"]),
    (["create", "--label", "tier", "bundle"], ["--label tier", "KEY=VALUE"]),
    (["create", "--label", "=x", "bundle"], ["KEY=VALUE"]),
    (["run", "--rm", "--detach", "bundle"], ["--detach --rm", "leave one"]),
    (["start"], ["start", "NAME… is missing"]),
    (["inspect"], ["NAME… is missing"]),
    (["kill", "--signal", "TREM", "web"], ["TREM", "did you mean TERM?"]),
    (["kill", "-s", "65", "web"], ["65", "no such signal"]),
    (["stop", "--time", "-1", "web"], ["--time -1", "seconds"]),
    (["wait", "--timeout", "soon", "web"], ["--timeout soon", "duration", "'cstate wait --help'"]),
    (["rm"], ["NAME… is missing"]),
    (["recover", "now"], ["now", "one argument too many"]),
    (["verify", "all"], ["one argument too many"]),
    (["pod"], ["pod", "say what to do", "pod ls"]),
    (["pod", "lss"], ["pod lss", "did you mean pod ls?"]),
    (["pod", "rm"], ["POD… is missing"]),
    (["pod", "add", "--label", "x", "id"], ["--label x", "KEY=VALUE"]),
    (["network", "connect", "front"], ["NETWORK NAME is missing"]),
    (["exit-code", "prune", "--older-than", "old"], ["--older-than old"]),
    (["exit-code", "prune", "--older-than", "forever"], ["an age has an end"]),
    (["ps", "--sort", "size"], ["--sort size", "created, name, status, exited"]),
    (["ps", "--filter", "exited=x"], ["exited=x", "a number"]),
    (["backup"], ["FILE is missing", "'cstate backup --help'"]),
    (["restore", "a", "b"], ["b", "one argument too many"]),
  ]

  @Test("exit status 2, the wrong argument, what is right, and where help is", arguments: wrongUses.indices)
  func wrongUse(index: Int) throws {
    let (words, parts) = UsageTests.wrongUses[index]
    let directory = try TemporaryDirectory()
    let outcome = try ChildProcess.run(
      executable: "cstate", words, environment: ["CSTATE_ROOT": directory.path("store")])
    let expected: Int32 = words.first == "run" ? 125 : 2
    #expect(outcome.status == .code(expected), "\(words): \(outcome.errorOutput)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errorOutput.hasPrefix("cstate: "))
    #expect(outcome.errorOutput.contains("--help'"))
    for part in parts { #expect(outcome.errorOutput.contains(part), "\(outcome.errorOutput)") }
    #expect(outcome.errorOutput.split(separator: "\n").count == 1)
  }

  @Test(
    "options may stand before or after the verb, be joined, or come after their value's sign",
    arguments: [
      ["ps", "-aq"], ["ps", "-a", "-q"], ["--format=table", "ps", "-a"], ["ps", "--format=table", "--all"],
      ["ps", "-n1"], ["ps", "-n", "1"], ["ps", "-n=1"], ["ps", "-aqn", "1"], ["ps", "--last=1", "--"],
      ["ps", "--filter=label=a=b", "--filter", "name=x"], ["--wait", "forever", "ps"], ["ps", "--wait=0"],
    ])
  func rightUse(words: [String]) throws {
    let fixture = try CommandFixture()
    let outcome = try fixture.cstate(words)
    #expect(outcome.status == .code(0), "\(words): \(outcome.errorOutput)")
    #expect(outcome.errorOutput.isEmpty)
  }

  @Test("after -- everything is an operand")
  func endOfOptions() throws {
    let fixture = try CommandFixture()
    let message = try fixture.fail(12, ["start", "--", "--force"])
    #expect(message.contains("--force"))
    #expect(message.contains("use 1 to 255"))
  }
}
