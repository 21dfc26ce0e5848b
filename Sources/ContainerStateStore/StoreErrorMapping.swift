internal import FileLocking
internal import Glibc
internal import SQLiteStorage
internal import StateModel
internal import JSONText

/// The one place where failures of the layers below become errors of the store.
extension StoreError {
  /// Runs `body`; whatever it throws comes out as a `StoreError` of `operation`.
  static func mapping<R>(_ operation: String, _ body: () throws -> R) throws(StoreError) -> R {
    do { return try body() } catch { throw mapped(error).during(operation) }
  }

  /// Runs `body`; damage that it finds is said to be in the container of this id.
  static func naming<R>(_ id: ContainerID, _ body: () throws -> R) throws -> R {
    do { return try body() } catch {
      let found = mapped(error)
      guard found.code == .corrupt else { throw error }
      throw StoreError(.corrupt, subject: id.rawValue, message: found.message, cause: found.cause)
    }
  }

  static func mapped(_ error: any Error) -> StoreError {
    switch error {
    case let error as StoreError: error
    case let error as StorageError: storage(error)
    case let error as LockError: lock(error)
    case let error as DirectoryError: directory(error)
    case let error as JSONError: .corrupt("stored JSON", "\(error)")
    default: StoreError(.io, subject: "", message: "\(error)")
    }
  }

  /// A failed system call.
  static func kernel(_ call: String, path: String, errno: Int32) -> StoreError {
    let cause = "\(call): \(String(cString: strerror(errno)))"
    switch errno {
    case ENOSPC, EDQUOT, EFBIG:
      return StoreError(
        .outOfSpace, subject: path, message: "the disk or a quota is full; make room and repeat", cause: cause
      )
    case EROFS:
      return StoreError(
        .readOnly, subject: path, message: "the file system is mounted read-only; mount it writable",
        cause: cause)
    case EACCES, EPERM:
      return StoreError(
        .unsafePermissions, subject: path, message: "access is denied; run as the store's owner", cause: cause
      )
    case ELOOP:
      return StoreError(
        .unsafePermissions, subject: path,
        message: "a symbolic link is where a file of the store belongs; remove it",
        cause: cause)
    case EMFILE, ENFILE:
      return StoreError(
        .io, subject: path, message: "no file descriptor is left; close some or raise the limit", cause: cause
      )
    case ENOLCK, ENOMEM:
      return StoreError(
        .io, subject: path, message: "the kernel is out of memory or locks; repeat", cause: cause)
    case ENOENT, ENOTDIR:
      return StoreError(
        .storeReplaced, subject: path, message: "a directory of the store is gone; open the store again",
        cause: cause)
    default:
      return StoreError(
        .io, subject: path, message: "the system call failed; see the kernel log", cause: cause)
    }
  }
}

// MARK: - SQLite

extension StoreError {
  private static func storage(_ error: StorageError) -> StoreError {
    let cause = storageCause(error)
    func make(_ code: Code, _ message: String) -> StoreError {
      StoreError(code, subject: error.path, message: message, cause: cause)
    }
    switch error.code {
    case .closed: return .closed(error.path)
    case .usedAfterFork: return .usedAfterFork(error.path)
    case .replaced, .missing: return .storeReplaced(error.path)
    case .orphaned:
      return make(
        .storeReplaced,
        "the database that this WAL belongs to is gone; put it back, or remove the WAL and with it the store")
    case .busy:
      return make(.busy, "another program holds SQLite's lock on the database; end it, or wait longer")
    case .outOfSpace:
      return make(.outOfSpace, "the disk or a quota is full, nothing was changed; make room and repeat")
    case .readOnly, .cannotOpen:
      if error.systemErrno == EMFILE || error.systemErrno == ENFILE {
        return .kernel("open", path: error.path, errno: error.systemErrno)
      }
      return error.code == .readOnly
        ? make(
          .readOnly, "the database cannot be written; mount its file system writable and run as its owner")
        : make(.io, "the database or one of its companions cannot be opened")
    case .durabilityUnknown:
      return make(
        .durabilityUnknown,
        "the change is visible but the disk did not confirm it; check the disk, then make it durable"
      )
    case .syncFailedEarlier:
      return make(
        .io,
        "an earlier sync failed and cannot be made up for, so nothing was changed; check the disk and repeat")
    case .corrupt, .schemaMismatch, .unexpectedType, .invalidText:
      return .corrupt(error.path, "the database holds what this program never wrote", cause: cause)
    case .constraint:
      return .corrupt(error.path, "the schema refused a change that its rules allow", cause: cause)
    default: return foreignDatabase(error, make)
    }
  }

