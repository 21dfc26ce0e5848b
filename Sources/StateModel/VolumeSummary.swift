/// What a listing shows of a volume: no JSON is decoded for it.
public struct VolumeSummary: Sendable, Hashable {
  /// The volume's name.
  public let name: VolumeName
  /// What provides it.
  public let driver: String
  /// When the engine created it.
  public let createdAt: Timestamp
  /// Whether it was made for one container, and goes with the last that uses it.
  public let isAnonymous: Bool
  /// How many containers use it.
  public let userCount: Int64
  /// How many containers have it mounted, each counted once (INVARIANT I-18).
  public let mountCount: Int64

  package init(
    name: VolumeName, driver: String, createdAt: Timestamp, isAnonymous: Bool, userCount: Int64,
    mountCount: Int64
  ) {
    self.name = name
    self.driver = driver
    self.createdAt = createdAt
    self.isAnonymous = isAnonymous
    self.userCount = userCount
    self.mountCount = mountCount
  }
}
