internal import CSQLite
internal import Glibc

/// A prepared statement lent for one use: bind, step, read columns.
///
/// Its end resets it, clears its values and gives it back, so no statement stays busy and no value stays
/// bound.
///
/// Positions of parameters count from 1, columns from 0; one that does not exist is a programmer error
/// and traps.
package struct Statement: ~Copyable {
  private let entry: CachedStatement

  init(_ entry: CachedStatement) {
    entry.isLent = true
    self.entry = entry
  }

  deinit { entry.giveBack() }

  /// Moves to the next row; false when there is none.
  ///
  /// - Throws: `busy`, `constraint`, `corrupt`, `schemaTooNew`, and what the kernel reports.
  package borrowing func step() throws(StorageError) -> Bool {
    let code = sqlite3_step(entry.handle)
    guard code == SQLITE_ROW || code == SQLITE_DONE else { throw entry.connection.error(code) }
    if !entry.hasStepped {
      entry.hasStepped = true
      try entry.connection.checkVersion(afterFirstStepOf: entry.handle)
    }
    return code == SQLITE_ROW
  }

  /// Runs a statement that yields no row; one that does is a programmer error and traps.
  ///
  /// - Throws: as `step`.
  package borrowing func run() throws(StorageError) {
    let hasRow = try step()
    precondition(!hasRow, "this statement yields rows")
  }

  /// Makes it ready to be bound and run again.
  ///
  /// Values stay bound.
  package borrowing func reset() { sqlite3_reset(entry.handle) }
}

// MARK: - Binding

extension Statement {
  /// - Throws: `outOfMemory`, `tooBig`; the same for every kind of value.
  package borrowing func bind(_ position: Int32, _ value: Int64) throws(StorageError) {
    try check(sqlite3_bind_int64(entry.handle, position, value))
  }

  package borrowing func bind(_ position: Int32, _ value: Int64?) throws(StorageError) {
    if let value { try bind(position, value) } else { try bindNull(position) }
  }

  package borrowing func bind(_ position: Int32, _ value: Bool) throws(StorageError) {
    try bind(position, value ? 1 as Int64 : 0)
  }

  package borrowing func bind(_ position: Int32, _ value: String) throws(StorageError) {
    // An empty text needs no copy, which SQLite would allocate.
    if value.isEmpty { return try bind(position, literal: "") }
    // Copied by SQLite (50 ns): a String lends its bytes for the length of a closure only.
    var value = value
    try check(
      value.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) {
          csqlite_bind_text_copy(entry.handle, position, $0.baseAddress, Int32(clamping: $0.count))
        }
      })
  }

  package borrowing func bind(_ position: Int32, _ value: String?) throws(StorageError) {
    if let value { try bind(position, value) } else { try bindNull(position) }
  }

  /// Binds a literal without copying it.
  package borrowing func bind(_ position: Int32, literal value: StaticString) throws(StorageError) {
    let text = UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount)
    try check(
      text.withMemoryRebound(to: CChar.self) {
        csqlite_bind_text_static(entry.handle, position, $0.baseAddress, Int32($0.count))
      })
  }

  package borrowing func bind(_ position: Int32, _ value: [UInt8]) throws(StorageError) {
    try check(
      value.withUnsafeBytes {
        csqlite_bind_blob_copy(entry.handle, position, $0.baseAddress, Int32(clamping: $0.count))
      })
  }

  package borrowing func bind(_ position: Int32, _ value: [UInt8]?) throws(StorageError) {
    if let value { try bind(position, value) } else { try bindNull(position) }
  }

  package borrowing func bindNull(_ position: Int32) throws(StorageError) {
    try check(sqlite3_bind_null(entry.handle, position))
  }

  private borrowing func check(_ code: Int32) throws(StorageError) {
    guard code != SQLITE_OK else { return }
    precondition(code & 0xff != SQLITE_RANGE, "no such parameter")
    precondition(code & 0xff != SQLITE_MISUSE, "bound while running")
    throw entry.connection.error(code)
  }
}

