/// Which containers a listing returns, newest first.
///
/// An empty filter returns all.
public struct ContainerFilter: Sendable, Hashable {
  /// Only these statuses; nil for any.
  public var statuses: Set<ContainerStatus>?
  /// Only containers with all of these labels, at most `maximumLabelCount`.
  public var labels: [LabelFilter] = []
  /// Only names that contain this text, letter by letter; nil for any.
  public var nameContaining: String?
  /// Only ids that begin with this text; nil for any.
  public var idPrefix: String?
  /// Only containers created before this moment; nil for any.
  public var createdBefore: Timestamp?
  /// Only containers created at or after this moment; nil for any.
  public var createdSince: Timestamp?
  /// At most this many, the newest; nil for all.
  public var limit: Int?

  /// A filter that lets everything through.
  public init() {}

  /// How many labels a listing can be asked for; more are `invalidArgument`.
  public static let maximumLabelCount = 500

  /// Every container.
  public static let all = ContainerFilter()
}

/// A condition on one label.
public enum LabelFilter: Sendable, Hashable {
  /// The label is present.
  case present(String)
  /// The label has this value.
  case equals(String, String)
}
