internal import Glibc
internal import StressSupport

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

  init(_ words: [String]) throws(StressFailure) {
    seed = clockNanoseconds(CLOCK_REALTIME) % 1_000_000_000
    var words = OptionWords(words, of: "cstate-demo")
    while let name = words.next() {
      switch name {
      case "--seed": seed = try words.number(0...UInt64.max)
      case "--processes": processes = Int(try words.number(1...256))
      case "--containers": containers = Int(try words.number(1...1_000_000))
      case "--kill-every-ms": killEveryMilliseconds = Int(try words.number(0...3_600_000))
      case "--runtime": runtime = try words.word(of: ["auto", "runc", "crun", "builtin"])
      case "--root": root = try words.value()
      case "--keep": isKept = true
      case "--json": printsJSON = true
      case "--plant-loss": plantsLoss = true
      default: throw words.unknown
      }
    }
  }
}
