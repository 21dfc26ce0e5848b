internal import CLoopDevice
internal import Glibc

/// What a store of a run lies on.
package enum StorageKind: String, Sendable, CaseIterable {
  /// A directory of the file system that is there.
  case directory
  /// A file system in memory, of a size of its own.
  case tmpfs
  /// A file system on an image behind a loop device, which can be cut off.
  case ext4, xfs

  /// Whether its power can be lost (`ScratchStorage.cutOff`).
  package var canBeCutOff: Bool { self == .ext4 || self == .xfs }
}

/// A place of its own for a run's store, of a size and on a file system that are asked for.
///
/// Made by a process of one thread that has called `ownMounts` and forks its workers after. Nothing outlives
/// the run: the image is unlinked as soon as it is attached, and mounts and loop device are gone with the
/// last process that shares the mount namespace, even where all were killed.
package final class ScratchStorage {
  package let kind: StorageKind
  /// Where the storage is to be used; nobody else uses it.
  package let path: String
  private let deviceName: String
  private let device: Int32

  /// Gives this process mounts of its own, which every kind but `directory` needs.
  package static func ownMounts() throws(ScratchStorageError) {
    guard loop_own_mounts() == 0 else { throw .systemCall("unshare", "a mount namespace", errno) }
  }

  /// Why a kind cannot be had here, for a line that says what was skipped; nil where it can.
  ///
  /// Asks for rights, devices and programs, and changes nothing.
  package static func obstacle(to kind: StorageKind) -> String? {
    if kind == .directory { return nil }
    guard geteuid() == 0 else { return "mounting needs root" }
    if kind == .tmpfs { return nil }
    guard access("/dev/loop-control", R_OK | W_OK) == 0 else { return "there is no /dev/loop-control" }
    let program = "mkfs.\(kind.rawValue)"
    let places = ["/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"]
    guard places.contains(where: { access($0 + program, X_OK) == 0 }) else { return "\(program) is missing" }
    return nil
  }

  /// Makes a place below `directory`, which must exist and lie on a file system of its own right: image and
  /// mount point are there.
  ///
  /// - Parameters:
  ///   - kind: what it is on.
  ///   - directory: absolute; gets the subdirectory `storage`.
  ///   - megabytes: the size of all but `directory`; `xfs` takes 300 or more.
  /// - Throws: what the kernel or `mkfs` refuses.
  package init(_ kind: StorageKind, in directory: String, megabytes: Int) throws(ScratchStorageError) {
    self.kind = kind
    path = directory + "/storage"
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .systemCall("mkdir", path, errno) }
    if kind.canBeCutOff {
      let image = directory + "/storage.image"
      defer { unlink(image) }
      try Self.format(image, kind, megabytes: megabytes)
      (deviceName, device) = try Self.attach(image)
    } else {
      (deviceName, device) = (kind.rawValue, -1)
    }
    if kind != .directory { try mountAgain(megabytes: megabytes) }
  }

  deinit { if device >= 0 { close(device) } }

  /// Loses the power: what was not written to the device by now is lost, and every call on the file system
  /// fails until `restore`.
  package func cutOff() throws(ScratchStorageError) {
    guard kind.canBeCutOff, loop_cut_off(path) == 0 else {
      throw .systemCall("GOINGDOWN", path, kind.canBeCutOff ? errno : EINVAL)
    }
  }

  /// Mounts anew what the device has, as after a reboot: the file system recovers from its log.
  ///
  /// Whoever uses a file there must have ended.
  package func restore() throws(ScratchStorageError) {
    try unmount()
    try mountAgain(megabytes: 0)
  }

  /// Takes the storage away with everything on it.
  package func remove() throws(ScratchStorageError) {
    if kind == .directory {
      _ = try Self.run(["rm", "-rf", path])
    } else {
      try unmount()
      guard rmdir(path) == 0 else { throw .systemCall("rmdir", path, errno) }
    }
  }
}

// MARK: - Steps

extension ScratchStorage {
  private static func format(
    _ image: String, _ kind: StorageKind, megabytes: Int
  ) throws(ScratchStorageError) {
    let file = open(image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw .systemCall("open", image, errno) }
    defer { close(file) }
    guard ftruncate(file, off_t(megabytes) << 20) == 0 else { throw .systemCall("ftruncate", image, errno) }
    let quiet = kind == .ext4 ? ["-q", "-F"] : ["-q", "-f"]
    let status = try run(["mkfs.\(kind.rawValue)"] + quiet + [image])
    guard status == 0 else { throw .program("mkfs.\(kind.rawValue)", status) }
  }

  private static func attach(_ image: String) throws(ScratchStorageError) -> (name: String, device: Int32) {
    var name = [CChar](repeating: 0, count: 32)
    let device = loop_attach(image, &name)
    guard device >= 0 else { throw .systemCall("LOOP_CONFIGURE", image, errno) }
    let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (text, device)
  }

  private func mountAgain(megabytes: Int) throws(ScratchStorageError) {
    let options = kind == .tmpfs ? "size=\(megabytes)m,mode=0700" : ""
    guard mount(deviceName, path, kind.rawValue, 0, options) == 0 else {
      throw .systemCall("mount", path, errno)
    }
  }

  private func unmount() throws(ScratchStorageError) {
    guard umount2(path, 0) == 0 else { throw .systemCall("umount", path, errno) }
  }

  private static func run(_ words: [String]) throws(ScratchStorageError) -> Int32 {
    var vector = words.map { UnsafePointer(strdup($0)) }
    defer { for word in vector { free(UnsafeMutableRawPointer(mutating: word)) } }
    vector.append(nil)
    let status = loop_run(vector)
    guard status >= 0 else { throw .systemCall("posix_spawn", words[0], errno) }
    return status
  }
}

/// Why a storage could not be made or used.
package enum ScratchStorageError: Error, CustomStringConvertible {
  case systemCall(String, String, Int32)
  case program(String, Int32)

  package var description: String {
    switch self {
    case .systemCall(let call, let subject, let code):
      "\(call) of \(subject): \(String(cString: strerror(code)))"
    case .program(let name, let status): "\(name) ended with \(status)"
    }
  }
}
