internal import Glibc
internal import SeededNumbers
internal import StoreHistory

/// Judges histories that are there, and times the judging of simulated ones.
@main
enum Main {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    do throws(HistoryFailure) {
      switch (arguments.first, arguments.count) {
      case ("check", 2): try judge(arguments[1])
      case ("time", 2...4): time(arguments)
      default: usage()
      }
    } catch {
      print(error)
      exit(2)
    }
  }

  private static func usage() -> Never {
    print(
      """
      cstate-history check DIRECTORY               judges a directory of journals; 1 where it finds something,
                                                   and writes anomaly-N.svg into the directory above
      cstate-history time OPERATIONS [SEED [BUG]]  has a simulated store do that many operations, and says how
                                                   long it takes to judge them; BUG is \(bugs)
      """)
    exit(2)
  }

  private static var bugs: String { Simulation.Bug.allCases.map(\.rawValue).joined(separator: ", ") }

  private static func judge(_ directory: String) throws(HistoryFailure) {
    let history = try History(directory: directory)
    let anomalies = Checker().check(history)
    print("\(history.operations.count) operations, \(anomalies.count) anomalies")
    // One picture of each kind; the others are most often the same thing seen again.
    var drawn: Set<Anomaly.Kind> = []
    for anomaly in anomalies {
      print("\(anomaly.kind.rawValue): \(anomaly.explanation)")
      guard drawn.insert(anomaly.kind).inserted else { continue }
      let reduction = Reduction(anomaly, of: history)
      let path = "\(directory)/../anomaly-\(drawn.count).svg"
      try write(HistoryDrawing(reduction.history, reduction.anomaly).text, to: path)
      print("  \(path): \(reduction.history.operations.count) operations")
    }
    exit(anomalies.isEmpty ? 0 : 1)
  }

  private static func write(_ text: String, to path: String) throws(HistoryFailure) {
    let failure = { HistoryFailure.systemCall("write", path: path, errno: errno) }
    guard let file = fopen(path, "we") else { throw failure() }
    let isWritten = fputs(text, file) >= 0
    guard fclose(file) == 0, isWritten else { throw failure() }
  }

  private static func time(_ arguments: [String]) {
    let seed = arguments.count > 2 ? UInt64(arguments[2]) : 1
    let bug = arguments.count > 3 ? Simulation.Bug(rawValue: arguments[3]) : nil
    guard let operations = Int(arguments[1]), let seed, bug != nil || arguments.count < 4 else { usage() }
    let plan = Simulation.Plan(
      operations: operations, objects: 64, workers: 16, killOneIn: 2_000, bug: bug)
    let simulation = Simulation(plan, random: RandomSource(seed: seed))
    let began = now()
    let anomalies = Checker().check(simulation.history)
    let milliseconds = (now() - began) / 1_000_000
    print(
      "seed \(seed): \(simulation.history.operations.count) operations of"
        + " \(simulation.history.lives.count) sessions on \(plan.objects) containers judged in"
        + " \(milliseconds) ms, \(anomalies.count) anomalies, \(simulation.planted) planted")
    exit(anomalies.isEmpty == (simulation.planted == 0) ? 0 : 1)
  }

  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
