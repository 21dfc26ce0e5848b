internal import ContainerStateStore
internal import Glibc

extension CommandOption {
  static let benchSeconds = CommandOption("seconds", value: "N", "How long all of it takes, 2 to 600 (6)")
  static let benchProcesses = CommandOption(
    "processes", value: "N", "How many work at the same time in the second half, 1 to 64 (4)")
}

extension Verb {
  static let bench = Verb(
    "bench", "Measure what a store in a directory can do", operands: "[DIR]", count: 0...1,
    options: [.benchSeconds, .benchProcesses],
    details: [
      "DIR is a directory; without it the one that holds the store is asked about. Works in a new directory "
        + "below it, which is removed afterwards, and touches no store. A file system that is not fit for "
        + "one is an error that says why.",
      "A durable update is a container's lock, a fresh read, a write, its sync, and the lock's release.",
    ],
    json: "{\"directory\": TEXT, \"warnings\": [TEXT, …], \"syncs\": RATE, \"growing_syncs\": RATE, "
      + "\"durable_updates\": RATE, \"processes\": NUMBER, \"durable_updates_of_all\": RATE, "
      + "\"slowest_of_fastest\": NUMBER, \"state_reads\": RATE, \"sync_share\": NUMBER}; RATE is "
      + "{\"per_second\": NUMBER, \"p50_ns\": NUMBER, \"p99_ns\": NUMBER, \"max_ns\": NUMBER}",
    example: "cstate bench /srv/containers"
  ) { invocation in
    let seconds = try invocation.number(.benchSeconds, from: 2...600) ?? 6
    let processes = try invocation.number(.benchProcesses, from: 1...64) ?? 4
    let directory = try invocation.arguments.operands.first ?? existingDirectory(of: invocation)
    let result = try BenchResult(
      directory: directory, processes: processes, nanoseconds: UInt64(seconds) * 1_000_000_000)
    if invocation.settings.printsJSON {
      invocation.print(result.json)
    } else {
      result.print(to: &invocation.output)
    }
    return ExitStatus.done
  }

  static let benchWorker = Verb(
    "bench-worker", "Update one container until a moment (internal)", isHidden: true, takesRawArguments: true
  ) { invocation in
    let operands = invocation.arguments.operands
    guard operands.count == 5, let start = UInt64(operands[2]), let end = UInt64(operands[3]) else {
      throw UsageError("", "cstate bench starts this", verb: "bench")
    }
    let store = try StateStore(at: StoreLocation(root: operands[0]))
    try UpdateTrial.run(store, container: operands[1], from: start, until: end).write(to: operands[4])
    try store.close()
    return ExitStatus.done
  }

  /// The store's directory, or where it would be made.
  private static func existingDirectory(of invocation: Invocation) throws -> String {
    var path = try invocation.settings.location().root
    while access(path, F_OK) != 0, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      path = String(path[..<slash])
    }
    return path
  }
}

extension Invocation {
  /// The whole number that an option says; nil where it is not given.
  fileprivate func number(
    _ option: CommandOption, from range: ClosedRange<Int>
  ) throws(UsageError) -> Int? {
    guard let text = arguments.value(option) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw UsageError(
        "--\(option.name) \(text)", "a whole number, \(range.lowerBound) to \(range.upperBound), is needed",
        verb: verb.name)
    }
    return number
  }
}

/// What a directory can do.
private struct BenchResult {
  let directory: String
  let processes: Int
  let warnings: [String]
  let syncs: LatencySummary
  let growingSyncs: LatencySummary
  let updates: LatencySummary
  let updatesOfAll: LatencySummary
  let slowestOfFastest: Double
  let reads: LatencySummary

