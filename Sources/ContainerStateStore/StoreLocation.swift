/// Where a store keeps its files.
///
/// Each place can be chosen separately.
public struct StoreLocation: Sendable, Hashable {
  /// The directory of the database and the gate; made with mode 0700 where it is missing.
  public var root: String
  /// The directory of the lockfiles; nil for `locks` in the root.
  ///
  /// Two processes that disagree about it would exclude nobody, so the database records it.
  public var lockDirectory: String?
  /// The directory of the copies of the OCI specifications; nil for `specs` in the root.
  public var specificationDirectory: String?

  /// A store in `root`.
  public init(root: String, lockDirectory: String? = nil, specificationDirectory: String? = nil) {
    self.root = root
    self.lockDirectory = lockDirectory
    self.specificationDirectory = specificationDirectory
  }

  /// The store of this user, with its lockfiles in the runtime directory, which is a tmpfs: there, a lockfile is made
  /// and unlinked in microseconds.
  ///
  /// - Parameters:
  ///   - effectiveUserID: whose store it is; root's is the system's.
  ///   - environment: how to look up an environment variable.
  /// - Returns: the location, with nothing made yet.
  /// - Throws: `invalidArgument` where neither `XDG_STATE_HOME` nor `HOME` says where a user's files are.
  public static func standard(
    effectiveUserID: UInt32, environment: (String) -> String?
  ) throws(StoreError) -> StoreLocation {
    func directory(_ variable: String) -> String? {
      environment(variable).flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    if effectiveUserID == 0 {
      return StoreLocation(root: "/var/lib/cstate", lockDirectory: "/run/cstate/locks")
    }
    guard let state = directory("XDG_STATE_HOME") ?? directory("HOME").map({ $0 + "/.local/state" }) else {
      throw .invalidArgument("store location", "set XDG_STATE_HOME or HOME, or say where the store is")
    }
    return StoreLocation(
      root: state + "/cstate", lockDirectory: directory("XDG_RUNTIME_DIR").map { $0 + "/cstate/locks" })
  }
}
