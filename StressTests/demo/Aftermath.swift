internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// What has to hold when all containers are done: nothing is left, and the store is in order.
struct Aftermath {
  private let workplace: Workplace
  private let command: CommandLauncher
  private(set) var violations: [String] = []
  /// What `verify` said, in one line.
  private(set) var verifyResult = "not run"

  init(workplace: Workplace, command: CommandLauncher) {
    self.workplace = workplace
    self.command = command
  }

  /// Lets `recover` finish what kills have left, and looks everywhere.
  ///
  /// - Parameter ids: those of all containers that there were.
  /// - Throws: where a command does not end.
  mutating func check(ids: Set<String>) throws(StressFailure) {
    let recovery = try command.run(["recover"])
    if recovery.status != 0 {
      violate("recover ended with \(recovery.status ?? -1): \(recovery.errorOutput)")
    }
    try checkContainers()
    try checkRepeatedRecovery()
    try checkStore()
    checkProcesses()
    checkFiles()
    checkControlGroups(ids: ids)
  }

  private mutating func violate(_ what: String) {
    violations.append(what.split(separator: "\n").joined(separator: " / "))
  }

  private mutating func checkContainers() throws(StressFailure) {
    let listing = try command.run(["ps", "-a", "--format", "json"])
    guard listing.status == 0, let rows = try? JSONBytes(listing.output).root.elements() else {
      return violate("ps -a ended with \(listing.status ?? -1): \(listing.errorOutput)")
    }
    for row in rows {
      let name = (try? row.at("name")?.string()) ?? "?"
      violate("container \(name) is left over")
      let removal = try command.run(["rm", "--force", name])
      if removal.status != 0 { violate("rm --force \(name): \(removal.errorOutput)") }
    }
  }

  /// A second recovery finds nothing to do: no intent, no orphan, no leftover.
  private mutating func checkRepeatedRecovery() throws(StressFailure) {
    let recovery = try command.run(["recover", "--format", "json"])
    guard let members = try? JSONBytes(recovery.output).root.members() else {
      return violate("recover printed '\(recovery.output)' \(recovery.errorOutput)")
    }
    for (key, value) in members where value.kind == .array {
      if let count = try? value.elements().count, count > 0 {
        violate("a second recovery still found \(key): \(value.copy().text)")
      }
    }
  }

  private mutating func checkStore() throws(StressFailure) {
    let verification = try command.run(["verify"])
    verifyResult = verification.status == 0 ? "clean" : "\(verification.output)\(verification.errorOutput)"
    if verification.status != 0 { violate("verify: \(verifyResult)") }
  }

  /// Monitors and containers that end by themselves get a moment for it.
  private mutating func checkProcesses() {
    let deadline = clockNanoseconds(CLOCK_MONOTONIC) + 30_000_000_000
    var left = DemoProcess.all(marker: workplace.marker)
    while !left.isEmpty, clockNanoseconds(CLOCK_MONOTONIC) < deadline {
      poll(nil, 0, 20)
      left = DemoProcess.all(marker: workplace.marker)
    }
    for process in left {
      violate(
        "process \(process.identity.pid) is left over: \(process.words.joined(separator: " ").prefix(200))")
      _ = process.kill()
    }
  }

  private mutating func checkFiles() {
    let store = workplace.store
    for (what, directory) in [
      ("lockfile", store + "/locks"), ("specification copy", store + "/specs"),
      ("runtime state", workplace.run + "/containers"),
    ] {
      for name in names(in: directory) { violate("\(what) \(name) is left over") }
    }
    for name in names(in: workplace.bundles) where name != "rootfs" { violate("bundle \(name) is left over") }
  }

  /// Control groups outlive what was in them, and are called after their containers.
  private mutating func checkControlGroups(ids: Set<String>) {
    let root = "/sys/fs/cgroup"
    for directory in [root] + names(in: root).map({ root + "/" + $0 }) {
      for name in names(in: directory) {
        if let id = name.split(separator: "-").last, ids.contains(String(id)) {
          violate("control group \(directory)/\(name) is left over")
        }
      }
    }
  }

  /// Ends and removes everything after an interruption; what cannot be removed is returned.
  static func cleanUp(workplace: Workplace, command: CommandLauncher) -> [String] {
    var failures: [String] = []
    let listing = try? command.run(["ps", "-a", "-q", "--no-trunc"])
    let ids = (listing?.output ?? "").split(separator: "\n").map(String.init)
    if !ids.isEmpty, (try? command.run(["rm", "--force"] + ids))?.status != 0 {
      failures.append("rm --force failed")
    }
    for process in DemoProcess.all(marker: workplace.marker) { _ = process.kill() }
    return failures
  }
}
