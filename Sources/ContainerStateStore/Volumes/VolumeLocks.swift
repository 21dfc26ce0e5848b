internal import FileLocking
internal import SQLiteStorage
internal import StateModel

/// The locks of the anonymous volumes that go with a container.
///
/// Which they are is known in the transaction that removes it; most containers have none, and pay for no lock
/// and no further read.
struct VolumeLocks {
  private let names: Set<VolumeName>
  /// What the caller has locked himself.
  private let held: Set<VolumeName>

  /// Throws where one of these is not locked.
  func check(cover names: Set<VolumeName>) throws {
    let missing = names.subtracting(held)
    if !missing.isSubset(of: self.names) { throw NotLocked(names: missing) }
  }

  private struct NotLocked: Error {
    let names: Set<VolumeName>
  }

  /// Runs a removal until it finds all the volumes locked that it removes, and takes their lockfiles away.
  ///
  /// - Throws: `lockTimeout` for a volume, `conflict` where others keep adding volumes to the container, and
  ///   what `remove` throws.
  static func withAnonymous(
    of store: StateStore, besides held: Set<VolumeName> = [], operation: String,
    _ remove: (VolumeLocks) throws -> Void
  ) throws {
    var names: Set<VolumeName> = []
    for _ in 0..<attempts {
      let locks = try HeldLocks(
        names.map { store.lockName(of: $0) }, wait: .upTo(store.options.operationTimeout),
        operation: operation)
      defer {
        for name in names { store.unlinkUnlessKnown(store.lockName(of: name), locks) }
        locks.release()
      }
      do { return try remove(VolumeLocks(names: names, held: held)) } catch let missing as NotLocked {
        names = missing.names
      }
    }
    throw StoreError(
      .conflict, subject: store.location.root,
      message: "the anonymous volumes of what is to be removed keep changing; try again")
  }

  private static let attempts = 10
}

extension StateStore {
  /// Removes these volumes, which nobody uses any more, in the transaction of their last users' removal.
  func removeVolumes(_ names: Set<VolumeName>, in connection: Connection) throws {
    for name in names.sorted() {
      guard let found = try VolumeRows.stateRevision(of: name, in: connection) else {
        throw StoreError.volumeNotFound(name.rawValue)
      }
      try removeVolume(name, generation: found.generation, revision: found.revision, in: connection)
    }
  }

  /// Removes a volume that nobody uses.
  ///
  /// - Throws: `inUse` naming who does (INVARIANT I-5).
  func removeVolume(
    _ name: VolumeName, generation: Int64, revision: Int64, in connection: Connection
  ) throws {
    let users = try VolumeUserRows.users(of: generation, in: connection)
    guard users.isEmpty else {
      throw StoreError.volumeInUse(name, by: users.prefix(10).map(\.rawValue))
    }
    let mounters = try VolumeUserRows.mounters(of: generation, in: connection)
    guard mounters.isEmpty else {
      throw StoreError.volumeMounted(name, by: mounters.prefix(10).map(\.rawValue))
    }
    try VolumeRows.remove(generation: generation, in: connection)
    try record(
      .init(kind: .volume, id: name.rawValue, action: .removed, revision: revision), in: connection)
  }
}