  private static func foreignDatabase(
    _ error: StorageError, _ make: (Code, String) -> StoreError
  ) -> StoreError {
    switch error.code {
    case .notADatabase:
      make(.notDatabase, "the file is no SQLite database; move it away or choose another store")
    case .wrongApplicationID:
      make(.notDatabase, "the file is a database of another application; choose another store")
    case .schemaTooNew(let found, let known):
      make(
        .schemaTooNew, "it has schema version \(found) and this program knows \(known); use a newer program")
    case .schemaTooOld(let found, let oldest):
      make(
        .schemaTooOld, "it has schema version \(found) and the oldest usable is \(oldest); migrate it first")
    case .notWriteAheadLog:
      make(
        .notDatabase, "its journal mode is not WAL: another program changed it; set PRAGMA journal_mode=WAL")
    case .unsafeFile:
      make(
        .unsafePermissions,
        "it is not a regular file of this user with one link that no other user can write to; "
          + "restore its owner and mode, or remove links")
    case .incomplete: make(.io, "its creation has not ended; open the store again")
    case .tooBig: make(.invalidArgument, "a value is larger than the store accepts")
    case .outOfMemory: make(.io, "memory is exhausted")
    default: make(.io, "the database operation failed")
    }
  }

  private static func storageCause(_ error: StorageError) -> String {
    var parts: [String] = []
    if error.extendedCode != 0 { parts.append("SQLite \(error.extendedCode)") }
    if error.systemErrno != 0 { parts.append(String(cString: strerror(error.systemErrno))) }
    if !error.message.isEmpty { parts.append(error.message) }
    return parts.joined(separator: ", ")
  }
}

// MARK: - Locks and directories

extension StoreError {
  private static func lock(_ error: LockError) -> StoreError {
    switch error {
    case .timeout(let path, let holder, let waited):
      return .lockTimeout(
        lockSubject(path), holder: holder.map(StateModel.LockHolder.init),
        waitedNanoseconds: nanoseconds(waited))
    case .wouldDeadlock(let path, let heldPath):
      return .wouldDeadlock(lockSubject(path), held: lockSubject(heldPath))
    case .unsafePath(let path, let reason):
      return StoreError(.unsafePermissions, subject: path, message: reason.finding)
    case .directoryMissing(let path):
      return .kernel("open", path: path, errno: ENOENT)
    case .replaced(let path): return .storeReplaced(path)
    case .usedAfterFork: return .usedAfterFork("lock table")
    case .system(let call, let path, let errno): return .kernel(call, path: path, errno: errno)
    }
  }

  /// A lockfile's path as what it belongs to, any other path as it is.
  private static func lockSubject(_ path: String) -> String {
    let fileName = path.split(separator: "/").last.map(String.init) ?? path
    return LockFileName.owner(of: fileName)?.text ?? path
  }

  fileprivate static func nanoseconds(_ duration: Duration) -> UInt64 {
    let (seconds, attoseconds) = duration.components
    return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000
  }
}

extension StateModel.LockHolder {
  /// The same holder in the store's own terms.
  init(_ holder: FileLocking.LockHolder) {
    self.init(
      pid: holder.process.pid, startTime: holder.process.startTime, command: printable(holder.command),
      operation: printable(holder.operation), ageNanoseconds: holder.age.map(StoreError.nanoseconds))
  }
}

extension StoreError {
  private static func directory(_ error: DirectoryError) -> StoreError {
    func unsafe(_ message: String) -> StoreError {
      StoreError(.unsafePermissions, subject: error.path, message: message)
    }
    switch error.reason {
    case .missing: return .kernel("open", path: error.path, errno: ENOENT)
    case .notDirectory: return unsafe("it is no directory; remove what is there, or choose another place")
    case .foreignOwner(let userID):
      return unsafe("it belongs to user \(userID); run as that user, or choose another place")
    case .writableByOthers(let mode):
      return unsafe(
        "others may write in it (mode \(String(mode, radix: 8))); chmod go-w it after a look at what is there"
      )
    case .unsafeFile(let reason): return unsafe(reason.finding)
    case .unfitFileSystem(let name):
      return StoreError(
        .unsafeFilesystem, subject: error.path,
        message:
          "\(name) does not keep locks and shared memory as a store needs them; use a local file system")
    case .system(let call, let errno): return .kernel(call, path: error.path, errno: errno)
    }
  }
}

extension UnsafePathReason {
  /// What is wrong with the file, and what to do.
  fileprivate var finding: String {
    switch self {
    case .symbolicLink: Self.misplaced("a symbolic link")
    case .directory: Self.misplaced("a directory")
    case .fifo: Self.misplaced("a FIFO")
    case .socket: Self.misplaced("a socket")
    case .device: Self.misplaced("a device")
    case .foreignOwner(let userID):
      "this file of the store belongs to the user with the id \(userID); see who put it there, and remove it"
    case .writableByOthers(let mode):
      "others may write to this file of the store (mode \(String(mode, radix: 8))); chmod go-w"
    case .severalLinks(let count):
      "this file of the store has \(count) names; see who made the others, and remove them"
    }
  }

  private static func misplaced(_ kind: String) -> String {
    "\(kind) is where a file of the store belongs; see who put it there, and remove it"
  }
}
