internal import CPlatform
internal import Glibc
internal import Platform

extension FileIdentity {
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
