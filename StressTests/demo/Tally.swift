internal import ContainerStateStore

/// How long operations took, and what was killed.
struct Tally {
  /// Nanoseconds of each undisturbed command, by what it did.
  private(set) var durations: [String: [UInt64]] = [:]
  /// What was killed, by verb.
  private(set) var kills: [String: Int] = [:]

  mutating func add(_ operation: String, nanoseconds: UInt64) {
    durations[operation, default: []].append(nanoseconds)
  }

  mutating func addKill(of verb: String) { kills[verb, default: 0] += 1 }

  var operationCount: Int { durations.values.map(\.count).reduce(0, +) }
  var killCount: Int { kills.values.reduce(0, +) }

  /// Count, median, 99th percentile and maximum of each operation, in nanoseconds.
  var distributions: [(operation: String, count: Int, p50: UInt64, p99: UInt64, maximum: UInt64)] {
    durations.sorted { $0.key < $1.key }.map { operation, values in
      let sorted = values.sorted()
      func percentile(_ percent: Int) -> UInt64 {
        sorted[min(sorted.count - 1, sorted.count * percent / 100)]
      }
      return (operation, sorted.count, percentile(50), percentile(99), sorted[sorted.count - 1])
    }
  }
}

/// The longest wait for a container's lock, from the lines that commands appended to the timings file.
struct LongestLockWait {
  private(set) var microseconds: UInt64 = 0
  private(set) var verb = ""
  private(set) var waitedFor = ""

  init(timings: [UInt8]) {
    for line in timings.split(separator: UInt8(ascii: "\n")) {
      // The last line of a command that was killed may be cut off.
      guard let json = try? JSONBytes(Array(line)).root,
        let wait = try? json.at("longest_lock_wait_microseconds")?.uint64(), wait > microseconds
      else { continue }
      microseconds = wait
      verb = (try? json.at("verb")?.string()) ?? ""
      waitedFor = (try? json.at("waited_for")?.string()) ?? ""
    }
  }
}
