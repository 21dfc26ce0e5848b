internal import FileLocking
internal import Glibc
internal import Platform
internal import SQLiteStorage
public import StateModel

/// A backup that was made.
public struct Backup: Sendable, Hashable {
  /// Where it is.
  public let path: String
  /// Its size in bytes.
  public let sizeBytes: UInt64
}

extension StateStore {
  /// Writes everything that the store holds, as one snapshot, into a file of its own; others go on meanwhile.
  ///
  /// The file is an SQLite database that is complete by itself. `StateStore.restore` makes a store of it.
  ///
  /// - Parameters:
  ///   - path: the file to make; its directory exists.
  ///   - replacing: whether a file that is there is replaced; where the backup fails it stays as it was.
  /// - Returns: the backup.
  /// - Throws: `alreadyExists` where something is at `path`, `invalidArgument` where it is in the store's own
  ///   place, `unsafePermissions`, `outOfSpace`, `corrupt`, `io`. No file is left then.
  /// - Blocking: for nobody. The snapshot keeps the WAL from being used again while it is copied.
  /// - Durability: on return the file survives a loss of power.
  /// - Process safety: a kill leaves nothing under the name, and at most a file whose name ends in
  ///   `.partial`.
  @discardableResult
  public func backUp(to path: String, replacing: Bool = false) throws(StoreError) -> Backup {
    try perform("back up") {
      let target = try BackupFile.target(path)
      // A backup over the database would be the end of both.
      guard !target.hasPrefix(location.database) else {
        throw StoreError.invalidArgument(path, "this is the store's own file; choose another for the backup")
      }
      if !replacing, try StoreFiles.exists(target) { throw StoreError.fileExists(target) }
      let partial = "\(target).\(getpid()).partial"
      var isFinished = false
      defer { if !isFinished { unlink(partial) } }
      // Left by a process of this number that was killed.
      unlink(partial)
      try database.copy(to: partial)
      let size = try BackupFile.size(of: partial)
      try BackupFile.publish(partial, as: target, replacing: replacing)
      isFinished = true
      return Backup(path: target, sizeBytes: size)
    }
  }
}

/// The file that a backup is.
enum BackupFile {
  /// The path without symbolic links; SQLite refuses to follow one.
  ///
  /// - Throws: `invalidArgument` for an empty path or one that is a link, `io` where its directory is
  ///   missing.
  static func target(_ path: String) throws(StoreError) -> String {
    guard !path.isEmpty, path.utf8.last != UInt8(ascii: "/"), !path.utf8.contains(0) else {
      throw .invalidArgument(path.isEmpty ? "path" : path, "a backup is a file; give its path")
    }
    var status = stat()
    if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw .invalidArgument(path, "this is no regular file; give the path of one, or of none yet")
    }
    let parts = path.split(separator: "/", omittingEmptySubsequences: true)
    let name = String(parts.last ?? "")
    let directory = path.dropLast(name.utf8.count)
    guard name != ".", name != "..",
      let resolved = realpath(directory.isEmpty ? "." : String(directory), nil)
    else { throw .invalidArgument(path, "its directory is not there or cannot be entered; make it first") }
    defer { free(resolved) }
    let canonical = String(cString: resolved)
    return canonical == "/" ? "/" + name : canonical + "/" + name
  }

  static func size(of path: String) throws(StoreError) -> UInt64 {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw .kernel("lstat", path: path, errno: errno) }
    return UInt64(status.st_size)
  }

  /// Gives a finished file its name; without `replacing` nothing that came there meanwhile is lost.
  static func publish(_ partial: String, as target: String, replacing: Bool) throws(StoreError) {
    if replacing {
      guard rename(partial, target) == 0 else { throw .kernel("rename", path: target, errno: errno) }
    } else {
      guard link(partial, target) == 0 else {
        if errno == EEXIST { throw .fileExists(target) }
        throw .kernel("link", path: target, errno: errno)
      }
      unlink(partial)
    }
    let directory = target.prefix(upTo: target.lastIndex(of: "/") ?? target.startIndex)
    let descriptor = uninterrupted {
      open(directory.isEmpty ? "/" : String(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    guard descriptor >= 0 else { throw .kernel("open", path: target, errno: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .kernel("fsync", path: target, errno: errno) }
  }
}

extension StoreError {
  static func fileExists(_ path: String) -> StoreError {
    StoreError(
      .alreadyExists, subject: printable(path, limit: 4096),
      message: "something is there already; choose another path, or say that it is to be replaced")
  }
}