// MARK: - Columns

extension Statement {
  /// - Throws: `unexpectedType` unless the column holds an integer.
  package borrowing func int64(_ column: Int32) throws(StorageError) -> Int64 {
    let value = value(column)
    guard sqlite3_value_type(value) == SQLITE_INTEGER else { throw unexpectedType(column) }
    return sqlite3_value_int64(value)
  }

  /// - Throws: `unexpectedType` unless the column holds an integer of 32 bits.
  package borrowing func int32(_ column: Int32) throws(StorageError) -> Int32 {
    guard let value = Int32(exactly: try int64(column)) else { throw unexpectedType(column) }
    return value
  }

  /// - Throws: `unexpectedType` unless the column holds 0 or 1.
  package borrowing func bool(_ column: Int32) throws(StorageError) -> Bool {
    let value = try int64(column)
    guard value == 0 || value == 1 else { throw unexpectedType(column) }
    return value == 1
  }

  /// - Throws: `unexpectedType` unless the column holds text; `invalidText` unless that is UTF-8.
  package borrowing func string(_ column: Int32) throws(StorageError) -> String {
    let value = value(column)
    guard sqlite3_value_type(value) == SQLITE_TEXT else { throw unexpectedType(column) }
    // Of the column, which says so where there is no memory to end it with a NUL.
    let start = sqlite3_column_text(entry.handle, column)
    let count = Int(sqlite3_value_bytes(value))
    guard let start, let text = Self.validated(start, count: count) else {
      throw StorageError(
        .invalidText(column: column), path: entry.connection.path, message: "not valid UTF-8")
    }
    return text
  }

  /// Makes `text` the column's text; nothing is allocated where it is that already.
  ///
  /// - Throws: as `string`.
  package borrowing func string(_ column: Int32, into text: inout String) throws(StorageError) {
    let value = value(column)
    guard sqlite3_value_type(value) == SQLITE_TEXT else { throw unexpectedType(column) }
    let start = sqlite3_column_text(entry.handle, column)
    let count = Int(sqlite3_value_bytes(value))
    let isSame = text.utf8.withContiguousStorageIfAvailable { bytes in
      guard let start, let held = bytes.baseAddress, bytes.count == count else { return false }
      return memcmp(held, start, count) == 0
    }
    if isSame != true { text = try string(column) }
  }

