internal import Glibc
internal import ScratchStorage
internal import StressSupport

/// What the program is asked to do.
struct PowerLossOptions {
  /// Decides every choice: what the workers do, and when the power goes.
  var seed: UInt64
  /// How often the power is lost on each file system.
  var rounds = 5
  var processes = 8
  var kinds: [StorageKind] = [.ext4, .xfs]
  /// The longest time before the power goes.
  var longestMilliseconds: UInt64 = 300
  /// Where images and ledgers are; nil for a temporary directory.
  var directory: String?
  var isKept = false
  /// Whether the workers call changes durable that they only commit: to see that it is found.
  var lies = false

  static let help = """
    Loses the power under a running load, and checks that what is left is what was promised.

    Usage: cstate-power-loss [OPTION]…

      --rounds NUMBER        How often the power is lost on each file system (5)
      --seed NUMBER          Decides every choice (from the clock)
      --processes NUMBER     How many processes write at once (8)
      --storage KIND         ext4 or xfs; again for both (both)
      --longest-ms NUMBER    The longest time before the power goes (300)
      --directory DIR        An existing directory for images and ledgers (a temporary one)
      --keep                 Keep the ledgers; they are kept anyway when something was lost
      --lie                  Call changes durable that were only committed, to see that it is found

    Needs root, loop devices, mkfs.ext4 and mkfs.xfs: a file system that cannot be had is named as skipped.

    Exit statuses: 0 nothing was lost · 1 something was · 2 wrong arguments · 77 nothing could be run
    """

  init(_ words: [String]) throws(StressFailure) {
    seed = clockNanoseconds(CLOCK_REALTIME) % 1_000_000_000
    var chosen: [StorageKind] = []
    var words = OptionWords(words, of: "cstate-power-loss")
    while let name = words.next() {
      switch name {
      case "--seed": seed = try words.number(0...UInt64.max)
      case "--rounds": rounds = Int(try words.number(1...1_000_000))
      case "--processes": processes = Int(try words.number(1...64))
      case "--longest-ms": longestMilliseconds = try words.number(1...60_000)
      case "--directory": directory = try words.value()
      case "--keep": isKept = true
      case "--lie": lies = true
      case "--storage":
        let kinds = StorageKind.allCases.filter(\.canBeCutOff)
        chosen += [StorageKind(rawValue: try words.word(of: kinds.map(\.rawValue)))].compactMap(\.self)
      default: throw words.unknown
      }
    }
    if !chosen.isEmpty { kinds = chosen }
  }
}