  init(directory: String, processes: Int, nanoseconds: UInt64) throws {
    self.directory = directory
    self.processes = processes
    let place = try TrialDirectory(below: directory)
    // First of all: whether a store can be here.
    var options = StoreOptions()
    // A read asks the database, as the first one of a command does.
    options.keptAnswersMaximumBytes = 0
    let root = place.path + "/store"
    let store = try StateStore(at: StoreLocation(root: root), options: options)
    warnings = try store.facts().warnings.map {
      $0.hasPrefix(root) ? directory + $0.dropFirst(root.count) : $0
    }
    syncs = try SyncTrial.overwriting(in: place.path, nanoseconds: nanoseconds / 6)
    growingSyncs = try SyncTrial.growing(in: place.path, nanoseconds: nanoseconds / 12)
    let start = monotonicNanoseconds()
    updates = try UpdateTrial.run(store, container: "alone", from: start, until: start + nanoseconds / 3)
    reads = try UpdateTrial.reading(store, container: "alone", nanoseconds: nanoseconds / 12)
    try store.close()
    (updatesOfAll, slowestOfFastest) = try UpdateProcesses(
      root: root, count: processes, nanoseconds: nanoseconds / 3
    ).run()
  }

  /// How much of a durable update is its sync, 0 to 1.
  private var syncShare: Double {
    min(1, Double(syncs.medianNanoseconds) / Double(max(1, updates.medianNanoseconds)))
  }

  /// No disk confirms anything in so little time.
  private var syncsReachDisk: Bool { syncs.medianNanoseconds >= 5_000 }

  private var verdict: String {
    guard syncsReachDisk else { return "the processor: syncs reach no disk here, so nothing is durable" }
    let percent = Int((syncShare * 100).rounded())
    let growth = Double(growingSyncs.medianNanoseconds) / Double(max(1, syncs.medianNanoseconds))
    if growth >= 2 {
      return "the disk while a new store grows: there a sync takes \(Int(growth.rounded())) times as long as "
        + "one of what is written over"
    }
    return percent >= 50
      ? "the disk: \(percent) % of a durable update is its sync"
      : "the processor: a sync is \(percent) % of a durable update; a faster disk would not help much"
  }

  func print(to output: inout OutputBuffer) {
    var table = Table("WHAT", "A SECOND", "HALF WITHIN", "99 % WITHIN", "SLOWEST")
    func add(_ what: String, _ rate: LatencySummary) {
      table.add(
        what, "\(Int(rate.perSecond.rounded()))", formattedDuration(nanoseconds: rate.medianNanoseconds),
        formattedDuration(nanoseconds: rate.p99Nanoseconds),
        formattedDuration(nanoseconds: rate.greatestNanoseconds))
    }
    add("syncs of 4 KB written over", syncs)
    add("syncs of 4 KB appended", growingSyncs)
    add("durable updates, 1 process", updates)
    add("durable updates, \(processes) process\(processes == 1 ? "" : "es")", updatesOfAll)
    table.add(
      "state reads", "\(Int(reads.perSecond.rounded()))",
      formattedDuration(nanoseconds: reads.medianNanoseconds), "", "")
    table.print(to: &output)
    output.line("")
    output.line("\(printable(directory, limit: 255)) is fit for a store.")
    for warning in warnings { output.line("Warning: \(warning)") }
    output.line("What holds durable updates back is \(verdict).")
    if processes > 1 {
      let share = Int((slowestOfFastest * 100).rounded())
      output.line("The slowest of \(processes) processes made \(share) % as many as the fastest.")
    }
  }

  var json: JSONBytes {
    .object { json in
      json.member("directory", directory)
      json.member("warnings", warnings)
      Self.write("syncs", syncs, to: &json)
      Self.write("growing_syncs", growingSyncs, to: &json)
      Self.write("durable_updates", updates, to: &json)
      json.member("processes", processes)
      Self.write("durable_updates_of_all", updatesOfAll, to: &json)
      json.key("slowest_of_fastest")
      json.double(slowestOfFastest)
      Self.write("state_reads", reads, to: &json)
      json.key("sync_share")
      json.double(syncShare)
    }
  }

  private static func write(_ key: String, _ rate: LatencySummary, to json: inout JSONWriter) {
    json.key(key)
    json.beginObject()
    json.key("per_second")
    json.double(rate.perSecond)
    json.member("p50_ns", rate.medianNanoseconds)
    json.member("p99_ns", rate.p99Nanoseconds)
    json.member("max_ns", rate.greatestNanoseconds)
    json.endObject()
  }
}
