internal import ContainerStateStore
internal import Glibc

/// A bundle whose root file system is busybox.
package struct OCIBundle {
  private let arguments: [String]
  private let environment: [String]
  private let hostName: String
  private let rootFileSystem: String
  private let sharedDirectory: String?

  /// A bundle of which the directory has still to be made.
  ///
  /// - Parameters:
  ///   - arguments: the process and its arguments.
  ///   - environment: its variables.
  ///   - hostName: its host's name.
  ///   - rootFileSystem: the path of its root file system.
  ///   - sharedDirectory: a directory that is mounted at its own path; nil for none.
  package init(
    arguments: [String], environment: [String], hostName: String, rootFileSystem: String,
    sharedDirectory: String?
  ) {
    self.arguments = arguments
    self.environment = environment
    self.hostName = hostName
    self.rootFileSystem = rootFileSystem
    self.sharedDirectory = sharedDirectory
  }

  /// Makes the directory of the bundle with its `config.json`.
  package func make(at path: String) throws(StressFailure) {
    try makeDirectory(path)
    try writeFile(configuration.bytes, to: path + "/config.json")
  }

  /// Makes the root file system that bundles share: busybox under the names that containers use.
  ///
  /// - Parameters:
  ///   - root: where.
  ///   - sharedDirectory: the directory that is mounted at its own path; nil for none.
  /// - Throws: where busybox is missing, or the directory is there already.
  package static func makeRootFileSystem(
    at root: String, sharedDirectory: String?
  ) throws(StressFailure) {
    var directories = [root, root + "/bin", root + "/dev", root + "/proc", root + "/tmp"]
    // It is mounted at its own path, so that one command line suits every runtime.
    var place = root
    for part in (sharedDirectory ?? "").split(separator: "/") {
      place += "/" + part
      if !directories.contains(place) { directories.append(place) }
    }
    for directory in directories { try makeDirectory(directory) }
    let candidates = ["/bin/busybox", "/usr/bin/busybox", "/sbin/busybox", "/usr/sbin/busybox"]
    guard let busybox = candidates.first(where: { access($0, X_OK) == 0 }), let program = readFile(busybox)
    else {
      throw StressFailure("busybox is missing; install the package busybox-static")
    }
    try writeFile(program, to: root + "/bin/busybox", mode: 0o755)
    for applet in ["sh", "sleep"] {
      guard symlink("busybox", "\(root)/bin/\(applet)") == 0 else { throw .systemCall("symlink", applet) }
    }
  }

  private var configuration: JSONBytes {
    var json = JSONWriter(reservingBytes: 2_048)
    json.beginObject()
    json.member("ociVersion", "1.0.2")
    json.key("process")
    json.beginObject()
    json.member("args", arguments)
    json.member("env", environment)
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
    json.member("path", rootFileSystem)
    json.member("readonly", true)
    json.endObject()
    json.member("hostname", hostName)
    json.key("mounts")
    json.beginArray()
    json.mount("proc", from: "proc", at: "/proc", [])
    json.mount("tmpfs", from: "tmpfs", at: "/dev", ["nosuid", "mode=755", "size=64k"])
    if let sharedDirectory { json.mount("bind", from: sharedDirectory, at: sharedDirectory, ["bind", "rw"]) }
    json.endArray()
    json.key("linux")
    writeIsolation(to: &json)
    json.endObject()
    return json.finish()
  }
}

extension OCIBundle {
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
