internal import ContainerStateStore
internal import StressSupport

/// What a run came to.
struct Verdict {
  private let options: StressOptions
  private let tally: Tally
  private let elapsedNanoseconds: UInt64
  private let operations: UInt64
  private let refusals: UInt64
  private let longestWAL: UInt64
  private let namedReaders: UInt64
  private let planted: UInt64
  private let lifecycles: UInt64
  private let changesTold: UInt64
  private let trimmings: UInt64
  private let answersKept: UInt64
  private let slowestNanoseconds: UInt64
  private let hasWALResetRace: Bool
  private let complaints: [String]
  let judgement: Judgement
  var violations: [String]

  init(of coordinator: Coordinator) throws(StressFailure) {
    let board = coordinator.board
    options = coordinator.options
    tally = coordinator.tally
    elapsedNanoseconds = coordinator.elapsedNanoseconds
    operations = board.load(.operations)
    refusals = board.load(.refusals)
    longestWAL = board.load(.longestWAL)
    namedReaders = board.load(.namedReaders)
    planted = board.load(.planted)
    lifecycles = board.load(.lifecycles)
    changesTold = board.load(.changesTold)
    trimmings = board.load(.trimmings)
    answersKept = board.load(.answersKept)
    hasWALResetRace = board.load(.walResetRace) == 2
    slowestNanoseconds = (0..<options.processes).map { board.load($0, .slowest) }.max() ?? 0
    violations = coordinator.violations
    let text = readFile(coordinator.run.complaints) ?? []
    complaints = text.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    if options.hasFaults, tally.faults.total.armed >= 100, tally.faults.total.hit == 0 {
      violations.append("of \(tally.faults.total.armed) faults none struck")
    }
    judgement = try Judgement(
      of: coordinator.run, timeoutSeconds: options.timeoutSeconds, keptChanges: Int64(options.keptChanges))
  }

  var isClean: Bool { violations.isEmpty && complaints.isEmpty && judgement.isClean }

  /// What does not hold, and what the run was, for people.
  var lines: [String] {
    var lines = judgement.lines
    lines += (violations + complaints).prefix(20).map { "violation: \($0)" }
    let rest = violations.count + complaints.count - 20
    if rest > 0 { lines.append("and \(rest) more: see verdict.json") }
    if !isClean, hasWALResetRace, options.foreign == .defaults {
      lines.append(
        "the linked SQLite has the WAL-reset race, which foreign shells with their defaults can meet")
    }
    lines += faultLines
    let time = formattedDuration(nanoseconds: elapsedNanoseconds)
    if lifecycles > 0 { lines.append("\(lifecycles) whole lives of containers") }
    lines.append(
      "\(operations) operations in \(time), \(tally.kills) kills, \(tally.stops + tally.selfStops) stops, "
        + "seed \(options.seed): " + (isClean ? "every check holds" : "NOT every check holds"))
    return lines
  }

  /// What struck, of what was armed.
  private var faultLines: [String] {
    guard options.hasFaults else { return [] }
    func list(_ counts: [String: FaultTally.Count]) -> String {
      counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.hit) of \($0.value.armed)" }
        .joined(separator: " · ")
    }
    let faults = tally.faults
    return [
      "\(faults.total.hit) of \(faults.total.armed) faults struck, \(tally.faultKills) of them deadly: "
        + list(faults.kinds),
      "of those at failpoints: \(list(faults.failpoints))",
    ]
  }

  private func write(_ name: String, _ counts: [String: FaultTally.Count], to json: inout JSONWriter) {
    json.key(name)
    json.beginObject()
    for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
      json.key(name)
      json.beginObject()
      json.member("armed", count.armed)
      json.member("hit", count.hit)
      json.endObject()
    }
    json.endObject()
  }

  /// The one line of a run.
  var json: JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    json.member("clean", isClean)
    json.member("seed", options.seed)
    json.member("scenario", options.scenario)
    json.member("storage", options.storage)
    json.member("runtime", options.runtime)
    json.member("foreign", options.roles[.shell] > 0 ? options.foreign.rawValue : "none")
    json.member("processes", options.processes)
    json.member("containers", options.containers)
    json.member("elapsed_ns", elapsedNanoseconds)
    json.member("operations", operations)
    json.member("lifecycles", lifecycles)
    json.member("changes_told", changesTold)
    json.member("trimmings_told", trimmings)
    json.member("answers_kept", answersKept)
    json.member("refusals", refusals)
    json.member("slowest_operation_ns", slowestNanoseconds)
    json.member("longest_wal_frames", longestWAL)
    json.member("readers_named", namedReaders)
    json.member("kills", tally.kills)
    json.member("kills_between_engine_steps", tally.stepKills)
    json.member("monitor_kills", tally.monitorKills)
    json.member("stops", tally.stops)
    json.member("stops_in_snapshots", tally.selfStops)
    json.member("kills_by_faults", tally.faultKills)
    json.member("stops_by_faults", tally.faultStops)
    json.member("faults_armed", tally.faults.total.armed)
    json.member("faults_hit", tally.faults.total.hit)
    write("faults", tally.faults.kinds, to: &json)
    write("failpoints", tally.faults.failpoints, to: &json)
    json.key("sessions")
    json.beginObject()
    for role in Role.allCases where tally.births[role] != nil {
      json.member(role.rawValue, tally.births[role])
    }
    json.endObject()
    json.member("planted", planted)
    json.member("sqlite_has_wal_reset_race", hasWALResetRace)
    json.member("history", judgement.json)
    json.member("violations", violations)
    json.member("complaints", complaints)
    json.endObject()
    return json.finish()
  }
}
