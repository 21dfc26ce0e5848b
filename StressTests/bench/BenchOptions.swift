internal import StressSupport

/// What the bench is asked to do.
struct BenchOptions {
  /// Short, for machines that check changes; without it, long, for people.
  var isQuick = false
  /// Nil for all.
  var cases: Set<BenchCase>?
  var containers: [Int]?
  var processes: [Int]?
  var syncDelaysMilliseconds: [Int]?
  /// How many times as many blocks as usual.
  var scale = 1
  /// Where JSON and plots go; nil for nowhere.
  var outputDirectory: String?
  /// Where the databases are made; nil for the temporary directory.
  var directory: String?
  var thresholds = "StressTests/bench/thresholds.json"
  var printsJSON = false
  /// How many operations are done for a program that counts instructions; nil for a measurement.
  var countedOperations: Int?
  var countedSubject = Subject.store
  /// Whether waiting for a lock is measured, and nothing else.
  var measuresWaits = false

  static let help = """
    Measures the store against the same work in plain C on libsqlite3, in turns, and judges the ratios.

    Usage: cstate-bench [OPTION]…

      --quick               Under a minute, 1,000 containers, lenient thresholds
      --only CASE[,CASE…]   These cases only
      --containers N[,N…]   How many containers the store holds (100,1000,10000,100000)
      --processes N[,N…]    How many processes work at once (1,2,4,8,16,32; update-own to 256)
      --delays N[,N…]       Milliseconds that every sync takes longer (0,1,5)
      --scale N             N times as many blocks
      --directory DIR       Make the databases below DIR, on the disk that is asked about (the temporary one)
      --out DIR             Write bench.json and plots (SVG) into DIR
      --thresholds FILE     (StressTests/bench/thresholds.json)
      --format text|json    What is printed (text)
      --waits               What waiting for another process's lock costs, and nothing else
      --count N             N operations of one case and nothing around them, for valgrind
      --subject NAME        Whose: store, floor, peer (store)
      --help

    Cases:
    \(caseList)

    Exit statuses: 0 every threshold holds · 1 one is broken · 2 wrong arguments · 3 it could not be measured
    """

  private static var caseList: String {
    BenchCase.allCases.map { "  " + padded($0.rawValue, 22) + $0.summary }.joined(separator: "\n")
  }

  init(_ words: [String]) throws(StressFailure) {
    var words = words[...]
    while let word = words.popFirst() {
      let name = String(word.prefix { $0 != "=" })
      let attached = name.count < word.count ? String(word.dropFirst(name.count + 1)) : nil
      func value() throws(StressFailure) -> String {
        guard let value = attached ?? words.popFirst() else { throw StressFailure("\(name) needs a value") }
        return value
      }
      switch name {
      case "--quick": isQuick = true
      case "--only": cases = try BenchOptions.cases(value())
      case "--containers": containers = try BenchOptions.numbers(value(), name, 1...1_000_000)
      case "--processes": processes = try BenchOptions.numbers(value(), name, 1...256)
      case "--delays": syncDelaysMilliseconds = try BenchOptions.numbers(value(), name, 0...1_000)
      case "--scale": scale = try BenchOptions.numbers(value(), name, 1...1_000)[0]
      case "--directory": directory = try value()
      case "--out": outputDirectory = try value()
      case "--thresholds": thresholds = try value()
      case "--waits": measuresWaits = true
      case "--count": countedOperations = try BenchOptions.numbers(value(), name, 1...1_000_000)[0]
      case "--subject": countedSubject = try BenchOptions.subject(value())
      case "--format": printsJSON = try BenchOptions.isJSON(value())
      default: throw StressFailure("\(word): unknown option; see cstate-bench --help")
      }
    }
  }

  private static func cases(_ text: String) throws(StressFailure) -> Set<BenchCase> {
    var cases: Set<BenchCase> = []
    for name in text.split(separator: ",") {
      guard let found = BenchCase(rawValue: String(name)) else {
        throw StressFailure("--only \(name): no such case; see cstate-bench --help")
      }
      cases.insert(found)
    }
    return cases
  }

  private static func numbers(
    _ text: String, _ name: String, _ range: ClosedRange<Int>
  ) throws(StressFailure) -> [Int] {
    var numbers: [Int] = []
    for part in text.split(separator: ",") {
      guard let number = Int(part), range.contains(number) else {
        throw StressFailure(
          "\(name) \(part): a number from \(range.lowerBound) to \(range.upperBound) is needed")
      }
      numbers.append(number)
    }
    guard !numbers.isEmpty else { throw StressFailure("\(name) needs a number") }
    return numbers.sorted()
  }

  private static func subject(_ text: String) throws(StressFailure) -> Subject {
    guard let found = Subject.allCases.first(where: { $0.name == text }) else {
      throw StressFailure("--subject \(text): store, floor or peer")
    }
    return found
  }

  private static func isJSON(_ text: String) throws(StressFailure) -> Bool {
    guard text == "json" || text == "text" else { throw StressFailure("--format \(text): text or json") }
    return text == "json"
  }
}
