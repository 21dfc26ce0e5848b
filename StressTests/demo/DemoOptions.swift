internal import Glibc

/// What the demo is asked to do.
struct DemoOptions {
  /// Decides every choice of the demo: which container does what, and who is killed.
  var seed: UInt64
  /// How many containers are driven at the same time.
  var processes = 8
  var containers = 200
  var runtime = "auto"
  /// How often a process is killed; 0 for never.
  var killEveryMilliseconds = 1_000
  /// The directory of everything; nil for a temporary one.
  var root: String?
  /// Keeps the directory even when all went well.
  var isKept = false
  var printsJSON = false
  /// Removes one row behind the store's back, to show that the demo notices.
  var plantsLoss = false

  static let help = """
    The main job: many cstate processes at once take containers through their lives, while some are killed.

    Usage: cstate-demo [OPTION]…

      --seed NUMBER          Decides every choice (from the clock)
      --processes NUMBER     How many containers are driven at once (8)
      --containers NUMBER    How many containers there are in all (200)
      --runtime RUNTIME      auto, runc, crun or builtin (auto)
      --kill-every-ms NUMBER How often a process is killed; 0 for never (1000)
      --root DIR             An empty directory for everything (a temporary one)
      --keep                 Keep that directory; it is kept anyway when something went wrong
      --json                 Print the summary as JSON

    Exit statuses: 0 nothing was lost and nothing is left over · 1 something was · 2 wrong arguments ·
    130 interrupted
    """

  init(_ words: [String]) throws(DemoFailure) {
    seed = clockNanoseconds(CLOCK_REALTIME) % 1_000_000_000
    var words = words[...]
    while let word = words.popFirst() {
      let name = String(word.prefix { $0 != "=" })
      let attached = name.count < word.count ? String(word.dropFirst(name.count + 1)) : nil
      func value() throws(DemoFailure) -> String {
        guard let value = attached ?? words.popFirst() else { throw DemoFailure("\(name) needs a value") }
        return value
      }
      switch name {
      case "--seed": seed = try DemoOptions.number(value(), name, 0...UInt64.max)
      case "--processes": processes = Int(try DemoOptions.number(value(), name, 1...256))
      case "--containers": containers = Int(try DemoOptions.number(value(), name, 1...1_000_000))
      case "--kill-every-ms":
        killEveryMilliseconds = Int(try DemoOptions.number(value(), name, 0...3_600_000))
      case "--runtime": runtime = try value()
      case "--root": root = try value()
      case "--keep": isKept = true
      case "--json": printsJSON = true
      case "--plant-loss": plantsLoss = true
      default: throw DemoFailure("\(word): unknown option; see cstate-demo --help")
      }
    }
    guard ["auto", "runc", "crun", "builtin"].contains(runtime) else {
      throw DemoFailure("--runtime \(runtime): the runtime is auto, runc, crun or builtin")
    }
  }

  private static func number(
    _ text: String, _ name: String, _ range: ClosedRange<UInt64>
  ) throws(DemoFailure) -> UInt64 {
    guard let number = UInt64(text), range.contains(number) else {
      throw DemoFailure("\(name) \(text): a number from \(range.lowerBound) to \(range.upperBound) is needed")
    }
    return number
  }
}

/// A demo that cannot begin or go on.
struct DemoFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// A system call that failed, with what errno says.
  static func systemCall(_ name: String, _ subject: String, _ code: Int32 = errno) -> DemoFailure {
    DemoFailure("\(name)(\(subject)): \(String(cString: strerror(code)))")
  }
}
