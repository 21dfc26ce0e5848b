internal import CPlatform
internal import ContainerStateStore
internal import Glibc

/// The directory of a demo: the store, the run directory, the bundles, and where containers say that they are
/// ready.
struct Workplace {
  let path: String
  /// Whether the demo made the directory itself.
  private let isOurs: Bool

  /// Makes what is missing in `root`, an empty or missing directory; nil for a temporary one.
  init(root: String?) throws(DemoFailure) {
    if let root {
      isOurs = mkdir(root, 0o700) == 0
      guard isOurs || errno == EEXIST else { throw .systemCall("mkdir", root) }
      guard names(in: root).isEmpty else { throw DemoFailure("--root \(root): the directory is not empty") }
      guard let canonical = realpath(root, nil) else { throw .systemCall("realpath", root) }
      defer { free(canonical) }
      path = String(cString: canonical)
    } else {
      let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
      var template = Array("\(parent)/cstate-demo-XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil, let canonical = realpath(template, nil) else {
        throw .systemCall("mkdtemp", parent)
      }
      defer { free(canonical) }
      path = String(cString: canonical)
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
  /// Makes the root file system that all bundles share: busybox under the names that containers use.
  func makeRootFileSystem() throws(DemoFailure) {
    let root = bundles + "/rootfs"
    var directories = [root, root + "/bin", root + "/dev", root + "/proc", root + "/tmp"]
    // The directory of ready files is mounted at its own path, so that one command line suits every runtime.
    var place = root
    for part in ready.split(separator: "/") {
      place += "/" + part
      if !directories.contains(place) { directories.append(place) }
    }
    for directory in directories { try makeDirectory(directory) }
    let candidates = ["/bin/busybox", "/usr/bin/busybox", "/sbin/busybox", "/usr/sbin/busybox"]
    guard let busybox = candidates.first(where: { access($0, X_OK) == 0 }), let program = readFile(busybox)
    else {
      throw DemoFailure("busybox is missing; install the package busybox-static")
    }
    try writeFile(program, to: root + "/bin/busybox", mode: 0o755)
    for applet in ["sh", "sleep"] {
      guard symlink("busybox", "\(root)/bin/\(applet)") == 0 else { throw .systemCall("symlink", applet) }
    }
  }

  /// Makes the bundle of one container.
  func makeBundle(of journey: Journey) throws(DemoFailure) {
    let path = bundle(of: journey)
    try makeDirectory(path)
    try writeFile(configuration(of: journey).bytes, to: path + "/config.json")
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

  private func configuration(of journey: Journey) -> JSONBytes {
    var json = JSONWriter(reservingBytes: 2_048)
    json.beginObject()
    json.member("ociVersion", "1.0.2")
    json.key("process")
    json.beginObject()
    json.member("args", ["/bin/sh", "-c", script(of: journey), marker])
    json.member("env", ["PATH=/bin:/usr/bin", "\(DemoProcess.insideVariable)=\(marker)"])
    json.member("cwd", "/")
    json.member("terminal", false)
    json.key("user")
    json.beginObject()
    json.member("uid", 0)
    json.member("gid", 0)
    json.endObject()
    json.endObject()
    json.key("root")
    json.beginObject()
    json.member("path", bundles + "/rootfs")
    json.member("readonly", true)
    json.endObject()
    json.member("hostname", journey.name)
    json.key("mounts")
    json.beginArray()
    json.mount("proc", from: "proc", at: "/proc", [])
    json.mount("tmpfs", from: "tmpfs", at: "/dev", ["nosuid", "mode=755", "size=64k"])
    json.mount("bind", from: ready, at: ready, ["bind", "rw"])
    json.endArray()
    json.key("linux")
    writeIsolation(to: &json)
    json.endObject()
    return json.finish()
  }
}

extension Workplace {
  /// Namespaces, and for whoever is not root a user namespace in which he is.
  private func writeIsolation(to json: inout JSONWriter) {
    let isRoot = geteuid() == 0
    json.beginObject()
    json.key("namespaces")
    json.beginArray()
    for kind in ["pid", "ipc", "uts", "mount"] + (isRoot ? [] : ["user"]) {
      json.beginObject()
      json.member("type", kind)
      json.endObject()
    }
    json.endArray()
    for (key, id) in isRoot ? [] : [("uidMappings", geteuid()), ("gidMappings", getegid())] {
      json.key(key)
      json.beginArray()
      json.beginObject()
      json.member("containerID", 0)
      json.member("hostID", id)
      json.member("size", 1)
      json.endObject()
      json.endArray()
    }
    json.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func mount(
    _ type: String, from source: String, at destination: String, _ options: [String]
  ) {
    beginObject()
    member("destination", destination)
    member("type", type)
    member("source", source)
    member("options", options)
    endObject()
  }
}
