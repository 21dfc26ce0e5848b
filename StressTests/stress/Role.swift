/// What a worker does all its life.
enum Role: String, CaseIterable {
  /// A short-lived command: opens, does one to five operations, closes, again up to eight times, ends.
  case command
  /// A long-lived monitor: holds one open store, updates and re-reads what it watches; with threads.
  case monitor
  /// Lists, looks up by name and by prefix, compares whole snapshots.
  case lister
  /// Stops itself inside a snapshot; what it reads before and after must be the same.
  case reader
  /// Removes and adds again.
  case remover
  /// A foreign `sqlite3` shell.
  case shell
  /// Reads the sequence of changes on from where the last one of its place stopped.
  case follower
  /// Lives whole lives of containers, one after the other.
  case lifecycle
  /// Drives real containers with an OCI runtime.
  case engine

  /// How many of a hundred workers have the role, unless said otherwise.
  var standardWeight: Int {
    switch self {
    case .command: 38
    case .monitor: 23
    case .lister: 11
    case .reader: 5
    case .remover: 13
    case .shell: 5
    case .follower: 5
    case .engine, .lifecycle: 0
    }
  }
}

/// How often each role is given out.
struct RoleWeights {
  private(set) var weights: [Role: Int] = Dictionary(
    uniqueKeysWithValues: Role.allCases.map { ($0, $0.standardWeight) })

  init() {}

  /// Weights as `command=4,lister=1`; a role that is not named is not given out.
  init?(_ text: String) {
    weights = [:]
    for part in text.split(separator: ",") {
      let pair = part.split(separator: "=")
      guard pair.count == 2, let role = Role(rawValue: String(pair[0])), let weight = Int(pair[1]),
        (0...1_000).contains(weight)
      else { return nil }
      weights[role] = weight
    }
    guard weights.values.contains(where: { $0 > 0 }) else { return nil }
  }

  var text: String {
    Role.allCases.compactMap { role in weights[role].map { "\(role.rawValue)=\($0)" } }.joined(separator: ",")
  }

  /// Whether anybody does what commands do.
  var hasMix: Bool {
    [.command, .monitor, .lister, .reader, .remover].contains { self[$0] > 0 }
  }

  subscript(role: Role) -> Int {
    get { weights[role] ?? 0 }
    set { weights[role] = newValue }
  }

  /// The roles of so many workers: each role of some weight is there where places suffice, and the more
  /// weight it has the oftener (Adams's apportionment).
  func roles(ofPlaces count: Int) -> [Role] {
    var given: [Role: Int] = [:]
    return (0..<count).map { _ in
      let role = Role.allCases.max { priority($0, given) < priority($1, given) } ?? .command
      given[role, default: 0] += 1
      return role
    }
  }

  private func priority(_ role: Role, _ given: [Role: Int]) -> Double {
    guard self[role] > 0 else { return -1 }
    guard let count = given[role] else { return 1_000_000 + Double(self[role]) }
    return Double(self[role]) / Double(count)
  }
}

/// What the foreign shell may do.
enum ForeignConduct: String, CaseIterable {
  /// Reads alone; never copies the WAL back.
  case reads
  /// Reads, and writes the same values again; never copies the WAL back.
  case writes
  /// As the shell comes: it copies the WAL back by itself, when it pleases and when it ends.
  case defaults
}

/// A bug that the harness plants in its own workers, to show that it is found.
enum Plant: String, CaseIterable {
  /// An acknowledged update is written down that never took place.
  case lostUpdate = "lost-update"
  /// A read is answered from what the worker saw earlier.
  case staleRead = "stale-read"
  /// A section is entered without the lock.
  case doubleHolder = "double-holder"
  /// An update fails that took place.
  case failedTrace = "failed-trace"
  /// A reader of the sequence of changes is not told of one.
  case missedChange = "missed-change"
  /// An exit code that is there is not found.
  case lostCode = "lost-code"
}
