internal import CSQLite
internal import Glibc

/// Why a storage operation failed: a code to match on, SQLite's and the kernel's own numbers, and a sentence
/// without any bound value.
package struct StorageError: Error, Sendable {
  /// What happened, in the terms of this layer.
  package enum Code: Sendable, Equatable {
    /// A foreign program held SQLite's lock until the deadline, or recovery of the WAL did.
    case busy
    /// The disk, the quota or the largest file size is exhausted.
    ///
    /// Nothing was changed.
    case outOfSpace
    /// The kernel reported an error; see `systemErrno`.
    case io
    /// The file, its directory or the file system cannot be written.
    case readOnly
    /// The bytes are damaged: SQLite found a malformed page, or the file is shorter than it says.
    case corrupt
    /// The file is not an SQLite database.
    case notADatabase
    /// A database of another application.
    case wrongApplicationID(found: Int32)
    /// Written by a newer version of the program than this one.
    case schemaTooNew(found: Int32, known: Int32)
    /// Older than what may be used without a migration.
    case schemaTooOld(found: Int32, oldest: Int32)
    /// There is no file at the path.
    case missing
    /// The file is there, its creation was not finished: take the gate and call `Database.create`.
    case incomplete
    /// A WAL lies there without its database.
    case orphaned
    /// The database is not in WAL mode: another program changed its journal mode.
    case notWriteAheadLog
    /// Not a regular file of ours with one link.
    case unsafeFile
    /// The path names another file than the one that is open, or none.
    case replaced
    /// A rule of the schema refused the change.
    case constraint(Constraint)
    /// The database was closed.
    case closed
    /// The change was committed and others see it; whether it survives a power loss is unknown.
    case durabilityUnknown
    /// An earlier sync failed, so this handle acknowledges nothing durable until it is opened again.
    ///
    /// Nothing was changed.
    case syncFailedEarlier
    /// The database was opened before a fork and used in the child.
    case usedAfterFork
    /// The file or one of its companions cannot be opened; see `systemErrno`.
    case cannotOpen
    /// A table or column that the statement names is not there.
    case schemaMismatch
    /// A column holds another storage class than its reader can accept.
    case unexpectedType(column: Int32)
    /// A column's text is not valid UTF-8.
    case invalidText(column: Int32)
    case outOfMemory
    /// A value or a row passes the limit on lengths.
    case tooBig
    /// SQLite refused the statement for a reason that is none of the above.
    case refused
  }

  /// The kind of rule that a change would have broken.
  package enum Constraint: Sendable, Equatable {
    case primaryKey, unique, foreignKey, check, notNull, dataType, other
  }

  package let code: Code
  /// SQLite's extended result code; 0 when SQLite was not involved.
  package let extendedCode: Int32
  /// `errno` behind the failure; 0 when there is none.
  package let systemErrno: Int32
  /// What SQLite or this layer says about it.
  ///
  /// No bound value is ever part of it.
  package let message: String
  package let path: String

  init(_ code: Code, path: String, message: String, extendedCode: Int32 = 0, systemErrno: Int32 = 0) {
    self.code = code
    self.extendedCode = extendedCode
    self.systemErrno = systemErrno
    self.message = message
    self.path = path
  }

  /// The error that the connection has just reported.
  init(extendedCode: Int32, connection: OpaquePointer?, path: String) {
    var systemErrno = connection.map { sqlite3_system_errno($0) } ?? 0
    // A read that the kernel failed says nothing about what is stored: who skips damage must not skip this.
    var isUnreadable = extendedCode == ExtendedCode.corruptFileSystem
    if extendedCode & 0xff == SQLITE_CORRUPT, let connection {
      let found = csqlite_damage_errno(connection)
      if found != 0 { (systemErrno, isUnreadable) = (found, true) }
    }
    let message =
      connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(extendedCode))
    self.init(
      isUnreadable ? .io : Code(extendedCode: extendedCode, systemErrno: systemErrno), path: path,
      message: message, extendedCode: extendedCode, systemErrno: systemErrno)
  }

  /// Throws what a failpoint is to fail with; 0 is nothing.
  package static func check(planted errno: Int32, path: String) throws(StorageError) {
    guard errno != 0 else { return }
    let code = Code(extendedCode: SQLITE_IOERR, systemErrno: errno)
    throw StorageError(code, path: path, message: "planted by a failpoint", systemErrno: errno)
  }

  /// True when a sync failed, after which the kernel may have dropped the pages it could not write.
  var isFailedSync: Bool {
    extendedCode == ExtendedCode.failedSync || extendedCode == ExtendedCode.failedDirectorySync
  }
}

extension StorageError.Code {
  /// The one table from SQLite's result codes and errno to ours.
  ///
  /// Source: https://sqlite.org/rescode.html
  init(extendedCode: Int32, systemErrno: Int32) {
    switch extendedCode {
    case ExtendedCode.movedDatabase: self = .replaced
    case ExtendedCode.shortRead: self = .corrupt
    default: self = Self.fromPrimary(extendedCode, systemErrno: systemErrno)
    }
  }

  private static func fromPrimary(_ extendedCode: Int32, systemErrno: Int32) -> Self {
    switch extendedCode & 0xff {
    case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL: .busy
    case SQLITE_FULL: .outOfSpace
    case SQLITE_IOERR: [ENOSPC, EDQUOT, EFBIG].contains(systemErrno) ? .outOfSpace : .io
    case SQLITE_READONLY: .readOnly
    case SQLITE_CANTOPEN: [EROFS, EACCES].contains(systemErrno) ? .readOnly : .cannotOpen
    case SQLITE_PERM: .readOnly
    case SQLITE_CORRUPT: .corrupt
    case SQLITE_NOTADB: .notADatabase
    case SQLITE_CONSTRAINT: .constraint(StorageError.Constraint(extendedCode: extendedCode))
    case SQLITE_NOMEM: .outOfMemory
    case SQLITE_TOOBIG: .tooBig
    case SQLITE_SCHEMA: .schemaMismatch
    default: .refused
    }
  }
}

extension StorageError.Constraint {
  init(extendedCode: Int32) {
    switch extendedCode >> 8 {
    case 1: self = .check
    case 3: self = .foreignKey
    case 5: self = .notNull
    case 6, 10: self = .primaryKey
    case 8: self = .unique
    case 12: self = .dataType
    default: self = .other
    }
  }
}

/// Extended result codes, which are C expressions that Swift does not import.
enum ExtendedCode {
  static let shortRead = SQLITE_IOERR | 2 << 8
  static let failedSync = SQLITE_IOERR | 4 << 8
  static let failedDirectorySync = SQLITE_IOERR | 5 << 8
  static let corruptFileSystem = SQLITE_IOERR | 33 << 8
  static let movedDatabase = SQLITE_READONLY | 4 << 8
}
