internal import CPlatform
internal import FileLocking
internal import Glibc
internal import SQLiteStorage
internal import StateModel
internal import Synchronization

/// Space on the disk that the store keeps for itself: a file of allocated blocks that nobody reads.
///
/// It is given up where a full disk is in the way of what makes room or must not be lost, and had again when
/// there is room. Both happen under the write gate.
struct SpaceReserve: Sendable {
  private let path: String
  private let directory: String

  /// Room for a WAL of 1,000 frames twice over, so that it is full before the reserve is.
  private static let fullSize: UInt64 = 8 << 20

  init(root: String) {
    directory = root
    path = root + "/reserve"
  }

  /// How many bytes are held.
  var size: UInt64 {
    var status = platform_file_status()
    return platform_look_at_path(path, &status) == 0 ? status.size : 0
  }

  /// Whether less is held than there should be.
  var isShort: Bool {
    let held = size
    return held < Self.fullSize && held < wanted().size
  }

  /// What should be held, and whether there is room for that and as much again.
  private func wanted() -> (size: UInt64, fits: Bool) {
    var status = statvfs()
    guard statvfs(directory, &status) == 0 else { return (0, false) }
    let block = UInt64(status.f_frsize)
    let size = min(Self.fullSize, UInt64(status.f_blocks) * block / 8) / 4096 * 4096
    return (size, UInt64(status.f_bavail) * block >= 2 * size)
  }

  /// Takes the space again where there is room for it; what cannot be had is left for the next time.
  func refill() {
    let (size, fits) = wanted()
    guard fits, size > 0, let descriptor = openFile(O_CREAT) else { return }
    defer { close(descriptor) }
    // Whatever the umask.
    fchmod(descriptor, 0o600)
    // Some of it, without the rest, would be taken for all of it.
    if posix_fallocate(descriptor, 0, off_t(size)) != 0 { ftruncate(descriptor, 0) }
  }

  /// Gives all of it up.
  ///
  /// - Returns: whether there was something to give.
  func giveUp() -> Bool {
    guard size > 0, let descriptor = openFile(0) else { return false }
    defer { close(descriptor) }
    // The sync ends the file system's own transaction: blocks are free for others after it.
    return ftruncate(descriptor, 0) == 0 && fsync(descriptor) == 0
  }

  /// The file, where it is one of the store's (L-9); opening and closing it touches nobody's locks.
  private func openFile(_ flags: Int32) -> Int32? {
    do { try FileOpening.check(path) } catch { return nil }
    let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0o600)
    return descriptor >= 0 ? descriptor : nil
  }
}

extension StateStore {
  /// A write that has to be possible on a full disk: it removes something, or records what would be lost.
  ///
  /// First the WAL is copied back, so that it can be used again from its start; then the reserve is given up.
  ///
  /// - Parameters:
  ///   - operation: what those who wait for the gate are told.
  ///   - subject: what alone it changes of all that answers are kept about; nil for anything.
  ///   - durability: what the return promises.
  ///   - draws: whether this write may do so; false makes it an ordinary one.
  ///   - body: may run several times, each in a transaction of its own.
  /// - Returns: as `Database.write`.
  /// - Throws: as `Database.write`.
  @discardableResult
  func writeWithReserve(
    _ operation: String, about subject: CommitSubject?, durability: Durability, draws: Bool = true,
    _ body: (Connection) throws -> Void
  ) throws -> CommitMoment? {
    var remedies = Remedy.inTheirOrder[...]
    while true {
      do {
        return try database.write(
          operation, about: subject, durability: durability.inStorage,
          deadlineNanoseconds: operationDeadlineNanoseconds, body)
      } catch {
        guard draws, StoreError.mapped(error).code == .outOfSpace else { throw error }
        // What cannot be mended leaves the error that is thrown anyway.
        var isMended = false
        while !isMended, let next = remedies.popFirst() { isMended = (try? apply(next)) == true }
        guard isMended else { throw error }
      }
    }
  }

  /// The same for a write about anything; returns what the body returns.
  func writeWithReserve<R>(
    _ operation: String, durability: Durability, draws: Bool = true, _ body: (Connection) throws -> R
  ) throws -> R {
    var result: R?
    try writeWithReserve(operation, about: nil, durability: durability, draws: draws) {
      result = try body($0)
    }
    guard let result else { preconditionFailure("committed, and the body has not run") }
    return result
  }

  /// What makes room on a full disk.
  private enum Remedy {
    case copyingWALBack, givingUpReserve

    static let inTheirOrder: [Remedy] = [.copyingWALBack, .givingUpReserve, .copyingWALBack]
  }

  /// Whether there is room now, as far as one can tell.
  private func apply(_ remedy: Remedy) throws -> Bool {
    switch remedy {
    case .copyingWALBack: try copyWALBack()
    case .givingUpReserve: try giveUpReserve()
    }
  }

  private func copyWALBack() throws -> Bool {
    try database.checkpoint(deadlineNanoseconds: operationDeadlineNanoseconds).isComplete
  }

  private func giveUpReserve() throws -> Bool {
    try gate.enter("give up reserve", deadlineNanoseconds: operationDeadlineNanoseconds)
    defer { gate.leave() }
    lacksReserve.store(true, ordering: .relaxed)
    return reserve.giveUp()
  }

  /// Takes back what was given up, where there is room and nobody is inside the gate.
  func refillReserve() {
    guard reserve.isShort else { return lacksReserve.store(false, ordering: .relaxed) }
    guard (try? gate.tryEnter("refill reserve")) == true else { return }
    defer { gate.leave() }
    reserve.refill()
  }
}
