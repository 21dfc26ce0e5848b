internal import CFaults
internal import Glibc
internal import OCIEngine
internal import StressSupport

/// What the harness is asked to do.
struct StressOptions {
  /// Decides everything that is not the kernel's to decide: roles, operations, victims, moments.
  var seed = clockNanoseconds(CLOCK_REALTIME) % 1_000_000_000
  var scenario = ""
  var processes = 16
  /// How long the load lasts; 0 for no limit of that kind.
  var seconds = 60
  /// After how many operations of all workers together it ends; 0 for no limit of that kind.
  var operations: UInt64 = 0
  /// After how many kills it ends; 0 for no limit of that kind.
  var kills = 0
  /// After how many whole lives of containers it ends; 0 for no limit of that kind, and none of them.
  var lifecycles: UInt64 = 0
  /// How many changes the store keeps: more than any run makes, unless said otherwise.
  var keptChanges: Int32 = 100_000_000
  var killEveryMilliseconds = 200
  var stopEveryMilliseconds = 0
  /// How long who was stopped stays so at most.
  var stopForMilliseconds = 800
  /// How many containers there are at most at the same time.
  var containers = 64
  var threads = 2
  var roles = RoleWeights()
  var foreign = ForeignConduct.writes
  var checkpointFrames: Int32 = 200
  var storage = "dir"
  var runtime = "none"
  /// How long a worker waits for a lock or the gate.
  var timeoutSeconds = 60
  /// The run directory; nil for one in the temporary directory.
  var directory: String?
  var isKept = false
  /// Whether each session of the store draws a fault.
  var hasFaults = false
  var plant: Plant?

  init() {}

  init(_ words: [String]) throws(StressFailure) {
    var words = OptionWords(words, of: "cstate-stress")
    while let name = words.next() {
      if try !setLoad(name, &words), try !setPlace(name, &words) { throw words.unknown }
    }
    if hasFaults, faults_are_possible() == 0 {
      throw StressFailure("--faults: this build does not interpose system calls")
    }
    guard seconds > 0 || operations > 0 || kills > 0 || lifecycles > 0 else {
      throw StressFailure("a run needs an end: --seconds, --operations, --kills or --lifecycles")
    }
    if roles[.lifecycle] > 0, lifecycles == 0 { throw StressFailure("--roles lifecycle needs --lifecycles") }
    if kills > 0, killEveryMilliseconds == 0 { throw StressFailure("--kills needs --kill-every") }
    if runtime != "none", roles[.engine] == 0 { roles[.engine] = 60 }
    if runtime == "none" { roles[.engine] = 0 }
  }

  private mutating func setLoad(_ name: String, _ words: inout OptionWords) throws(StressFailure) -> Bool {
    switch name {
    case "--scenario": try set(Scenario(named: words.value()))
    case "--seed": seed = try words.number(0...UInt64.max)
    case "--processes": processes = Int(try words.number(1...4_096))
    case "--seconds": seconds = Int(try words.number(0...1_000_000))
    case "--operations": operations = try words.number(0...1_000_000_000_000)
    case "--lifecycles":
      lifecycles = try words.number(0...10_000_000)
      if lifecycles > 0, roles[.lifecycle] == 0 {
        roles = RoleWeights("lifecycle=95,follower=5") ?? roles
        seconds = 0
      }
    case "--keep-changes": keptChanges = Int32(try words.number(1...UInt64(Int32.max)))
    case "--kills": kills = Int(try words.number(0...1_000_000_000))
    case "--kill-every": killEveryMilliseconds = Int(try words.number(0...3_600_000))
    case "--stop-every": stopEveryMilliseconds = Int(try words.number(0...3_600_000))
    case "--stop-for": stopForMilliseconds = Int(try words.number(1...600_000))
    case "--containers": containers = Int(try words.number(1...100_000))
    case "--threads": threads = Int(try words.number(1...64))
    case "--roles":
      let text = try words.value()
      guard let weights = RoleWeights(text) else {
        let names = Role.allCases.map(\.rawValue).joined(separator: ", ")
        throw StressFailure("--roles \(text): weights like command=4,lister=1 are needed, of \(names)")
      }
      roles = weights
    default: return false
    }
    return true
  }

  private mutating func setPlace(_ name: String, _ words: inout OptionWords) throws(StressFailure) -> Bool {
    switch name {
    case "--foreign":
      foreign =
        ForeignConduct(rawValue: try words.word(of: ForeignConduct.allCases.map(\.rawValue))) ?? .reads
    case "--checkpoint-frames": checkpointFrames = Int32(try words.number(1...1_000_000))
    case "--storage":
      storage = try words.value()
      guard StressRun.storageWords.contains(storage) || storage.hasPrefix("/") || storage.hasPrefix(".")
      else {
        let words = StressRun.storageWords.joined(separator: ", ")
        throw StressFailure("--storage \(storage): a path, or one of \(words) is needed")
      }
    case "--runtime": runtime = try words.word(of: ["none", "runc", "crun", "builtin"])
    case "--timeout": timeoutSeconds = Int(try words.number(1...3_600))
    case "--directory": directory = try words.value()
    case "--keep": isKept = true
    case "--faults": hasFaults = true
    case "--plant": plant = Plant(rawValue: try words.word(of: Plant.allCases.map(\.rawValue)))
    default: return false
    }
    return true
  }

  private mutating func set(_ scenario: Scenario) {
    self.scenario = scenario.name
    scenario.change(&self)
  }

  /// Which runtime engines use.
  var runtimeChoice: RuntimeChoice {
    switch runtime {
    case "runc": .runc
    case "crun": .crun
    default: .builtin
    }
  }

  /// The words that ask for the same run again.
  var words: [String] {
    var words = [
      "--seed", "\(seed)", "--processes", "\(processes)", "--seconds", "\(seconds)", "--operations",
      "\(operations)", "--kills", "\(kills)", "--lifecycles", "\(lifecycles)", "--keep-changes",
      "\(keptChanges)",
      "--kill-every", "\(killEveryMilliseconds)", "--stop-every",
      "\(stopEveryMilliseconds)", "--stop-for", "\(stopForMilliseconds)", "--containers", "\(containers)",
      "--threads", "\(threads)", "--roles",
      roles.text, "--foreign", foreign.rawValue, "--checkpoint-frames", "\(checkpointFrames)", "--storage",
      storage, "--runtime", runtime, "--timeout", "\(timeoutSeconds)",
    ]
    // First, so that what was said beside it stays.
    if !scenario.isEmpty { words = ["--scenario", scenario] + words }
    if hasFaults { words.append("--faults") }
    if let plant { words += ["--plant", plant.rawValue] }
    return words
  }
}
