/// How far `StateStore.verify` has come.
public struct VerificationProgress: Sendable, Hashable {
  /// What is being looked at, in this order.
  public enum Part: String, Sendable, CaseIterable {
    /// Pages, indexes and references, by SQLite.
    case database = "pages and indexes"
    /// Rules that one statement each decides.
    case rules
    /// Each container with its tables and its specification.
    case containers
    /// Pods, volumes, declared paths and the sequence of changes.
    case otherRecords = "other records"
    /// Lockfiles and copies of specifications.
    case files
  }

  /// What is being looked at.
  public let part: Part
  /// How many containers have been looked at.
  public let checkedContainers: Int
  /// How many there are.
  public let containers: Int
}
