internal import ContainerStateStore
internal import Glibc

/// Everything a run found, as JSON.
struct Report {
  let options: BenchOptions
  let figures: [CellFigures]
  let verdicts: [Verdict]
  let noise: Noise
  let sizes: [StoreSize]

  /// The store's law of each case that was run by at least three numbers of processes.
  var models: [(BenchCase, ScaleModel)] {
    BenchCase.allCases.filter(\.isForManyProcesses).compactMap { benchCase in
      let points = figures.filter {
        $0.cell.benchCase == benchCase && $0.cell.load == .hot && $0.cell.syncDelayMicroseconds == 0
      }.compactMap { found in
        found.figures(of: .store).map { (Double(found.cell.processes), $0.operationsPerSecond) }
      }
      return ScaleModel(points).map { (benchCase, $0) }
    }
  }

  var json: JSONBytes {
    var json = JSONWriter(reservingBytes: 65_536)
    json.beginObject()
    json.member("version", 1)
    json.member("quick", options.isQuick)
    json.key("machine")
    json.beginObject()
    json.member("processors", sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    json.member("noisy", noise.isNoisy)
    Report.write(noise.arithmeticSpread, "arithmetic_ns", to: &json)
    Report.write(noise.syncSpread, "sync_ns", to: &json)
    json.key("processor_wait_share")
    if let share = noise.waitShare { json.double((share * 1000).rounded() / 1000) } else { json.null() }
    json.member("clock_ns", noise.clockNanoseconds)
    json.endObject()
    json.key("stores")
    json.beginArray()
    for size in sizes {
      json.beginObject()
      json.member("containers", size.containers)
      json.member("database_bytes", size.databaseBytes)
      json.member("bytes_per_container", size.bytesPerContainer)
      json.endObject()
    }
    json.endArray()
    json.key("scale_models")
    json.beginArray()
    for (benchCase, model) in models {
      json.beginObject()
      json.member("case", benchCase.rawValue)
      Report.write(model.rate, "operations_per_second_of_one", to: &json)
      json.key("serial_share")
      json.double(model.serialShare)
      json.key("pair_cost")
      json.double(model.pairCost)
      Report.write(model.worstError, "worst_error", to: &json)
      json.endObject()
    }
    json.endArray()
    json.key("cells")
    json.beginArray()
    for cell in figures { Report.write(cell, to: &json) }
    json.endArray()
    json.key("thresholds")
    json.beginArray()
    for verdict in verdicts { Report.write(verdict, to: &json) }
    json.endArray()
    json.endObject()
    return json.finish()
  }

  private static func write(_ figures: CellFigures, to json: inout JSONWriter) {
    json.beginObject()
    json.member("case", figures.cell.benchCase.rawValue)
    json.member("containers", figures.cell.containers)
    json.member("processes", figures.cell.processes)
    json.member("load", figures.cell.load.rawValue)
    json.member("sync_delay_us", figures.cell.syncDelayMicroseconds)
    for subject in figures.subjects {
      json.key(subject.subject.name)
      write(subject, figures, to: &json)
    }
    json.endObject()
  }

  private static func write(_ subject: SubjectFigures, _ cell: CellFigures, to json: inout JSONWriter) {
    json.beginObject()
    if subject.subject != .floor {
      write(cell.medianRatio(subject.subject, to: .floor), "median_ratio", to: &json)
      write(cell.meanRatio(subject.subject, to: .floor), "mean_ratio", to: &json)
    }
    json.member("operations", subject.operations)
    write(subject.meanNanoseconds, "mean_ns", to: &json)
    json.member("p50_ns", subject.p50)
    json.member("p99_ns", subject.p99)
    json.member("p999_ns", subject.p999)
    json.member("max_ns", subject.longest)
    write(subject.operationsPerSecond, "operations_per_second", to: &json)
    write(subject.fairness, "slowest_to_fastest_process", to: &json)
    write(subject.syncsPerOperation, "syncs_per_operation", to: &json)
    write(subject.bytesWrittenPerOperation, "bytes_written_per_operation", to: &json)
    write(subject.processorNanosecondsPerOperation, "cpu_ns_per_operation", to: &json)
    json.endObject()
  }

  private static func write(_ verdict: Verdict, to json: inout JSONWriter) {
    json.beginObject()
    json.member("cell", verdict.cell.name)
    json.member("metric", verdict.threshold.metric.rawValue)
    write(verdict.value, "value", to: &json)
    write(verdict.limit, verdict.threshold.isLeast ? "at_least" : "at_most", to: &json)
    json.member("holds", verdict.whyNot == nil ? !verdict.isBroken : nil)
    json.member("not_judged", verdict.whyNot)
    json.endObject()
  }

  private static func write(_ value: Double, _ key: String, to json: inout JSONWriter) {
    json.key(key)
    json.double((value * 1000).rounded() / 1000)
  }

  private static func write(_ spread: Spread?, _ key: String, to json: inout JSONWriter) {
    guard let spread else { return }
    json.key(key)
    json.beginObject()
    write(spread.median, "median", to: &json)
    write(spread.lowerQuartile, "lower_quartile", to: &json)
    write(spread.upperQuartile, "upper_quartile", to: &json)
    json.member("blocks", spread.count)
    json.endObject()
  }
}