  /// The bytes as a String, or nil when they are not UTF-8.
  @inline(__always)
  private static func validated(_ start: UnsafePointer<UInt8>, count: Int) -> String? {
    if count == 0 { return "" }
    // SQLite ends text with a NUL. The C-string form is four times as fast as the other, but ends at a
    // NUL inside.
    let text = start.withMemoryRebound(to: CChar.self, capacity: count + 1) { String(validatingCString: $0) }
    if let text, text.utf8.count == count { return text }
    return String(validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  /// The text of a column that may be NULL.
  ///
  /// - Throws: as `string`.
  package borrowing func optionalString(_ column: Int32) throws(StorageError) -> String? {
    isNull(column) ? nil : try string(column)
  }

  /// The integer of a column that may be NULL.
  ///
  /// - Throws: as `int64`.
  package borrowing func optionalInt64(_ column: Int32) throws(StorageError) -> Int64? {
    let value = value(column)
    switch sqlite3_value_type(value) {
    case SQLITE_INTEGER: return sqlite3_value_int64(value)
    case SQLITE_NULL: return nil
    default: throw unexpectedType(column)
    }
  }

  /// The integer of 32 bits of a column that may be NULL.
  ///
  /// - Throws: as `int32`.
  package borrowing func optionalInt32(_ column: Int32) throws(StorageError) -> Int32? {
    guard let wide = try optionalInt64(column) else { return nil }
    guard let value = Int32(exactly: wide) else { throw unexpectedType(column) }
    return value
  }

  /// A copy of the column's bytes.
  ///
  /// - Throws: `unexpectedType` unless the column holds a blob.
  package borrowing func bytes(_ column: Int32) throws(StorageError) -> [UInt8] {
    try withBytes(column) { [UInt8]($0) }
  }

  /// A copy of the bytes of a column that may be NULL.
  ///
  /// - Throws: as `bytes`.
  package borrowing func optionalBytes(_ column: Int32) throws(StorageError) -> [UInt8]? {
    let value = value(column)
    return sqlite3_value_type(value) == SQLITE_NULL ? nil : try withBytes(of: value, column) { [UInt8]($0) }
  }

  /// Lends the column's bytes, blob or text, without a copy; they are valid inside the body only.
  ///
  /// - Throws: `unexpectedType` unless the column holds a blob or text.
  package borrowing func withBytes<R>(
    _ column: Int32, _ body: (UnsafeRawBufferPointer) -> R
  ) throws(StorageError) -> R {
    try withBytes(of: value(column), column, body)
  }

  private borrowing func withBytes<R>(
    of value: OpaquePointer?, _ column: Int32, _ body: (UnsafeRawBufferPointer) -> R
  ) throws(StorageError) -> R {
    let type = sqlite3_value_type(value)
    guard type == SQLITE_BLOB || type == SQLITE_TEXT else { throw unexpectedType(column) }
    let start = sqlite3_column_blob(entry.handle, column)
    return body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(value))))
  }

  /// Appends the bytes of a column that may be NULL to bytes of the caller's.
  ///
  /// - Throws: as `bytes`.
  package borrowing func appendOptionalBytes(
    _ column: Int32, to bytes: inout [UInt8]
  ) throws(StorageError) {
    if isNull(column) { return }
    try withBytes(column) { bytes.append(contentsOf: $0) }
  }

  /// Appends the column's text, as UTF-8 and checked to be that, to bytes of the caller's.
  ///
  /// - Throws: as `string`.
  package borrowing func appendText(_ column: Int32, to bytes: inout [UInt8]) throws(StorageError) {
    let value = value(column)
    guard sqlite3_value_type(value) == SQLITE_TEXT else { throw unexpectedType(column) }
    let start = sqlite3_column_text(entry.handle, column)
    let text = UnsafeBufferPointer(start: start, count: Int(sqlite3_value_bytes(value)))
    let isASCII = text.reduce(0, |) < 0x80
    guard start != nil, isASCII || String(validating: text, as: UTF8.self) != nil else {
      throw StorageError(
        .invalidText(column: column), path: entry.connection.path, message: "not valid UTF-8")
    }
    bytes.append(contentsOf: text)
  }

  /// How long the column's blob or text is; 0 for NULL.
  package borrowing func byteCount(_ column: Int32) -> Int {
    Int(sqlite3_column_bytes(entry.handle, column))
  }

  package borrowing func isNull(_ column: Int32) -> Bool {
    sqlite3_column_type(entry.handle, column) == SQLITE_NULL
  }

  /// The column as SQLite holds it: what is asked of it next need not look the column up again.
  ///
  /// SQLite calls that unsafe where several threads use the connection at once, which none does here.
  private borrowing func value(_ column: Int32) -> OpaquePointer? {
    sqlite3_column_value(entry.handle, column)
  }

  private borrowing func unexpectedType(_ column: Int32) -> StorageError {
    StorageError(
      .unexpectedType(column: column), path: entry.connection.path,
      message: "column \(column) holds a value of another kind than the schema promises")
  }
}

/// A prepared statement and whether it is lent.
final class CachedStatement {
  let handle: OpaquePointer
  unowned let connection: Connection
  let isReadOnly: Bool
  var isLent = false
  var hasStepped = false
  /// One prepared while its literal was lent already: finalized when it comes back.
  private let isCached: Bool

  init(_ handle: OpaquePointer, connection: Connection, isCached: Bool) {
    self.handle = handle
    self.connection = connection
    self.isCached = isCached
    isReadOnly = sqlite3_stmt_readonly(handle) != 0
  }

  func giveBack() {
    isLent = false
    hasStepped = false
    guard isCached else {
      sqlite3_finalize(handle)
      return
    }
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
  }
}
