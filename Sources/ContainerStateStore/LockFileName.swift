internal import FileLocking
internal import SQLiteStorage
internal import StateModel

/// The names of lockfiles, which tell what they belong to.
enum LockFileName {
  fileprivate static let recordSuffix: StaticString = ".lock"
  private static let volumeSuffix = ".volume"
  /// Before the digest of a volume's name that is too long for a file's; no name has it.
  private static let cutMark: Character = "~"
  private static let maximumLength = 255
  private static let digestLength = 16

  /// The lockfile of a container or pod: they share their ids.
  static func of(_ id: ContainerID) -> String { id.rawValue + recordSuffix.description }

  /// The lockfile of a volume; a long name is cut, and followed by the digest of all of it.
  static func of(_ volume: VolumeName) -> String {
    let name = volume.rawValue
    if name.utf8.count + volumeSuffix.utf8.count <= maximumLength { return name + volumeSuffix }
    let digits = String(UInt64(bitPattern: SpecificationDigest(of: Array(name.utf8)).storedValue), radix: 16)
    let padding = String(repeating: "0", count: digestLength - digits.utf8.count)
    return name.prefix(cutLength) + [cutMark] + padding + digits + volumeSuffix
  }

  private static let cutLength = maximumLength - volumeSuffix.utf8.count - digestLength - 1

  /// What a lockfile belongs to.
  enum Owner: Hashable {
    case record(ContainerID)
    case volume(VolumeName)
    /// A volume whose name begins like this and is longer.
    case longVolume(beginning: String)

    /// As listings show it.
    var text: String {
      switch self {
      case .record(let id): id.rawValue
      case .volume(let name): name.rawValue
      case .longVolume(let beginning): beginning + "…"
      }
    }
  }

  /// What the lockfile of this name belongs to; nil where no lockfile has such a name.
  static func owner(of fileName: String) -> Owner? {
    if fileName.hasSuffix(recordSuffix.description) {
      let id = fileName.utf8.dropLast(recordSuffix.utf8CodeUnitCount)
      return (try? ContainerID(String(decoding: id, as: UTF8.self))).map { .record($0) }
    }
    guard fileName.hasSuffix(volumeSuffix) else { return nil }
    let text = fileName.dropLast(volumeSuffix.count)
    guard let mark = text.lastIndex(of: cutMark) else {
      return (try? VolumeName(String(text))).map { .volume($0) }
    }
    let beginning = String(text[..<mark])
    let digest = text[text.index(after: mark)...]
    guard beginning.utf8.count == cutLength, digest.utf8.count == digestLength,
      digest.allSatisfy(\.isHexDigit), (try? VolumeName(beginning)) != nil
    else { return nil }
    return .longVolume(beginning: beginning)
  }

  /// Whether the database has what the lockfile of this name belongs to.
  static func isOwned(_ fileName: String, in connection: Connection) throws -> Bool {
    switch owner(of: fileName) {
    case nil: return false
    case .record(let id): return try ContainerRows.anyRecordExists(id: id.rawValue, in: connection)
    case .volume(let name): return try VolumeRows.generation(of: name, in: connection) != nil
    case .longVolume(let beginning):
      var filter = VolumeFilter()
      filter.namePrefix = beginning
      return try VolumeListing(filter).names(in: connection).contains { of($0) == fileName }
    }
  }
}

extension StateStore {
  /// The lockfile of a container, with its place in the lock order.
  func lockName(of id: ContainerID) -> LockName {
    lockName(id, rank: LockRank.container)
  }

  /// The lockfile of a pod: like a container's, since they share their ids, but earlier in the lock order.
  func podLockName(of id: ContainerID) -> LockName {
    lockName(id, rank: LockRank.pod)
  }

  /// The lockfile of a volume, with its place in the lock order.
  func lockName(of volume: VolumeName) -> LockName {
    LockName(
      directory: location.lockDirectory, fileName: LockFileName.of(volume), rank: LockRank.volume,
      key: volume.rawValue)
  }

  private func lockName(_ id: ContainerID, rank: UInt8) -> LockName {
    // Not `LockFileName.of`: a text less to make for each lock.
    LockName(
      directory: location.lockDirectory, fileName: id.rawValue, suffix: LockFileName.recordSuffix, rank: rank,
      key: id.rawValue)
  }
}

/// The ranks of the lock order: pods, containers, volumes; the gate comes after all of them.
enum LockRank {
  static let pod: UInt8 = 10
  static let container: UInt8 = 20
  static let volume: UInt8 = 30
}
