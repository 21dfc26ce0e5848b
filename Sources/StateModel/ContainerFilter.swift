/// Which containers a listing returns, and in which order.
///
/// An empty filter returns all, newest first.
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
  /// Only members of the pod of this id or name; nil for any.
  public var pod: String?
  /// Only containers that use the volume of this name; nil for any.
  public var volume: String?
  /// Only containers that are connected to this network; nil for any.
  public var network: String?
  /// Only containers made from an image of one of these ids or names; nil for any.
  public var images: Set<String>?
  /// Only names that this pattern matches as a whole: `*` stands for any text, `?` for one character; nil for
  /// any.
  public var namePattern: String?
  /// Only containers that ended with one of these exit codes; nil for any.
  public var exitCodes: Set<Int32>?
  /// Only containers that ended before this moment; nil for any.
  public var exitedBefore: Timestamp?
  /// Only containers that ended at or after this moment; nil for any.
  public var exitedSince: Timestamp?
  /// Only containers that depend on the container of this id, directly; nil for any.
  public var dependantsOf: ContainerID?
  /// Only those with these values in the embedder's own JSON, at declared paths.
  public var extra: [ExtraFilter] = []
  /// What they are sorted by.
  public var sort = ContainerSort.created
  /// Whether the smallest comes first.
  public var isAscending = false
  /// At most this many, the first in their order; nil for all.
  public var limit: Int?

  /// A filter that lets everything through.
  public init() {}

  /// How many labels a listing can be asked for; more are `invalidArgument`.
  public static let maximumLabelCount = 500

  /// Every container.
  public static let all = ContainerFilter()
}

/// What a listing is sorted by; of what is equal, the container added last is the greatest.
public enum ContainerSort: Sendable, Hashable, CaseIterable {
  /// The moment of creation.
  case created
  /// The name, byte by byte.
  case name
  /// The status, in the order of the life cycle.
  case status
  /// The moment at which it ended; the smallest where it has not.
  case exited
}

/// A condition on one label.
public enum LabelFilter: Sendable, Hashable {
  /// The label is present.
  case present(String)
  /// The label has this value.
  case equals(String, String)
}
