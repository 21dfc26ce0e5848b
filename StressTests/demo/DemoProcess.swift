internal import CPlatform
internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// A living process of this demo, found in `/proc` by the marker in its environment.
struct DemoProcess {
  /// Marks commands, and with them the monitors that they start.
  static let variable = "CSTATE_DEMO"
  /// Names the container that a command is about.
  static let containerVariable = "CSTATE_DEMO_CONTAINER"
  /// Marks what runs inside containers.
  static let insideVariable = "CSTATE_DEMO_INSIDE"

  let identity: ProcessIdentity
  /// The program it runs; empty where the kernel does not say.
  let executable: String
  let words: [String]
  /// The container it is about; empty where it is about none.
  let container: String

  /// Every living process that carries this marker in its environment; oldest first.
  ///
  /// Arguments mean nothing: whoever started the demo, or looks at its directory, may name that there.
  static func all(marker: String) -> [DemoProcess] {
    let own = getpid()
    let found = names(in: "/proc").compactMap { name -> DemoProcess? in
      guard let pid = Int32(name), pid != own else { return nil }
      return DemoProcess(pid: pid, marker: marker)
    }
    return found.sorted {
      ($0.identity.startTime, $0.identity.pid) < ($1.identity.startTime, $1.identity.pid)
    }
  }

  private init?(pid: Int32, marker: String) {
    let directory = "/proc/\(pid)"
    guard let identity = ProcessIdentity.running(pid: pid) else { return nil }
    let variables = DemoProcess.strings(directory + "/environ")
    let isMarked = variables.contains { $0 == "\(DemoProcess.variable)=\(marker)" }
    let isInside = variables.contains { $0 == "\(DemoProcess.insideVariable)=\(marker)" }
    guard isMarked || isInside else { return nil }
    words = DemoProcess.strings(directory + "/cmdline")
    let prefix = DemoProcess.containerVariable + "="
    container = variables.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) } ?? ""
    executable = linkTarget(directory + "/exe") ?? ""
    self.identity = identity
  }

  private static func strings(_ path: String) -> [String] {
    (readFile(path) ?? []).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The verb it carries out, for a process of `cstate`.
  var verb: String {
    var words = words.dropFirst()
    while let word = words.popFirst() {
      if word.hasPrefix("--") {
        if !word.contains("="), word != "--rm", word != "--force" { words = words.dropFirst() }
      } else {
        return word
      }
    }
    return "?"
  }

  /// Sends SIGKILL to this very process, never to another that got its number.
  ///
  /// - Returns: whether it was sent.
  func kill() -> Bool {
    let descriptor = platform_pidfd_open(identity.pid)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // The descriptor stands for whoever has the number now; that it is the same process has to be seen after
    // it.
    guard identity.liveness == .alive else { return false }
    return platform_pidfd_send_signal(descriptor, SIGKILL) == 0
  }
}
