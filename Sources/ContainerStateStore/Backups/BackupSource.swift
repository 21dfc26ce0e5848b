internal import Glibc
internal import Platform
internal import SQLiteStorage
internal import StateModel

/// A file that is to be restored, judged by its bytes before SQLite opens any.
struct BackupSource {
  let path: String

  /// Copies it to a new file of mode 0600 and syncs that.
  ///
  /// - Throws: `notDatabase`, `corrupt` where it is cut off, `inUse` where it is open or lies beside a WAL,
  ///   `outOfSpace`, `io`.
  func copy(to target: String) throws {
    // What somebody has open is not only in this file, and a close of it here would drop his locks.
    guard try !Database.isOpen(at: path), try walSize() == 0 else { throw StoreError.openElsewhere(path) }
    let source = uninterrupted { open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
    guard source >= 0 else { throw StoreError.kernel("open", path: path, errno: errno) }
    defer { close(source) }
    var status = stat()
    guard fstat(source, &status) == 0 else { throw StoreError.kernel("fstat", path: path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw StoreError.invalidArgument(path, "a backup is a regular file")
    }
    try checkHeader(of: source, size: UInt64(status.st_size))
    let copy = uninterrupted {
      open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    }
    guard copy >= 0 else { throw StoreError.kernel("open", path: target, errno: errno) }
    defer { close(copy) }
    guard fchmod(copy, 0o600) == 0 else { throw StoreError.kernel("fchmod", path: target, errno: errno) }
    try transfer(from: source, to: copy, target: target)
    guard fsync(copy) == 0 else { throw StoreError.kernel("fsync", path: target, errno: errno) }
  }

  private func walSize() throws(StoreError) -> UInt64 {
    var status = stat()
    if lstat(path + "-wal", &status) == 0 { return UInt64(status.st_size) }
    guard errno == ENOENT else { throw .kernel("lstat", path: path + "-wal", errno: errno) }
    return 0
  }

  /// Throws where the first hundred bytes do not say what the rest has to be.
  ///
  /// Source: https://sqlite.org/fileformat2.html#the_database_header
  private func checkHeader(of source: Int32, size: UInt64) throws(StoreError) {
    var header = [UInt8](repeating: 0, count: 100)
    let count = pread(source, &header, header.count, 0)
    guard count >= 0 else { throw .kernel("read", path: path, errno: errno) }
    func number(at offset: Int, bytes: Int) -> UInt64 {
      header[offset..<offset + bytes].reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard count == header.count, Array(header[..<16]) == Array("SQLite format 3\0".utf8),
      number(at: 68, bytes: 4) == UInt64(Schema.applicationID)
    else {
      throw StoreError(.notDatabase, subject: path, message: "this is no backup of a container state store")
    }
    let pageSize = number(at: 16, bytes: 2) == 1 ? 65_536 : number(at: 16, bytes: 2)
    guard size == pageSize * number(at: 28, bytes: 4) else {
      throw StoreError(
        .corrupt, subject: path,
        message: "the backup is cut off: it is \(size) bytes long and says otherwise; use another")
    }
  }

  private func transfer(from source: Int32, to copy: Int32, target: String) throws(StoreError) {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = read(source, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .kernel("read", path: path, errno: errno) }
      if count == 0 { return }
      var written = 0
      while written < count {
        let step = buffer[written..<count].withUnsafeBytes { write(copy, $0.baseAddress, $0.count) }
        if step < 0, errno == EINTR { continue }
        guard step > 0 else { throw .kernel("write", path: target, errno: errno) }
        written += step
      }
    }
  }
}
