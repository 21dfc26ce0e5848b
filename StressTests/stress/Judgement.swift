internal import Glibc
internal import ContainerStateStore
internal import StoreHistory
internal import StressSupport

/// What the histories say.
struct Judgement {
  private let history: History
  private let checker: Checker
  private let anomalies: [Anomaly]
  private let nanoseconds: UInt64

  /// Judges the journals of a run whose workers waited so long for locks at most, of a store that was to keep
  /// so many changes.
  init(of run: StressRun, timeoutSeconds: Int, keptChanges: Int64) throws(StressFailure) {
    do {
      var history = try History(directory: run.journals)
      history.keptChanges = keptChanges
      self.history = history
    } catch { throw StressFailure(error.description) }
    let began = clockNanoseconds(CLOCK_MONOTONIC)
    // Longer than any wait of a worker can be: the lock, the gate, a foreign program's lock, one after the
    // other.
    checker = Checker(progressSeconds: 3 * timeoutSeconds)
    anomalies = checker.check(history)
    nanoseconds = clockNanoseconds(CLOCK_MONOTONIC) - began
  }

  /// Judges a run directory that is there already.
  init(of run: StressRun) throws(StressFailure) {
    guard let text = readFile(run.options), let root = try? JSONBytes(text).root,
      let seconds = try? root.at("timeout_s")?.int64(), let kept = try? root.at("keep_changes")?.int64()
    else { throw StressFailure("\(run.options) cannot be read") }
    try self.init(of: run, timeoutSeconds: Int(seconds), keptChanges: kept)
  }

  /// Draws the first anomalies into the run directory, each reduced to its smallest piece.
  func draw(into run: StressRun) throws(StressFailure) {
    for (index, anomaly) in anomalies.prefix(Judgement.drawings).enumerated() {
      let reduction = Reduction(anomaly, of: history, checker: checker)
      let drawing = HistoryDrawing(reduction.history, reduction.anomaly)
      try writeFile(Array(drawing.text.utf8), to: run.drawing(index + 1))
    }
  }

  private static let drawings = 5

  var isClean: Bool { anomalies.isEmpty }

  var lines: [String] {
    anomalies.prefix(10).map { "anomaly: \($0.kind.rawValue): \($0.explanation)" }
      + (anomalies.count > 10 ? ["and \(anomalies.count - 10) more: see verdict.json"] : [])
  }

  /// Nanoseconds that operations of a verb took, those that have an end, sorted.
  private var durations: [(verb: Verb, sorted: [UInt64])] {
    var all: [Verb: [UInt64]] = [:]
    for operation in history.operations where operation.ended != .max {
      all[operation.verb, default: []].append(operation.ended - operation.began)
    }
    return Verb.allCases.compactMap { verb in all[verb].map { (verb, $0.sorted()) } }
  }

  var json: JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    json.member("operations", history.operations.count)
    json.member("unknown", history.operations.count { $0.ended == .max })
    json.member("sessions", history.lives.count)
    json.member("check_ns", nanoseconds)
    json.key("durations")
    json.beginObject()
    for (verb, sorted) in durations {
      json.key(verb.rawValue)
      json.beginObject()
      json.member("count", sorted.count)
      json.member("p50_ns", sorted[sorted.count / 2])
      json.member("p99_ns", sorted[sorted.count * 99 / 100])
      json.member("max_ns", sorted[sorted.count - 1])
      json.endObject()
    }
    json.endObject()
    json.key("anomalies")
    json.beginArray()
    for anomaly in anomalies {
      json.beginObject()
      json.member("kind", anomaly.kind.rawValue)
      json.member("explanation", anomaly.explanation)
      json.member("objects", anomaly.objects.map(String.init))
      json.member("operations", anomaly.operations.map(describe))
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return json.finish()
  }

  private func describe(_ index: Int) -> String {
    guard history.operations.indices.contains(index) else { return "?" }
    let operation = history.operations[index]
    return "session \(operation.session).\(operation.thread) \(operation.verb) from \(operation.began)"
  }
}
