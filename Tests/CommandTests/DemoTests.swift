internal import ContainerStateStore
internal import StoreTestSupport
internal import Testing

@Suite("cstate-demo")
struct DemoTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func demo(_ words: String...) throws -> ChildProcess.Outcome {
    try ChildProcess.run(
      executable: "cstate-demo", ["--runtime", "builtin", "--root", directory.path("demo")] + words,
      within: .seconds(180))
  }

  @Test("with kills: nothing is lost, nothing is left over, and it says so")
  func kills() throws {
    let outcome = try demo(
      "--seed", "5", "--containers", "\(scaled(16))", "--processes", "4", "--kill-every-ms", "60", "--json")
    #expect(outcome.status == .code(0), "\(outcome.output)")
    let summary = try JSONBytes(outcome.output).root
    #expect(try summary.member("containers_done")?.int64() == Int64(scaled(16)))
    #expect(try summary.member("violations")?.elements().isEmpty == true)
    #expect(try summary.member("verify")?.string() == "clean")
    #expect(try summary.member("seed")?.int64() == 5)
    #expect(try summary.member("kills")?.members().isEmpty == false)
    #expect(status(ofPath: directory.path("demo")) == nil)
  }

  @Test("whoever started the demo is none of its processes, though his arguments name its directory")
  func starterLives() throws {
    let words = [
      "--runtime", "builtin", "--root", directory.path("demo"), "--seed", "7", "--containers", "2",
    ]
    let script = "\"$0\" \"$@\" > /dev/null; echo $?"
    let outcome = try ChildProcess.run(
      executable: "/bin/sh", ["-c", script, try buildDirectory() + "/cstate-demo"] + words,
      within: .seconds(180))
    #expect(outcome.output == "0\n", "\(outcome.status)")
  }

  @Test("the summary for people has every line that it promises")
  func summary() throws {
    let outcome = try demo("--seed", "6", "--containers", "6", "--processes", "3", "--kill-every-ms", "0")
    #expect(outcome.status == .code(0), "\(outcome.output)")
    for part in [
      "seed 6", "containers done", "6 of 6", "p50", "p99", "max", "longest lock wait", "kills survived",
      "verify",
      "clean", "Nothing was lost",
    ] {
      #expect(outcome.output.contains(part), "\(part)")
    }
  }

  @Test("a row that disappears behind the store's back is noticed: exit status 1, the loss, and the seed")
  func plantedLoss() throws {
    let outcome = try demo(
      "--seed", "7", "--containers", "8", "--processes", "2", "--kill-every-ms", "0", "--plant-loss")
    #expect(outcome.status == .code(1), "\(outcome.output)")
    #expect(outcome.output.contains("violation: "))
    #expect(outcome.output.contains("lost: "))
    #expect(outcome.output.contains("--seed 7"))
    #expect(outcome.output.contains(directory.path("demo")), "where everything is kept")
  }

  @Test("a runtime that cannot run here is said at once, and leaves nothing")
  func unusableRuntime() throws {
    let outcome = try ChildProcess.run(
      executable: "cstate-demo", ["--root", directory.path("demo"), "--runtime", "crun"],
      environment: ["PATH": "/nowhere"])
    #expect(outcome.status == .code(1))
    #expect(outcome.errorOutput == "cstate-demo: --runtime crun: it cannot run here: not installed\n")
    #expect(outcome.output.isEmpty)
    #expect(status(ofPath: directory.path("demo")) == nil)
  }

  @Test("without any OCI runtime it says so in one line, and goes on with plain processes")
  func fallback() throws {
    let outcome = try ChildProcess.run(
      executable: "cstate-demo", ["--root", directory.path("demo"), "--containers", "2"],
      environment: ["PATH": "/nowhere"], within: .seconds(180))
    #expect(outcome.status == .code(0), "\(outcome.output)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("no OCI runtime can run here") } == 1, "\(outcome.output)")
  }

  @Test("a reader who goes away after the first line stops nothing, and nothing is left over")
  func readerGone() throws {
    let words = ["--runtime", "builtin", "--root", directory.path("demo"), "--containers", "4"]
    let script = "{ \"$0\" \"$@\"; echo $? > '\(directory.path("status"))'; } | read -r line"
    let outcome = try ChildProcess.run(
      executable: "/bin/sh", ["-c", script, try buildDirectory() + "/cstate-demo"] + words,
      within: .seconds(180))
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    #expect(String(decoding: try readBytes(atPath: directory.path("status")), as: UTF8.self) == "0\n")
    #expect(status(ofPath: directory.path("demo")) == nil)
  }

  @Test(
    "wrong arguments are refused",
    arguments: [["--seed", "x"], ["--fast"], ["--runtime", "docker"], ["--containers"]])
  func usage(words: [String]) throws {
    let outcome = try ChildProcess.run(executable: "cstate-demo", words)
    #expect(outcome.status == .code(2))
    #expect(outcome.errorOutput.hasPrefix("cstate-demo: "))
  }

  @Test("an interrupt removes everything and ends with 130")
  func interrupt() throws {
    let root = directory.path("demo")
    let child = try ChildProcess(
      executable: "cstate-demo",
      ["--runtime", "builtin", "--root", root, "--containers", "1000", "--processes", "4"])
    try child.expect("seed")
    try waitUntil("a container") { !entries(ofDirectory: root + "/store/locks").isEmpty }
    child.signal(2)
    #expect(try child.waitForExit(within: .seconds(60)) == .code(130))
    #expect(status(ofPath: root) == nil)
  }
}
