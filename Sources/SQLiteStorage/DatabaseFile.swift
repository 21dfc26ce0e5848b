internal import CPlatform
internal import Glibc
internal import Platform

extension FileIdentity {
  /// The identity of what is at the path; nil when nothing is there.
  ///
  /// A look that fails is no absence: on the strength of one, files are made anew and stores called replaced.
  ///
  /// - Throws: `io`.
  static func present(at path: String) throws(StorageError) -> FileIdentity? {
    var status = platform_file_status()
    switch path.withCString({ platform_look_at_path($0, &status) }) {
    case 0: return FileIdentity(status)
    case ENOENT, ENOTDIR: return nil
    case let code: throw StorageError(.io, path: path, message: "cannot be examined", systemErrno: code)
    }
  }

  /// The database file at the path, refused unless it is a regular file of ours with one link and nobody
  /// else's to write.
  ///
  /// - Throws: `missing`, `unsafeFile`, `cannotOpen`.
  init(safeFile path: String) throws(StorageError) {
    var status = platform_file_status()
    let failure = platform_look_at_path(path, &status)
    guard failure == 0 else {
      let code: StorageError.Code =
        failure == ENOENT ? .missing : failure == EACCES ? .readOnly : .cannotOpen
      throw StorageError(code, path: path, message: "cannot be examined", systemErrno: failure)
    }
    guard status.mode & S_IFMT == S_IFREG, status.links == 1, status.user_id == geteuid() else {
      throw StorageError(
        .unsafeFile, path: path, message: "must be a regular file of this user with one link")
    }
    guard status.mode & 0o022 == 0 else {
      throw StorageError(.unsafeFile, path: path, message: "others may write to it: chmod go-w")
    }
    self.init(status)
  }
}

extension String {
  /// The directory of what is at this absolute path.
  var parentDirectory: String {
    let slash = lastIndex(of: "/") ?? startIndex
    return slash == startIndex ? "/" : String(self[..<slash])
  }
}
