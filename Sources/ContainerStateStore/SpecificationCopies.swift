internal import Glibc
internal import Platform
internal import StateModel

/// The files that hold copies of the OCI specifications for the runtimes that read them.
///
/// The database is the truth. A copy is written under a temporary name before the commit and renamed after
/// it, while the container's lock is still held, without a sync: what a crash leaves is missing, older or a
/// temporary file, and each of these is found by comparing before the copy is used (INVARIANT I-17).
struct SpecificationCopies: Sendable {
  let directory: String

  static let suffix = ".json"
  /// Temporary names begin with a dot, which no id does.
  static let temporaryPrefix = "."

  func path(of id: ContainerID) -> String { directory + "/" + id.rawValue + Self.suffix }

  /// Writes a copy under a temporary name; `publish` puts it in its place.
  func prepare(_ json: [UInt8], for id: ContainerID) throws(StoreError) -> PreparedCopy {
    let temporary = "\(directory)/\(Self.temporaryPrefix)\(id.rawValue).\(getpid()).\(pthread_self())"
    try Self.write(json, to: temporary, inside: directory)
    // FAILPOINT specification.written: the temporary file is whole, the row not yet written.
    failpoint("specification.written")
    return PreparedCopy(temporary: temporary, path: path(of: id))
  }

  /// The path of a copy whose bytes are `json`; written anew where it is missing or differs.
  func verifiedPath(of id: ContainerID, json: [UInt8]) throws(StoreError) -> String {
    let path = path(of: id)
    if Self.holds(json, at: path) { return path }
    let copy = try prepare(json, for: id)
    defer { copy.discard() }
    guard copy.publish() else { throw StoreError.kernel("rename", path: path, errno: errno) }
    return path
  }

  /// Removes the copy, if there is one.
  ///
  /// One that stays is an orphan that recovery reaps.
  func remove(_ id: ContainerID) {
    // FAILPOINT specification.removing: the row is gone, its copy is not.
    guard failpointErrno("specification.removing") == 0 else { return }
    unlink(path(of: id))
    // FAILPOINT specification.removed: row and copy are gone, the lockfile is not.
    failpoint("specification.removed")
  }

  /// The container that a file of the directory belongs to; nil for a file that is none of ours.
  static func owner(ofFile name: String) -> ContainerID? {
    if name.hasPrefix(temporaryPrefix) {
      // `.ID.PID.THREAD`
      let parts = name.dropFirst(temporaryPrefix.count).split(
        separator: ".", omittingEmptySubsequences: false)
      guard parts.count > 2, parts.suffix(2).allSatisfy({ UInt64($0) != nil }) else { return nil }
      return try? ContainerID(parts.dropLast(2).joined(separator: "."))
    }
    guard name.hasSuffix(suffix) else { return nil }
    return try? ContainerID(String(name.dropLast(suffix.count)))
  }

  private static func holds(_ json: [UInt8], at path: String) -> Bool {
    let descriptor = uninterrupted { open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
    guard descriptor >= 0 else { return false }
    defer { Glibc.close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size == json.count
    else {
      return false
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: json.count) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      while count < json.count {
        let read = Glibc.read(descriptor, start + count, json.count - count)
        if read < 0 && errno == EINTR { continue }
        guard read > 0 else { return }
        count += read
      }
    }
    return bytes == json
  }

  private static func write(_ bytes: [UInt8], to path: String, inside directory: String) throws(StoreError) {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
    var descriptor = uninterrupted { open(path, flags, 0o600) }
    if descriptor < 0 && errno == EEXIST {
      // Left by a process of the same pid that died: whoever holds the container's lock may replace it.
      unlink(path)
      descriptor = uninterrupted { open(path, flags, 0o600) }
    } else if descriptor < 0 && errno == ENOENT {
      // The directory was removed under us: the copies are rebuilt one by one.
      if mkdir(directory, 0o700) == 0 { chmod(directory, 0o700) }
      descriptor = uninterrupted { open(path, flags, 0o600) }
    }
    guard descriptor >= 0 else { throw .kernel("open", path: path, errno: errno) }
    // A umask may have taken the owner's bits.
    var failure: Int32 = fchmod(descriptor, 0o600) == 0 ? 0 : errno
    // FAILPOINT specification.opened: the temporary file is there and empty.
    if failure == 0 { failure = failpointErrno("specification.opened") }
    var written = 0
    while written < bytes.count && failure == 0 {
      let count = bytes.withUnsafeBytes {
        let rest = UnsafeRawBufferPointer(rebasing: $0[written...])
        return Glibc.write(descriptor, rest.baseAddress, rest.count)
      }
      if count >= 0 { written += count } else if errno != EINTR { failure = errno }
    }
    if Glibc.close(descriptor) != 0 && failure == 0 && errno != EINTR { failure = errno }
    guard failure == 0 else {
      unlink(path)
      throw .kernel("write", path: path, errno: failure)
    }
  }
}

/// A copy under its temporary name.
struct PreparedCopy {
  fileprivate let temporary: String
  fileprivate let path: String

  /// Puts the copy in its place.
  ///
  /// - Returns: whether that could be done; where not, the next access rebuilds it.
  @discardableResult
  func publish() -> Bool {
    // FAILPOINT specification.renaming: the row is committed, its copy is under its temporary name.
    errno = failpointErrno("specification.renaming")
    guard errno == 0, rename(temporary, path) == 0 else { return false }
    // FAILPOINT specification.renamed: the copy is in its place.
    failpoint("specification.renamed")
    return true
  }

  /// Removes the temporary file, where it is still there.
  func discard() { unlink(temporary) }
}
