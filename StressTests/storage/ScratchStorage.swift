internal import CLoopDevice
internal import CPlatform
internal import Glibc
package import StressSupport

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
  private var device: Int32

  /// Gives this process mounts of its own, which every kind but `directory` needs.
  package static func ownMounts() throws(StressFailure) {
    guard loop_own_mounts() == 0 else { throw .systemCall("unshare", "a mount namespace") }
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
    return Program.path(of: program) == nil ? "\(program) is missing" : nil
  }

  /// Makes a place at `path`, which must be missing; its parent must exist, and holds the image.
  ///
  /// - Parameters:
  ///   - kind: what it is on.
  ///   - path: absolute.
  ///   - megabytes: the size of all but `directory`; `xfs` takes 300 or more. nil for half of the memory, or
  ///     a sparse image of 4 GB.
  /// - Throws: what the kernel or `mkfs` refuses.
  package init(_ kind: StorageKind, at path: String, megabytes: Int? = nil) throws(StressFailure) {
    self.kind = kind
    self.path = path
    try makeDirectory(path)
    if kind.canBeCutOff {
      let image = path + ".image"
      defer { unlink(image) }
      try Self.format(image, kind, megabytes: megabytes ?? 4_096)
      (deviceName, device) = try Self.attach(image)
    } else {
      (deviceName, device) = (kind.rawValue, -1)
    }
    if kind != .directory { try mountAgain(megabytes: megabytes) }
    // What mkfs makes can be read by all.
    guard chmod(path, 0o700) == 0 else { throw .systemCall("chmod", path) }
  }

  deinit { detach() }

  /// Loses the power: what was not written to the device by now is lost, and every call on the file system
  /// fails until `restore`.
  package func cutOff() throws(StressFailure) {
    guard kind.canBeCutOff, loop_cut_off(path) == 0 else {
      throw .systemCall("GOINGDOWN", path, kind.canBeCutOff ? errno : EINVAL)
    }
  }

  /// Mounts anew what the device has, as after a reboot: the file system recovers from its log.
  ///
  /// Whoever uses a file there must have ended.
  package func restore() throws(StressFailure) {
    try unmount()
    try mountAgain(megabytes: nil)
  }

  /// Takes the storage away with everything on it.
  package func remove() throws(StressFailure) {
    if kind != .directory { try unmount() }
    detach()
    guard platform_remove_tree(path) == 0 else { throw StressFailure("\(path) could not be removed") }
  }
}

// MARK: - Steps

extension ScratchStorage {
  private static func format(
    _ image: String, _ kind: StorageKind, megabytes: Int
  ) throws(StressFailure) {
    let file = open(image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw .systemCall("open", image) }
    defer { close(file) }
    guard ftruncate(file, off_t(megabytes) << 20) == 0 else { throw .systemCall("ftruncate", image) }
    let quiet = kind == .ext4 ? ["-q", "-F"] : ["-q", "-f"]
    let parent = String(image.prefix(image.utf8.count - (image.split(separator: "/").last?.utf8.count ?? 0)))
    try Program.run("mkfs.\(kind.rawValue)", quiet + [image], outputIn: parent)
  }

  private static func attach(_ image: String) throws(StressFailure) -> (name: String, device: Int32) {
    var name = [CChar](repeating: 0, count: 32)
    let device = loop_attach(image, &name)
    guard device >= 0 else { throw .systemCall("LOOP_CONFIGURE", image) }
    let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (text, device)
  }

  private func mountAgain(megabytes: Int?) throws(StressFailure) {
    let size = kind == .tmpfs ? megabytes.map { "size=\($0)m" } ?? "" : ""
    guard mount(deviceName, path, kind.rawValue, 0, size) == 0 else { throw .systemCall("mount", path) }
  }

  private func unmount() throws(StressFailure) {
    guard umount2(path, 0) == 0 else { throw .systemCall("umount", path) }
  }

  /// The kernel gives the loop device back when nobody has it mounted or open.
  private func detach() {
    if device >= 0 { close(device) }
    device = -1
  }
}
