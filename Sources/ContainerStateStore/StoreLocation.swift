/// Where a store keeps its files.
///
/// Each place can be chosen separately.
public struct StoreLocation: Sendable, Hashable {
  /// The directory of the database and the gate; made with mode 0700 where it is missing.
  public var root: String
  /// The directory of the lockfiles; nil for the one the store records.
  ///
  /// Two processes that disagree about it would exclude nobody, so the database records it, and opening with
  /// another is `identityMismatch`.
  public var lockDirectory: String?
  /// The directory of the copies of the OCI specifications; nil for the one the store records.
  public var specificationDirectory: String?
  /// Where a store that this open makes keeps its lockfiles if `lockDirectory` is nil; nil for `locks` in the
  /// root.
  public var newStoreLockDirectory: String?

  /// A store in `root`.
  public init(root: String, lockDirectory: String? = nil, specificationDirectory: String? = nil) {
    self.root = root
    self.lockDirectory = lockDirectory
    self.specificationDirectory = specificationDirectory
  }

  /// The store of this user, with its lockfiles in the runtime directory, which is a tmpfs: there, a lockfile
  /// is made and unlinked in microseconds.
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
      var location = StoreLocation(root: "/var/lib/cstate")
      location.newStoreLockDirectory = "/run/cstate/locks"
      return location
    }
    guard let state = directory("XDG_STATE_HOME") ?? directory("HOME").map({ $0 + "/.local/state" }) else {
      throw .invalidArgument("store location", "set XDG_STATE_HOME or HOME, or say where the store is")
    }
    var location = StoreLocation(root: state + "/cstate")
    location.newStoreLockDirectory = directory("XDG_RUNTIME_DIR").map { $0 + "/cstate/locks" }
    return location
  }
}
