internal import CPlatform
internal import Glibc
internal import StressSupport

/// The directory of a demo: the store, the run directory, the bundles, and where containers say that they are
/// ready.
struct Workplace {
  let path: String
  /// Whether the demo made the directory itself.
  private let isOurs: Bool

  /// Makes what is missing in `root`, an empty or missing directory; nil for a temporary one.
  init(root: String?) throws(StressFailure) {
    if let root {
      isOurs = mkdir(root, 0o700) == 0
      guard isOurs || errno == EEXIST else { throw .systemCall("mkdir", root) }
      guard names(in: root).isEmpty else { throw StressFailure("--root \(root): the directory is not empty") }
      path = try canonicalPath(root)
    } else {
      path = try makeTemporaryDirectory("cstate-demo")
      isOurs = true
    }
    for directory in [store, run, bundles, ready] { try makeDirectory(directory) }
  }

  var store: String { path + "/store" }
  var run: String { path + "/run" }
  var bundles: String { path + "/bundles" }
  var ready: String { path + "/ready" }
  var timings: String { path + "/timings" }

  /// The marker that every process of this demo carries in its environment or arguments.
  var marker: String { path }

  func bundle(of journey: Journey) -> String { bundles + "/" + journey.name }
  func readyFile(of journey: Journey) -> String { ready + "/" + journey.name }

  /// Removes everything.
  ///
  /// - Returns: whether nothing is left.
  func removeAll() -> Bool {
    if isOurs { return platform_remove_tree(path) == 0 }
    return names(in: path).allSatisfy { platform_remove_tree(path + "/" + $0) == 0 }
  }
}

// MARK: - Bundles

extension Workplace {
  /// Makes the root file system that all bundles share.
  func makeRootFileSystem() throws(StressFailure) {
    try OCIBundle.makeRootFileSystem(at: bundles + "/rootfs", sharedDirectory: ready)
  }

  /// Makes the bundle of one container.
  func makeBundle(of journey: Journey) throws(StressFailure) {
    try OCIBundle(
      arguments: ["/bin/sh", "-c", script(of: journey), marker],
      environment: ["PATH=/bin:/usr/bin", "\(DemoProcess.insideVariable)=\(marker)"],
      hostName: journey.name, rootFileSystem: bundles + "/rootfs", sharedDirectory: ready
    ).make(at: bundle(of: journey))
  }

  func removeBundle(of journey: Journey) {
    _ = platform_remove_tree(bundle(of: journey))
    unlink(readyFile(of: journey))
  }

  private func script(of journey: Journey) -> String {
    guard journey.isEndless else {
      let seconds = String(journey.runMilliseconds + 1_000).dropFirst()
      return (journey.runMilliseconds == 0 ? "" : "sleep 0.\(seconds); ") + "exit \(journey.exitCode)"
    }
    return "trap 'kill $!; exit \(journey.exitCode)' TERM; "
      + "while :; do : > '\(readyFile(of: journey))'; sleep 0.2 & wait $!; done"
  }
}
