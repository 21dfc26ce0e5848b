internal import ContainerStateStore
internal import Glibc

/// How many durable updates a store takes, each process working on a container of its own.
enum UpdateTrial {
  /// Adds a container and updates it until the time is over, in this process.
  static func run(
    _ store: StateStore, container name: String, from start: UInt64, until end: UInt64
  ) throws -> LatencySummary {
    let id = try ContainerID(name)
    try store.add(
      ContainerConfiguration(id: id, name: name, createdAt: .now, details: details()),
      specification: specification())
    // All of them begin at one moment, or as soon as they can.
    while monotonicNanoseconds() < start { usleep(500) }
    var latencies = Latencies()
    let began = monotonicNanoseconds()
    var now = began
    var number: Int32 = 0
    while now < end {
      number = (number + 1) & 0xffff
      try store.withLockedContainer(id, wait: .upTo(.seconds(30)), operation: "bench") { locked in
        try locked.update { $0.restartCount = number }
      }
      let next = monotonicNanoseconds()
      latencies.add(next - now)
      now = next
    }
    return latencies.summary(elapsedNanoseconds: now - began)
  }

  /// Reads a container's state again and again.
  static func reading(
    _ store: StateStore, container name: String, nanoseconds: UInt64
  ) throws -> LatencySummary {
    let id = try ContainerID(name)
    var count = 0
    let start = monotonicNanoseconds()
    var now = start
    while now - start < nanoseconds {
      // The clock is asked once for many: it costs as much as a part of one.
      for _ in 0..<64 { _ = try store.state(of: id) }
      count += 64
      now = monotonicNanoseconds()
    }
    let each = (now - start) / UInt64(max(1, count))
    return LatencySummary(
      count: count, perSecond: Double(count) * 1e9 / Double(now - start), medianNanoseconds: each,
      p99Nanoseconds: each, greatestNanoseconds: each)
  }

  /// About what an engine keeps of a container: mounts, labels, a specification of 12 KB.
  private static func details() -> ContainerDetails {
    var details = ContainerDetails()
    for number in 0..<27 {
      details.mounts.append(
        Mount(source: "/srv/data/\(number)", destination: "/mnt/\(number)", options: ["rw", "rprivate"]))
    }
    for number in 0..<13 { details.labels["org.example.label-\(number)"] = "value-\(number)" }
    return details
  }

  private static func specification() -> JSONBytes {
    .object { json in
      json.member("ociVersion", "1.0.2")
      json.member("environment", (0..<300).map { "VARIABLE_\($0)=a value of some length" })
    }
  }
}

/// The same in several processes at once, each of which is this program again.
struct UpdateProcesses {
  let root: String
  let count: Int
  let nanoseconds: UInt64

  /// How long a process may take to open the store and add its container.
  private static let headStartNanoseconds: UInt64 = 500_000_000

  func run() throws -> (together: LatencySummary, slowestOfFastest: Double) {
    let start = monotonicNanoseconds() + Self.headStartNanoseconds
    var processes: [(pid: pid_t, result: String)] = []
    for index in 0..<count {
      let result = "\(root).\(index)"
      let words = ["bench-worker", root, "worker-\(index)", "\(start)", "\(start + nanoseconds)", result]
      processes.append((try Self.start(words), result))
    }
    let parts = try processes.map { process in
      var status: Int32 = 0
      while waitpid(process.pid, &status, 0) < 0, errno == EINTR {}
      guard status == 0, let part = LatencySummary(readFrom: process.result) else {
        throw TrialError(path: root, message: "one of \(count) processes failed; what it said stands above")
      }
      return part
    }
    let rates = parts.map(\.perSecond)
    return (LatencySummary(together: parts), (rates.min() ?? 0) / max(1, rates.max() ?? 1))
  }

  private static func start(_ words: [String]) throws -> pid_t {
    let arguments = (["cstate"] + words).map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, "/proc/self/exe", nil, nil, arguments, environ)
    guard code == 0 else {
      throw TrialError(path: "/proc/self/exe", message: String(cString: strerror(code)))
    }
    return pid
  }
}

extension LatencySummary {
  private var fields: [UInt64] {
    [UInt64(count), UInt64(perSecond * 1000), medianNanoseconds, p99Nanoseconds, greatestNanoseconds]
  }

  /// What a process leaves for the one that started it.
  func write(to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw TrialError(path: path, message: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    let code = writeAll(Array(fields.map(String.init).joined(separator: " ").utf8), to: descriptor)
    guard code == 0 else { throw TrialError(path: path, message: String(cString: strerror(code))) }
  }

  init?(readFrom path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let words = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
    let fields = words.compactMap { UInt64($0) }
    guard fields.count == 5 else { return nil }
    self.init(
      count: Int(fields[0]), perSecond: Double(fields[1]) / 1000, medianNanoseconds: fields[2],
      p99Nanoseconds: fields[3], greatestNanoseconds: fields[4])
  }
}
