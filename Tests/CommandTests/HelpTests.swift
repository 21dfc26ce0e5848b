internal import ContainerStateStore
internal import OCIEngine
internal import StoreTestSupport
internal import Testing

@Suite("cstate --help")
struct HelpTests {
  static let verbs = [
    "create", "start", "run", "ps", "inspect", "kill", "stop", "wait", "rm", "recover", "verify", "backup",
    "restore", "pod add", "pod ls", "pod inspect", "pod rm", "volume add", "volume ls", "volume inspect",
    "volume rm", "network connect", "network disconnect", "network ls", "exec-session ls", "exec-session rm",
    "exit-code ls", "exit-code prune",
    "extra-index add", "extra-index ls", "extra-index rm", "events", "locks",
    "info", "bench", "version", "completion", "manual",
  ]

  private func help(_ words: [String]) throws -> String {
    let outcome = try ChildProcess.run(executable: "cstate", words)
    #expect(outcome.status == .code(0))
    #expect(outcome.errorOutput.isEmpty)
    return outcome.output
  }

  @Test("the overview names every verb, every exit status with its error code, and the environment")
  func overview() throws {
    let text = try help(["--help"])
    let lines = text.split(separator: "\n").map { $0.split(separator: " ") }
    for verb in HelpTests.verbs {
      #expect(text.split(separator: "\n").contains { $0.hasPrefix("  \(verb) ") }, "\(verb)")
      #expect(text.contains("cstate \(verb)"), "an example of \(verb)")
    }
    func expectStatuses(from first: Int, _ codes: [String]) {
      for (index, code) in codes.enumerated() {
        let line = lines.first { $0.count > 1 && $0[1] == "\(code):" }
        #expect(line.flatMap { Int($0[0]) } == first + index, "\(code)")
      }
    }
    expectStatuses(from: 10, StoreError.Code.allCases.map(\.rawValue))
    expectStatuses(from: 50, EngineError.Code.allCases.map(\.rawValue))
    for status in ["0", "1", "2", "3", "125"] {
      #expect(lines.contains { $0.first.map(String.init) == status }, "exit status \(status)")
    }
    for variable in ["CSTATE_ROOT", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME"] {
      #expect(text.contains(variable))
    }
  }

  @Test("each verb's help has usage, options, an example, and its JSON", arguments: verbs)
  func verb(_ verb: String) throws {
    let words = verb.split(separator: " ").map(String.init)
    let text = try help(words + ["--help"])
    #expect(text.contains("Usage: cstate \(verb)"))
    #expect(text.contains("Example:\n  cstate \(verb)"))
    for option in ["--root", "--format", "--wait", "--timings", "--runtime", "--lock-directory", "--help"] {
      #expect(text.contains(option), "\(option)")
    }
    #expect(text.contains("With --format json:"))
    #expect(try help(["--help"] + words) == text)
    #expect(try help(words + ["-h"]) == text)
  }

  @Test(
    "each verb's own options are in its help",
    arguments: [
      ("create", ["--name", "--id", "--label", "--image"]),
      ("run", ["--rm", "--detach", "--name", "--label"]),
      ("ps", ["-a, --all", "-q, --quiet", "--no-trunc", "--filter", "--sort", "--last", "-w, --watch"]),
      ("pod", ["pod add", "pod ls", "pod rm"]),
      ("inspect", ["--show-secrets", "--type"]),
      ("backup", ["--replace"]), ("restore", ["--replace"]), ("kill", ["--signal"]), ("stop", ["--time"]),
      ("wait", ["--timeout"]), ("rm", ["--force"]),
      ("locks", ["-a, --all", "Free locks"]),
    ])
  func options(verb: String, options: [String]) throws {
    let text = try help([verb, "--help"])
    for option in options { #expect(text.contains(option), "\(option)") }
  }

  @Test("no line of help is longer than a wide terminal")
  func width() throws {
    for words in [["--help"]]
      + HelpTests.verbs.map({ $0.split(separator: " ").map(String.init) + ["--help"] })
    {
      for line in try help(words).split(separator: "\n") { #expect(line.count <= 120, "\(line)") }
    }
  }

  @Test("the version is said by the verb and by the option")
  func version() throws {
    #expect(try help(["version"]) == (try help(["--version"])))
    #expect(try help(["ps", "--version"]) == (try help(["--version"])))
    let json = try JSONBytes(try help(["version", "--format", "json"])).root
    #expect(try json.member("version")?.string().isEmpty == false)
  }
}
