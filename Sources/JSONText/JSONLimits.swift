/// How large and how deep a JSON text may be before it is refused, and whether its keys must be distinct.
public struct JSONLimits: Sendable, Hashable {
  /// The largest number of bytes accepted, white space included.
  public var maximumBytes: Int
  /// The largest number of objects and arrays accepted inside one another; a bare number has depth 0.
  public var maximumDepth: Int
  /// Whether an object may hold one key twice; readers disagree on which one counts, so no is standard.
  public var allowsDuplicateKeys: Bool

  /// 16 MiB, 128 levels, distinct keys: far above any container's configuration, far below what hurts.
  public static let standard = JSONLimits()

  /// Limits that differ from the standard ones where an argument is given.
  ///
  /// - Parameters:
  ///   - maximumBytes: 0 or more, in bytes.
  ///   - maximumDepth: 0 or more; memory grows by eight bytes per level, the call stack does not grow.
  ///   - allowsDuplicateKeys: true accepts one key twice in one object; reading then finds the first.
  public init(
    maximumBytes: Int = 16 << 20, maximumDepth: Int = 128, allowsDuplicateKeys: Bool = false
  ) {
    precondition(maximumBytes >= 0 && maximumDepth >= 0, "limits are not negative")
    self.maximumBytes = maximumBytes
    self.maximumDepth = maximumDepth
    self.allowsDuplicateKeys = allowsDuplicateKeys
  }
}
