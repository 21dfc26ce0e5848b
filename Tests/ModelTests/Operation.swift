internal import ContainerStateStore

/// One call on a store, with everything it needs: what the contract is written in and random programs are
/// made of.
///
/// Containers, pods, volumes and the rest are small numbers, so that random operations meet.
enum Operation: Hashable, Sendable {
  // Containers.
  case add(AddContainer)
  case container(Int)
  case lookUp(String)
  case has(Int)
  case list(Filter)
  case setStatus(Int, ContainerStatus, expecting: Int64?)
  case setExtra(Int, Int?)
  /// State and the embedder's JSON in one write.
  case setBoth(Int, ContainerStatus, Int?)
  case recordExit(Int, Int32)
  case remove(Int, expecting: Int64?)
  case removeTree([Int], includingDependants: Bool)
  case rewrite(Int, name: Int, label: Int?)
  case dependants(Int)
  case dependencies(Int)
  // Pods.
  case addPod(Int, name: Int, label: Int?)
  case pod(Int)
  case lookUpPod(String)
  case hasPod(Int)
  case updatePod(Int, path: Int, expecting: Int64?)
  case rewritePod(Int, name: Int, label: Int?)
  case members(Int)
  case podSummaries
  case removeLockedPod(Int, expecting: Int64?)
  case removePod(Int, includingMembers: Bool)
  // Volumes.
  case addVolume(Int, storage: Int?, isAnonymous: Bool)
  case volume(Int)
  case lookUpVolume(String)
  case updateVolume(Int, path: Int, expecting: Int64?)
  case rewriteVolume(Int, label: Int?, expecting: Int64?)
  case mount(Int, container: Int)
  case unmount(Int, container: Int)
  case volumeSummaries(label: Int?, isUsed: Bool?)
  case volumeUsers(Int)
  case isVolumeStorage(Int)
  case removeVolume(Int, force: Bool)
  // Networks.
  case connect(Int, network: Int, alias: Int)
  case modify(Int, network: Int, alias: Int)
  case disconnect(Int, network: Int)
  case networks(Int)
  // Exec sessions and exit codes.
  case addSession(Int, container: Int)
  case setSession(Int, ExecSessionStatus)
  case removeSession(Int)
  case removeAllSessions(Int)
  case sessions(Int)
  case recordExitCode(Int, Int32)
  case exitCode(Int)
  case pruneExitCodes
  // Several records.
  case batch([BatchStep])
  // The store as a whole.
  case reopen
  case reboot

  struct AddContainer: Hashable, Sendable {
    var id: Int
    var name: Int
    var dependencies: Set<Int> = []
    var pod: Int?
    var isInfrastructure = false
    var volumes: Set<Int> = []
    var label: Int?
    /// One may be named twice, which is wrong.
    var networks: [Int] = []
  }

  /// One change of a batch.
  enum BatchStep: Hashable, Sendable {
    case status(Int, ContainerStatus, expecting: Int64?)
    case rename(Int, Int)
    case remove(Int)
    case path(Int, Int)
    case renamePod(Int, Int)
    case removePod(Int)
    case volumePath(Int, Int)
    case rewriteVolume(Int, label: Int, expecting: Int64?)
    case removeVolume(Int)

    /// The number of the container it changes; nil where that is a pod.
    var container: Int? {
      switch self {
      case .status(let id, _, _), .rename(let id, _), .remove(let id): id
      case .path, .renamePod, .removePod, .volumePath, .rewriteVolume, .removeVolume: nil
      }
    }

    /// The number of the pod it changes; nil where that is a container.
    var pod: Int? {
      switch self {
      case .path(let id, _), .renamePod(let id, _), .removePod(let id): id
      case .status, .rename, .remove, .volumePath, .rewriteVolume, .removeVolume: nil
      }
    }

    /// The number of the volume it changes; nil where that is another record.
    var volume: Int? {
      switch self {
      case .volumePath(let number, _), .rewriteVolume(let number, _, _), .removeVolume(let number): number
      case .status, .rename, .remove, .path, .renamePod, .removePod: nil
      }
    }
  }

  struct Filter: Hashable, Sendable {
    var statuses: Set<ContainerStatus>?
    var label: Int?
    var pod: Int?
    var volume: Int?
    var network: Int?
    /// The value at a declared path of the state's JSON.
    var extra: Int?
  }
}

/// What a call came to, in words that two stores can be compared by.
enum Outcome: Equatable, Sendable {
  case value(String)
  case failure(StoreError.Code)
}

/// What a call may come to: where it breaks several rules at once, any of their codes.
enum Expectation: Equatable, Sendable {
  case value(String)
  case failure(Set<StoreError.Code>)

  func allows(_ outcome: Outcome) -> Bool {
    switch (self, outcome) {
    case (.value(let expected), .value(let found)): expected == found
    case (.failure(let codes), .failure(let code)): codes.contains(code)
    default: false
    }
  }
}

/// How numbers become what the store keeps.
///
/// Some ids begin like others, and one name is an id: lookups have something to decide.
enum Name {
  static func container(_ number: Int) -> String { "c\(number / 3)\(number % 3)" }
  /// The last is the id of a container as well: they share one space.
  static func pod(_ number: Int) -> String { number == 2 ? container(8) : "p\(number)" }
  static func volume(_ number: Int) -> String { "v\(number / 2)\(number % 2)" }
  static func network(_ number: Int) -> String { "net\(number)" }
  static func session(_ number: Int) -> String { "s\(number)" }
  static func name(_ number: Int) -> String { number == 0 ? "c00" : number == 1 ? "c1" : "name\(number)" }
  static func podName(_ number: Int) -> String { "pod\(number)" }
}
