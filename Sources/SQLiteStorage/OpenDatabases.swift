internal import CPlatform
internal import Glibc
internal import Platform
internal import Synchronization

/// The databases that this process has open, over all `Database` objects: who uses them, and the guard
/// against stray closes.
///
/// SQLite holds classic record locks, which *any* close of any descriptor of the file drops for the
/// whole process. On the database and its WAL that costs the locks, and the WAL stays
/// (`SQLITE_FCNTL_PERSIST_WAL`). On `-shm` it costs the lock on the dead-man-switch byte that says "the
/// index is in use": the next process to open would truncate the file, and this one would die of SIGBUS.
/// So each process holds that byte once more, by an open-file-description read lock, which only the
/// close of its own descriptor drops.
///
/// DURABILITY D-6: the guard is opened after SQLite's first open and closed after its last close,
/// because its own close is a stray close too.
enum OpenDatabases {
  private struct Entry {
    var users = 1
    var guardDescriptor: Int32 = -1
    /// The `-shm` that SQLite has open here, as long as anybody uses the database.
    var guardIdentity: FileIdentity?
    let owner = ForkDetector()
  }

  private static let entries = Mutex<[FileIdentity: Entry]>([:])

  /// Counts a user in, before SQLite opens anything.
  ///
  /// - Throws: `usedAfterFork` when this process inherited the database open: SQLite's own list of open files
  ///   came along, and says that locks are held which a child does not have.
  static func enter(_ identity: FileIdentity, path: String) throws(StorageError) {
    let isOurs = entries.withLock { entries in
      guard let entry = entries[identity] else {
        entries[identity] = Entry()
        return true
      }
      guard entry.owner.isSameProcess else { return false }
      entries[identity]?.users += 1
      return true
    }
    guard isOurs else { throw .usedAfterFork(path) }
  }

  /// Takes the guard if this process does not have it yet.
  ///
  /// SQLite must have made and opened `-shm`.
  ///
  /// - Returns: which file that is.
  static func guardSharedMemory(
    _ identity: FileIdentity, path: String
  ) throws(StorageError) -> FileIdentity {
    try entries.withLock { entries throws(StorageError) in
      guard var entry = entries[identity] else { preconditionFailure("a user that was not counted in") }
      defer { entries[identity] = entry }
      if let found = entry.guardIdentity { return found }
      if entry.guardDescriptor < 0 {
        entry.guardDescriptor = uninterrupted { open(path + "-shm", O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
      }
      guard entry.guardDescriptor >= 0 else {
        throw StorageError(.cannotOpen, path: path + "-shm", message: "cannot be guarded", systemErrno: errno)
      }
      // Kept even when locking fails: closing it now would be the stray close it is here to survive.
      var status = platform_file_status()
      guard SharedMemoryLock.hold(entry.guardDescriptor),
        platform_look_at_descriptor(entry.guardDescriptor, &status) == 0
      else {
        throw StorageError(.io, path: path + "-shm", message: "cannot be guarded", systemErrno: errno)
      }
      let found = FileIdentity(status)
      entry.guardIdentity = found
      return found
    }
  }

  /// Counts a user out, after its last connection is closed.
  static func leave(_ identity: FileIdentity) {
    entries.withLock { entries in
      guard var entry = entries[identity] else { return }
      entry.users -= 1
      entries[identity] = entry.users > 0 ? entry : nil
      guard entry.users == 0, entry.guardDescriptor >= 0 else { return }
      // A forked child shares this open file description and would keep the lock alive.
      SharedMemoryLock.release(entry.guardDescriptor)
      close(entry.guardDescriptor)
    }
  }

  /// Whether anything in this process has the database open.
  static func isOpenHere(_ identity: FileIdentity) -> Bool { entries.withLock { $0[identity] != nil } }

  /// True when anything else, here or in another process, has the database open; nil when that cannot be
  /// told.
  ///
  /// Asks the kernel who would be in the way of a write lock on the dead-man-switch byte. Its answer
  /// names one holder, so this process's guard steps aside for the question; SQLite's own lock on the
  /// byte stays. The alternative, `/proc/locks`, costs a line for every lock of the machine and is blind
  /// to other pid namespaces.
  static func isOpenElsewhere(_ identity: FileIdentity) -> Bool? {
    entries.withLock { entries in
      guard let entry = entries[identity], entry.guardDescriptor >= 0 else { return nil }
      guard entry.users == 1 else { return true }
      SharedMemoryLock.release(entry.guardDescriptor)
      defer { _ = SharedMemoryLock.hold(entry.guardDescriptor) }
      return SharedMemoryLock.isHeldByOthers(entry.guardDescriptor)
    }
  }
}

/// The dead-man-switch byte of `-shm`.
///
/// Source: https://sqlite.org/walformat.html#wal_locks, `os_unix.c` (`UNIX_SHM_DMS`), fcntl(2).
enum SharedMemoryLock {
  /// `F_OFD_SETLK` of `linux/fcntl.h`, which the Glibc module does not export.
  private static let setOpenFileDescriptionLock: Int32 = 37

  static func hold(_ descriptor: Int32) -> Bool { set(Int16(F_RDLCK), descriptor) }

  /// Keeps everybody from opening the database; false where somebody has it open.
  static func holdAlone(_ descriptor: Int32) -> Bool { set(Int16(F_WRLCK), descriptor) }

  static func release(_ descriptor: Int32) { _ = set(Int16(F_UNLCK), descriptor) }

  static func isHeldByOthers(_ descriptor: Int32) -> Bool? {
    var lock = request(Int16(F_WRLCK))
    guard fcntl(descriptor, F_GETLK, &lock) == 0 else { return nil }
    return lock.l_type != Int16(F_UNLCK)
  }

  private static func set(_ type: Int16, _ descriptor: Int32) -> Bool {
    var lock = request(type)
    return fcntl(descriptor, setOpenFileDescriptionLock, &lock) == 0
  }

  private static func request(_ type: Int16) -> flock {
    var lock = flock()
    lock.l_type = type
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = off_t(LockedByte.deadManSwitch)
    lock.l_len = 1
    return lock
  }
}
