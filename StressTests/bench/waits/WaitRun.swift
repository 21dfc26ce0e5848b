internal import CBenchFloor
internal import CPlatform
internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// What it costs to wait for a container's lock that another process has: `--waits`.
struct WaitRun {
  let options: BenchOptions

  /// The most that is allowed.
  private static let limits: [(what: String, limit: Double)] = [
    (WaitFigures.processorShare, 2), (WaitFigures.threads, 16), (WaitFigures.cancellation, 5_000),
  ]

  private var rounds: Int { (options.isQuick ? 40 : 400) * options.scale }

  /// - Returns: the exit status.
  func run() throws -> Int32 {
    let workplace = try Workplace(in: options.directory)
    defer { workplace.remove() }
    let place = try workplace.place(containers: 300)
    let figures = try WaitFigures()
    for waiter in HandOver.Waiter.allCases {
      try HandOver(place: place, waiter: waiter, rounds: rounds, figures: figures).run()
    }
    try LongWait(place: place, seconds: options.isQuick ? 1 : 4, figures: figures).run()
    try inChild("cancelled waits") { try CancelledWaits(place: place, figures: figures).run() }
    say(options.printsJSON ? figures.json.text : figures.table)
    let broken = Self.limits.filter { figures.value($0.what) > $0.limit }
    for (what, limit) in broken {
      say(
        "cstate-bench: BROKEN  \(what): \(fixed(figures.value(what), 2)), allowed ≤ \(fixed(limit, 2))",
        to: STDERR_FILENO)
    }
    return broken.isEmpty ? 0 : 1
  }
}

/// What the processes of a run have found, in memory that all of them share.
struct WaitFigures {
  static let processorShare = "processor time of a process that waits with a deadline, %"
  static let processorShareOfMany = "processor time of 200 such waits in one process, %"
  static let threads = "threads more while 200 tasks wait for 200 locks"
  static let cancellation = "cancellation of a wait to its answer, 99 of 100, µs"

  private static let names =
    HandOver.Waiter.allCases.flatMap { [$0.medianName, $0.ninetyNineName] }
    + [processorShare, processorShareOfMany, threads, cancellation]
  private let values: UnsafeMutablePointer<Double>

  init() throws(StressFailure) {
    let bytes = Self.names.count * MemoryLayout<Double>.stride
    guard let page = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
      page != MAP_FAILED
    else { throw .systemCall("mmap", "figures") }
    values = page.bindMemory(to: Double.self, capacity: Self.names.count)
  }

  func value(_ name: String) -> Double { Self.names.firstIndex(of: name).map { values[$0] } ?? .nan }

  func set(_ name: String, _ value: Double) {
    if let place = Self.names.firstIndex(of: name) { values[place] = value }
  }

  var table: String {
    Self.names.map { padded($0, 64) + padded(fixed(value($0), 2), 10, alignsRight: true) }
      .joined(separator: "\n")
  }

  var json: JSONBytes {
    var json = JSONWriter(reservingBytes: 1_024)
    json.beginObject()
    for name in Self.names {
      json.key(name)
      json.double(value(name))
    }
    json.endObject()
    return json.finish()
  }
}

/// Bytes from one process to another: who reads one sleeps until it is written.
struct Signal {
  private let reader: Int32
  private let writer: Int32

  init() throws(StressFailure) {
    var ends: [Int32] = [0, 0]
    guard platform_pipe(&ends) == 0 else { throw .systemCall("pipe2", "signal") }
    (reader, writer) = (ends[0], ends[1])
  }

  func give() throws(StressFailure) {
    guard writeAll([1], to: writer) else { throw .systemCall("write", "signal") }
  }

  /// - Throws: where none comes within two minutes: whoever was to give it is dead.
  func take() throws(StressFailure) {
    var ready = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
    let end = nanoseconds(CLOCK_MONOTONIC) + 120_000_000_000
    while true {
      let left = Int32(clamping: (Int64(end) - Int64(nanoseconds(CLOCK_MONOTONIC))) / 1_000_000)
      let count = poll(&ready, 1, max(0, left))
      if count > 0 { break }
      if count == 0 { throw StressFailure("another process of the measurement has not answered") }
      guard errno == EINTR else { throw .systemCall("poll", "signal") }
    }
    var byte: UInt8 = 0
    guard read(reader, &byte, 1) == 1 else { throw .systemCall("read", "signal") }
  }

  func end() {
    close(reader)
    close(writer)
  }
}

/// Runs `body` while another process is at its part, and waits for the end of both; where one fails, the
/// other is not left behind.
func beside(_ what: String, _ process: pid_t, _ body: () throws -> Void) throws {
  do { try body() } catch {
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
    throw error
  }
  var status: Int32 = 0
  while waitpid(process, &status, 0) < 0 {
    guard errno == EINTR else { throw StressFailure.systemCall("waitpid", what) }
  }
  guard status == 0 else { throw StressFailure("the \(what) ended with wait status \(status)") }
}
