import CPlatform
import Glibc
package import Platform

/// A directory that is fit to hold files of a store.
package struct StoreDirectory: Sendable, Hashable {
  /// Something that is allowed and should be known.
  package enum Warning: Sendable, Hashable {
    /// On overlayfs a file can change its inode when it is first written.
    case overlayFileSystem
    /// What is in it is gone after a power loss or a reboot: right for lockfiles and copies.
    case memoryFileSystem
    /// Group or others can list the names in it; the permission bits.
    case readableByOthers(mode: UInt32)
  }

  /// Canonical path, without symbolic links when it was opened.
  package let path: String
  /// Which directory it was then.
  package let identity: FileIdentity
  package let warnings: Set<Warning>

  /// Opens the directory, creating it and what is missing above it with mode 0700 whatever the umask.
  ///
  /// An existing directory is never given another mode: it could be one that others need (`/tmp`). One that
  /// group or others can write in is refused, one they can only read is reported as a warning.
  /// - Parameters:
  ///   - path: absolute or relative; symbolic links in it are resolved once, here.
  ///   - creates: false: a missing directory is an error.
  ///   - allowsUnfitFileSystem: true: network and FUSE file systems are accepted.
  /// - Throws: `DirectoryError` with the path and the reason.
  package init(
    path: String, creates: Bool = true, allowsUnfitFileSystem: Bool = false
  ) throws(DirectoryError) {
    let canonical = try Self.canonicalPath(of: path, creates: creates)
    let descriptor = uninterrupted {
      Glibc.open(canonical, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }
    guard descriptor >= 0 else {
      let code = errno
      throw DirectoryError(
        path: canonical,
        reason: code == ENOTDIR || code == ELOOP ? .notDirectory : .system(call: "open", errno: code))
    }
    defer { _ = close(descriptor) }
    var warnings: Set<Warning> = []
    identity = try Self.check(descriptor, path: canonical, warnings: &warnings)
    try FileSystemType.check(
      descriptor, path: canonical, allowsUnfit: allowsUnfitFileSystem, warnings: &warnings)
    self.path = canonical
    self.warnings = warnings
  }

  private static func check(
    _ descriptor: Int32, path: String, warnings: inout Set<Warning>
  ) throws(DirectoryError) -> FileIdentity {
    var status = platform_file_status()
    let code = platform_look_at_descriptor(descriptor, &status)
    guard code == 0 else { throw DirectoryError(path: path, reason: .system(call: "statx", errno: code)) }
    guard status.user_id == geteuid() else {
      throw DirectoryError(path: path, reason: .foreignOwner(userID: status.user_id))
    }
    let mode = status.mode & 0o7777
    guard mode & 0o022 == 0 else {
      throw DirectoryError(path: path, reason: .writableByOthers(mode: mode))
    }
    if mode & 0o055 != 0 { warnings.insert(.readableByOthers(mode: mode)) }
    return FileIdentity(status)
  }
}

extension StoreDirectory {
  private static func canonicalPath(of path: String, creates: Bool) throws(DirectoryError) -> String {
    if let resolved = realpath(path, nil) {
      defer { free(resolved) }
      return String(cString: resolved)
    }
    let code = errno
    guard code == ENOENT else {
      throw DirectoryError(path: path, reason: .system(call: "realpath", errno: code))
    }
    guard creates else { throw DirectoryError(path: path, reason: .missing) }
    try create(path)
    return try canonicalPath(of: path, creates: false)
  }

  private static func create(_ path: String) throws(DirectoryError) {
    if try make(path) { return }
    guard let parent = parent(of: path) else { throw DirectoryError(path: path, reason: .missing) }
    try create(parent)
    // Some file systems (proc) say "missing" of whatever cannot be made in them.
    guard try make(path) else {
      throw DirectoryError(path: path, reason: .system(call: "mkdir", errno: ENOENT))
    }
  }

  /// Makes the directory where it is not there; false where its parent is missing.
  private static func make(_ path: String) throws(DirectoryError) -> Bool {
    guard mkdir(path, 0o700) == 0 else {
      switch errno {
      case EEXIST: return true
      case ENOENT: return false
      case let code: throw DirectoryError(path: path, reason: .system(call: "mkdir", errno: code))
      }
    }
    // The umask may have taken the owner's bits, a set-gid parent may have added its own.
    guard chmod(path, 0o700) == 0 else {
      throw DirectoryError(path: path, reason: .system(call: "chmod", errno: errno))
    }
    return true
  }

  private static func parent(of path: String) -> String? {
    var parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    guard parts.popLast() != nil, !parts.isEmpty else { return nil }
    return (path.utf8.first == UInt8(ascii: "/") ? "/" : "") + parts.joined(separator: "/")
  }
}
