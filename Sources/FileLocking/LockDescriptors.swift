import CPlatform
import Glibc
import Platform
import Synchronization

/// The one table, by device and inode, of the lockfiles this process has open.
///
/// PROTOCOL L-3: closing *any* descriptor of a file drops the process's record locks on it, so a
/// descriptor is opened only on a miss under the mutex, a second one of the same file is parked, and
/// both are closed only when nobody uses the entry.
final class LockDescriptors: Sendable {
  /// How many unused lockfiles stay open, so that locking them again costs no open and no close.
  static let idleLimit = 64

  private struct State {
    var entries = LockEntries(capacity: idleLimit * 2)
    /// Opened, and then the kernel would not say which file it is.
    var unidentified: [Int32] = []
    /// Further descriptors of files that are in use.
    var parked: [FileIdentity: [Int32]] = [:]
  }

  private let state = Guarded(State())

  /// The entry of the file at the path; every check-out needs one `checkIn`.
  ///
  /// Nil when nothing is at the path and nothing was to be created.
  func checkOut(path: String, creates: Bool) throws(LockError) -> LockEntry? {
    var isMarked = false
    return try checkOut(path: path, creates: creates, isMarked: &isMarked)
  }

  /// As above; says also whether somebody may be waiting for the lock (L-18), which costs no further look.
  func checkOut(path: String, creates: Bool, isMarked: inout Bool) throws(LockError) -> LockEntry? {
    isMarked = false
    guard let status = try FileStatus.of(path: path) else {
      return creates ? try checkOutByOpening(path: path, creates: true) : nil
    }
    isMarked = status.size == LockEntry.markedSize
    return try state.withLock { (state) throws(LockError) -> LockEntry? in
      let found = state.entries.entry(of: FileIdentity(status))
      let ownerID = found?.ownerID ?? geteuid()
      if let reason = FileStatus.reasonAgainst(status, ownerID: ownerID) {
        throw .unsafePath(path: path, reason: reason)
      }
      guard let found else {
        return try Self.checkOutByOpening(path: path, creates: creates, ownerID: ownerID, in: &state)
      }
      state.entries.use(found)
      Self.repairMode(status, descriptor: found.descriptor)
      return found
    }
  }

  /// A check-out that did not find the file in the table: opened under the mutex and looked for again.
  func checkOutByOpening(path: String, creates: Bool) throws(LockError) -> LockEntry? {
    let ownerID = geteuid()
    return try state.withLock { (state) throws(LockError) -> LockEntry? in
      try Self.checkOutByOpening(path: path, creates: creates, ownerID: ownerID, in: &state)
    }
  }

  /// One more user of an entry that has one already.
  func checkOutAgain(_ entry: LockEntry) {
    state.withLock { $0.entries.use(entry) }
  }

  /// Ends one use; `discards` closes the file with its last use instead of keeping it open.
  func checkIn(_ entry: LockEntry, discards: Bool = false) {
    state.withLock { state in
      if discards { state.entries.discard(entry) }
      guard state.entries.endUse(of: entry) else { return }
      if state.entries.isDiscarded(entry) { return Self.close(entry, in: &state) }
      Self.closeParked(entry.identity, in: &state)
      if state.entries.idleCount > Self.idleLimit, let longest = state.entries.longestUnused {
        Self.close(longest, in: &state)
      }
    }
  }

  /// How many lockfiles are open, and how many of them are unused.
  var counts: (open: Int, idle: Int) {
    state.withLock { ($0.entries.count, $0.entries.idleCount) }
  }

  private static func checkOutByOpening(
    path: String, creates: Bool, ownerID: UInt32, in state: inout State
  ) throws(LockError) -> LockEntry? {
    if !state.unidentified.isEmpty { sortUnidentified(&state) }
    guard let descriptor = try openDescriptor(path: path, creates: creates, in: &state) else { return nil }
    // FAILPOINT lock.opened: the lockfile is there, perhaps just made, and nobody has asked for its lock.
    failpoint("lock.opened")
    let status: platform_file_status
    do throws(LockError) {
      status = try FileStatus.of(descriptor: descriptor, path: path)
    } catch {
      // It may be a second one of a file that is locked.
      state.unidentified.append(descriptor)
      throw error
    }
    let identity = FileIdentity(status)
    let reason = FileStatus.reasonAgainst(status, ownerID: ownerID)
    // Another thread or another path came first: closing this descriptor would drop that entry's lock.
    if let entry = state.entries.entry(of: identity) {
      park(descriptor, with: entry, in: &state)
      if let reason { throw .unsafePath(path: path, reason: reason) }
      state.entries.use(entry)
      return entry
    }
    if let reason {
      _ = Glibc.close(descriptor)
      throw .unsafePath(path: path, reason: reason)
    }
    repairMode(status, descriptor: descriptor)
    return state.entries.add(OpenLockfile(identity: identity, descriptor: descriptor, ownerID: ownerID))
  }

  /// Closes what could not be identified before, or parks it with its file.
  private static func sortUnidentified(_ state: inout State) {
    let descriptors = state.unidentified
    state.unidentified.removeAll()
    for descriptor in descriptors {
      var status = platform_file_status()
      guard platform_look_at_descriptor(descriptor, &status) == 0 else {
        state.unidentified.append(descriptor)
        continue
      }
      guard let entry = state.entries.entry(of: FileIdentity(status)) else {
        _ = Glibc.close(descriptor)
        continue
      }
      park(descriptor, with: entry, in: &state)
    }
  }

  private static func openDescriptor(
    path: String, creates: Bool, in state: inout State
  ) throws(LockError) -> Int32? {
    // PROTOCOL L-9: neither follows a link nor blocks on a FIFO.
    let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (creates ? O_CREAT : 0)
    // A string passed as it is would be copied to the heap first.
    func open() -> Int32 { path.withCString { path in uninterrupted { Glibc.open(path, flags, 0o600) } } }
    var descriptor = open()
    if descriptor < 0, errno == EMFILE || errno == ENFILE, state.entries.idleCount > 0 {
      while let shortest = state.entries.shortestUnused { close(shortest, in: &state) }
      descriptor = open()
    }
    if descriptor >= 0 { return descriptor }
    switch errno {
    case ELOOP: throw .unsafePath(path: path, reason: .symbolicLink)
    case EISDIR: throw .unsafePath(path: path, reason: .directory)
    case ENXIO: throw .unsafePath(path: path, reason: .socket)
    case ENOENT where !creates: return nil
    case ENOENT: throw .directoryMissing(path: path)
    case let code: throw .system(call: "open", path: path, errno: code)
    }
  }

  /// A umask that takes the owner's bits, or a file made readable later: 0600 again.
  private static func repairMode(_ status: platform_file_status, descriptor: Int32) {
    if status.mode & 0o7777 != 0o600 { _ = fchmod(descriptor, 0o600) }
  }

  private static func close(_ entry: LockEntry, in state: inout State) {
    let file = entry.file
    state.entries.remove(entry)
    closeParked(file.identity, in: &state)
    _ = Glibc.close(file.descriptor)
  }

  /// Keeps a further descriptor of a file until its entry has no user.
  private static func park(_ descriptor: Int32, with entry: LockEntry, in state: inout State) {
    if state.entries.isUsed(entry) {
      state.parked[entry.identity, default: []].append(descriptor)
    } else {
      _ = Glibc.close(descriptor)
    }
  }

  private static func closeParked(_ identity: FileIdentity, in state: inout State) {
    guard !state.parked.isEmpty else { return }
    for descriptor in state.parked.removeValue(forKey: identity) ?? [] { _ = Glibc.close(descriptor) }
  }
}
