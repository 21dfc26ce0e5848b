import CPlatform
import Glibc
import Platform

/// Who holds a lock, as far as the kernel and the record in the lockfile tell.
public struct LockHolder: Sendable, Hashable {
  /// The holding process; its pid is 0 when it is not visible from this pid namespace, its start time 0
  /// when unknown.
  public let process: ProcessIdentity
  /// Name of the program; empty when unknown.
  public let command: String
  /// What it took the lock for; empty when unknown.
  public let operation: String
  /// When it took the lock, in CLOCK_REALTIME nanoseconds since the epoch; nil when unknown.
  public let heldSinceNanoseconds: UInt64?
  /// For how long it had held the lock when it was looked up; nil when unknown.
  public let age: Duration?
  /// Whether the record is by the process that the kernel names.
  public let isConfirmed: Bool
}

extension LockHolder {
  /// The holder of the lock of an open lockfile now, this process included; nil when it is free.
  static func of(_ entry: LockEntry) -> LockHolder? {
    guard let owner = entry.kernelLockOwner, owner >= 0 else { return nil }
    let record = HolderRecord.read(descriptor: entry.descriptor)
    if owner == 0 { return of(invisibleOwnerWith: record) }
    guard let record, record.process.pid == owner, isRunning(record.process) else {
      let process = ProcessIdentity.running(pid: owner) ?? ProcessIdentity(pid: owner, startTime: 0)
      return LockHolder(
        process: process, command: commandName(ofPID: owner), operation: "", heldSinceNanoseconds: nil,
        age: nil, isConfirmed: false)
    }
    return LockHolder(process: record.process, record: record, isConfirmed: true)
  }

  /// The pid in the record counts in the holder's namespace and would name somebody else here.
  private static func of(invisibleOwnerWith record: HolderRecord?) -> LockHolder {
    let process = ProcessIdentity(pid: 0, startTime: record?.process.startTime ?? 0)
    guard let record else {
      return LockHolder(
        process: process, command: "", operation: "", heldSinceNanoseconds: nil, age: nil,
        isConfirmed: false)
    }
    return LockHolder(process: process, record: record, isConfirmed: false)
  }

  private init(process: ProcessIdentity, record: HolderRecord, isConfirmed: Bool) {
    let now = Clock.bootTimeNanoseconds
    let isOfThisBoot = record.bootTimeNanoseconds <= now
    self.init(
      process: process, command: record.command, operation: record.operation,
      heldSinceNanoseconds: record.realTimeNanoseconds,
      age: isOfThisBoot ? .nanoseconds(now - record.bootTimeNanoseconds) : nil,
      isConfirmed: isConfirmed)
  }

  /// A record whose start time could not be read when it was written, or cannot be now, still counts.
  private static func isRunning(_ process: ProcessIdentity) -> Bool {
    process.startTime == 0 || process.liveness != .dead
  }

  /// The name of a process's program, fit for a terminal; empty where it cannot be read.
  package static func commandName(ofPID pid: Int32) -> String {
    guard let bytes = try? SmallFile.read(path: "/proc/\(pid)/comm") else { return "" }
    return ShownText.sanitize(bytes.prefix { $0 != UInt8(ascii: "\n") })
  }
}
