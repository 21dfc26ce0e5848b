internal import FileLocking
internal import Glibc
internal import Platform
internal import SQLiteStorage
internal import StateModel

/// The one row that says what the store is: its places, the engine's identity, the boot it last saw.
struct StoreIdentity {
  let lockDirectory: String
  let specificationDirectory: String
  let runtime: RuntimeIdentity
  let bootID: String
  let bootEpoch: Int64
  let createdAt: Timestamp

  init(place: ResolvedLocation, runtime: RuntimeIdentity, bootID: String) {
    lockDirectory = StoreIdentity.recorded(place.lockDirectory, root: place.root)
    specificationDirectory = StoreIdentity.recorded(place.specificationDirectory, root: place.root)
    self.runtime = runtime
    self.bootID = bootID
    bootEpoch = 1
    createdAt = .now
  }

  private init(_ row: borrowing Statement) throws {
    lockDirectory = try row.string(0)
    specificationDirectory = try row.string(1)
    runtime = RuntimeIdentity(
      staticDirectory: try row.string(2), temporaryDirectory: try row.string(3), runRoot: try row.string(4),
      graphRoot: try row.string(5), graphDriver: try row.string(6))
    bootID = try row.string(7)
    bootEpoch = try row.int64(8)
    createdAt = Timestamp(nanosecondsSinceEpoch: try row.int64(9))
  }

  static func read(from database: Database) throws -> StoreIdentity {
    try database.readOne { try read(in: $0) }
  }

  static func read(in connection: Connection) throws -> StoreIdentity {
    let row = try connection.statement(
      """
      SELECT lock_directory, specification_directory, static_directory, temporary_directory, run_root,
        graph_root, graph_driver, boot_id, boot_epoch, created_at_ns FROM store
      """)
    guard try row.step() else {
      throw StoreError.corrupt("store", "the row that says what the store is is missing")
    }
    return try StoreIdentity(row)
  }

  func insert(in connection: Connection) throws {
    let row = try connection.statement(
      """
      INSERT INTO store (singleton, lock_directory, specification_directory, static_directory,
        temporary_directory, run_root, graph_root, graph_driver, boot_id, boot_epoch, created_at_ns)
      VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
      """)
    try row.bind(1, lockDirectory)
    try row.bind(2, specificationDirectory)
    try row.bind(3, runtime.staticDirectory)
    try row.bind(4, runtime.temporaryDirectory)
    try row.bind(5, runtime.runRoot)
    try row.bind(6, runtime.graphRoot)
    try row.bind(7, runtime.graphDriver)
    try row.bind(8, bootID)
    try row.bind(9, bootEpoch)
    try row.bind(10, createdAt.nanosecondsSinceEpoch)
    try row.run()
  }

  /// Records the boot that the store sees now.
  static func setBoot(_ bootID: String, epoch: Int64, in connection: Connection) throws {
    let row = try connection.statement("UPDATE store SET boot_id = ?1, boot_epoch = ?2")
    try row.bind(1, bootID)
    try row.bind(2, epoch)
    try row.run()
  }

  /// Throws `identityMismatch`, naming the field and both values, where the engine uses the store otherwise.
  func check(runtime given: RuntimeIdentity) throws(StoreError) {
    for (recorded, given) in zip(runtime.fields, given.fields)
    where !recorded.value.isEmpty && !given.value.isEmpty && recorded.value != given.value {
      throw .identityMismatch(recorded.name, recorded: recorded.value, given: given.value)
    }
  }

  /// The directory that the store records, absolute.
  ///
  /// Two processes with two lock directories would exclude nobody: where `given` names another it is refused.
  func resolve(
    _ recorded: String, given: String?, _ field: String, root: String
  ) throws(StoreError) -> String {
    let path = recorded.hasPrefix("/") ? recorded : root + "/" + recorded
    if let given, (StoreFiles.canonicalPath(given) ?? given) != path {
      throw .identityMismatch(field, recorded: path, given: given)
    }
    return path
  }

  /// A directory as it is recorded: relative where it is inside the root, so that a store can be moved as a
  /// whole.
  private static func recorded(_ path: String, root: String) -> String {
    path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : path
  }
}

/// Which boot of the machine this is.
enum BootID {
  /// The kernel's boot id.
  ///
  /// Source: `random(4)`, `/proc/sys/kernel/random/boot_id`.
  static func current() throws(StoreError) -> String {
    let path = "/proc/sys/kernel/random/boot_id"
    let descriptor = uninterrupted { open(path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw .kernel("open", path: path, errno: errno) }
    defer { close(descriptor) }
    var failure: Int32 = 0
    let text = String(unsafeUninitializedCapacity: 64) { buffer in
      var length = 0
      while let start = buffer.baseAddress, length < buffer.count {
        let count = read(descriptor, start + length, buffer.count - length)
        if count < 0 && errno == EINTR { continue }
        if count < 0 { failure = errno }
        guard count > 0 else { break }
        length += count
      }
      return length
    }
    guard failure == 0 else { throw .kernel("read", path: path, errno: failure) }
    guard let line = text.split(separator: "\n").first, line.utf8.count == 36 else {
      throw StoreError(
        .io, subject: path, message: "the kernel's boot id is not readable; give one in the options")
    }
    return String(line)
  }
}

extension Timestamp {
  /// The wall clock's present.
  public static var now: Timestamp {
    Timestamp(nanosecondsSinceEpoch: Int64(truncatingIfNeeded: Clock.realTimeNanoseconds))
  }
}
