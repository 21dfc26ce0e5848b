internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("cstate-stress")
struct StressTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private var run: String { directory.path("run") }

  private func stress(_ words: String...) throws -> ChildProcess.Outcome { try stress(words) }

  private func stress(_ words: [String]) throws -> ChildProcess.Outcome {
    try ChildProcess.run(
      executable: "cstate-stress", ["--directory", run] + words, environment: ["TMPDIR": directory.path],
      within: .seconds(240))
  }

  @Test("with kills and stops every check holds, every role had its turn, and one line of JSON says so")
  func clean() throws {
    // Ended by its kills: however fast the machine is, there is time for as many stops.
    let outcome = try stress(
      "--seed", "5", "--seconds", "0", "--kills", "\(scaled(30))", "--processes", "10", "--kill-every", "40",
      "--stop-every", "40")
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    #expect(outcome.output.split(separator: "\n").count == 1)
    let summary = try JSONBytes(outcome.output).root
    #expect(try summary.member("clean")?.bool() == true)
    #expect(try summary.member("seed")?.int64() == 5)
    #expect(try summary.at("kills")?.int64() ?? 0 > 0)
    #expect(try summary.at("stops")?.int64() ?? 0 > 0)
    let sessions = try #require(try summary.member("sessions")?.members()).map(\.key)
    #expect(sessions.sorted() == ["command", "follower", "lister", "monitor", "reader", "remover", "shell"])
    #expect(status(ofPath: run) == nil, "a run in which nothing went wrong leaves nothing")
  }

  @Test(
    "a bug that is planted in the workers is found: exit status 1, the run is kept and can be judged again",
    arguments: ["lost-update", "stale-read", "double-holder", "failed-trace", "missed-change", "lost-code"])
  func planted(plant: String) throws {
    let outcome = try stress(
      "--seed", "7", "--seconds", "0", "--operations", "3000", "--processes", "6", "--kill-every", "0",
      "--containers", "2", "--roles", "command=50,monitor=50", "--plant", plant)
    #expect(outcome.status == .code(1), "\(outcome.errorOutput)")
    let summary = try JSONBytes(outcome.output).root
    #expect(try summary.member("clean")?.bool() == false)
    #expect(try summary.at("planted")?.int64() ?? 0 > 0)
    #expect(outcome.errorOutput.contains("again: cstate-stress --seed 7 --processes 6"))
    #expect(try readText(atPath: run + "/anomaly-1.svg").hasPrefix("<svg"))
    #expect(try summary.at("history")?.at("anomalies")?.elements().isEmpty == false)
    #expect(entries(ofDirectory: run + "/store").contains("state.db"))
    #expect(try readText(atPath: run + "/replay").contains("cstate-stress --seed 7"))
    let again = try ChildProcess.run(
      executable: "cstate-stress", ["check", run], within: .seconds(120))
    #expect(again.status == .code(1), "\(again.errorOutput)")
  }

  @Test(
    "1, 9, 11, 12: with a fault for each worker every check holds, and the verdict counts what struck",
    arguments: [[], ["--storage", "tmpfs", "--checkpoint-frames", "5"]])
  func faults(words: [String]) throws {
    let outcome = try stress(
      [
        "--scenario", "faults", "--seed", "6", "--seconds", "\(scaled(4))", "--processes", "10", "--keep",
      ] + words)
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    let summary = try JSONBytes(outcome.output).root
    let armed = try #require(try summary.at("faults_armed")?.int64())
    let hit = try #require(try summary.at("faults_hit")?.int64())
    #expect(armed >= 8 && (1...armed).contains(hit), "\(hit) of \(armed)")
    let kinds = try #require(try summary.at("faults")?.members()).map(\.value)
    #expect(try kinds.reduce(0) { try $0 + ($1.at("armed")?.int64() ?? 0) } == armed)
    #expect(try kinds.reduce(0) { try $0 + ($1.at("hit")?.int64() ?? 0) } == hit)
    #expect(outcome.errorOutput.contains("\(hit) of \(armed) faults struck"))
    #expect(try readText(atPath: run + "/faults").split(separator: "\n").count >= Int(armed))
    #expect(try readText(atPath: run + "/replay").contains(" --faults"))
  }

  @Test("I-11: where few changes are kept, whoever reads too late is told so, and every check holds")
  func trimmed() throws {
    let outcome = try stress(
      "--seed", "10", "--seconds", "0", "--operations", "\(scaled(12_000))", "--processes", "8",
      "--keep-changes", "4")
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    let summary = try JSONBytes(outcome.output).root
    #expect(try summary.at("trimmings_told")?.int64() ?? 0 > 0)
    #expect(try summary.at("changes_told")?.int64() ?? 0 > 0)
  }

  @Test("whole lives of containers are counted, with kills, and every check holds")
  func lifecycles() throws {
    let count = scaled(150)
    let outcome = try stress(
      "--seed", "12", "--lifecycles", "\(count)", "--processes", "8", "--kill-every", "60")
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    let summary = try JSONBytes(outcome.output).root
    #expect(try summary.at("lifecycles")?.int64() ?? 0 >= count)
    #expect(try summary.at("kills")?.int64() ?? 0 > 0)
    #expect(outcome.errorOutput.contains(" whole lives of containers"))
  }

  @Test("without --faults nothing is armed")
  func noFaults() throws {
    let outcome = try stress("--seed", "9", "--seconds", "0", "--operations", "100", "--processes", "3")
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    #expect(try JSONBytes(outcome.output).root.at("faults_armed")?.int64() == 0)
    #expect(!outcome.errorOutput.contains("struck"))
  }

  @Test("a run that is kept is judged again with the same result")
  func checkAgain() throws {
    let outcome = try stress(
      "--seed", "8", "--seconds", "0", "--operations", "300", "--processes", "4", "--keep")
    #expect(outcome.status == .code(0), "\(outcome.errorOutput)")
    let again = try ChildProcess.run(executable: "cstate-stress", ["check", run], within: .seconds(120))
    #expect(again.status == .code(0), "\(again.errorOutput)")
  }

  @Test(
    "wrong arguments are refused, and nothing is made",
    arguments: [
      ["--seed", "x"], ["--fast"], ["--runtime", "docker"], ["--processes"], ["--seconds", "0"],
      ["--roles", "king=1"], ["--roles", "command=0"], ["--scenario", "calm"], ["--storage", "ext5"],
      ["--kills", "5", "--kill-every", "0"], ["--roles", "lifecycle=1"], ["check"],
    ])
  func usage(words: [String]) throws {
    let outcome = try ChildProcess.run(
      executable: "cstate-stress", words, environment: ["TMPDIR": directory.path])
    #expect(outcome.status == .code(2), "\(outcome.errorOutput)")
    #expect(outcome.errorOutput.hasPrefix("cstate-stress: "))
    #expect(entries(ofDirectory: directory.path).isEmpty)
  }

  @Test("help names every option and every scenario")
  func help() throws {
    let outcome = try ChildProcess.run(executable: "cstate-stress", ["--help"])
    #expect(outcome.status == .code(0))
    for word in [
      "--seed", "--processes", "--seconds", "--operations", "--kills", "--kill-every", "--stop-every",
      "--lifecycles", "--keep-changes", "follower",
      "--containers", "--threads", "--roles", "--foreign", "--checkpoint-frames", "--timeout", "--storage",
      "--runtime", "--scenario", "--directory", "--keep", "check DIR", "crowd", "reader", "shell", "kills",
      "--faults", "faults (groups 1, 4, 9, 11, 12)",
    ] {
      #expect(outcome.output.contains(word), "\(word)")
    }
  }

  @Test(
    "an interrupt ends everybody, removes everything and ends with 130", arguments: ["dir", "tmpfs", "ext4"])
  func interrupt(storage: String) throws {
    let child = try begin(storage)
    child.signal(SIGINT)
    #expect(try child.waitForExit(within: .seconds(60)) == .code(130))
    #expect(status(ofPath: run) == nil)
    #expect(processes(naming: run) == [])
    #expect(try mounts(naming: run) == [])
  }

  @Test("killed, it leaves no process, no mount and no loop device", arguments: ["tmpfs", "ext4"])
  func killed(storage: String) throws {
    let child = try begin(storage)
    child.signal(SIGKILL)
    #expect(try child.waitForExit() == .signal(SIGKILL))
    try waitUntil("the workers and their mounts to be gone", within: .seconds(30)) {
      try processes(naming: run).isEmpty && mounts(naming: run).isEmpty
    }
  }

  private func begin(_ storage: String) throws -> ChildProcess {
    let child = try ChildProcess(
      executable: "cstate-stress",
      ["--directory", run, "--seconds", "600", "--processes", "6", "--storage", storage],
      environment: ["TMPDIR": directory.path])
    try waitUntil("a worker's second operation", within: .seconds(60)) {
      entries(ofDirectory: run + "/journals").contains { name in
        (try? readText(atPath: run + "/journals/" + name))?.split(separator: "\n").count ?? 0 > 4
      }
    }
    return child
  }

  /// What is mounted from or on a path: as this process sees it, and files behind loop devices.
  private func mounts(naming path: String) throws -> [String] {
    let mounted = try readText(atPath: "/proc/mounts").split(separator: "\n").map(String.init)
    let devices = entries(ofDirectory: "/sys/block").compactMap { name in
      try? readText(atPath: "/sys/block/\(name)/loop/backing_file")
    }
    return (mounted + devices).filter { $0.contains(path) }
  }
}
