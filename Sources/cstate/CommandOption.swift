/// One option as data: parsing, help and error messages are all made from it.
struct CommandOption: Sendable {
  /// Without the dashes.
  let name: String
  /// Its short form, as in `-a`; nil where it has none.
  let letter: Character?
  /// What its value is called in help; nil for an option without value.
  let valueName: String?
  /// One line of help.
  let help: String

  init(_ name: String, letter: Character? = nil, value valueName: String? = nil, _ help: String) {
    self.name = name
    self.letter = letter
    self.valueName = valueName
    self.help = help
  }

  /// How help and messages show it: `--signal SIGNAL`.
  var spelling: String { valueName.map { "--\(name) \($0)" } ?? "--\(name)" }
}

/// The options that every verb takes, before or after its name.
extension CommandOption {
  static let root = CommandOption("root", value: "DIR", "Where the store is")
  static let lockDirectory = CommandOption(
    "lock-directory", value: "DIR", "Where its lockfiles are; decided when the store is made")
  static let specificationDirectory = CommandOption(
    "specification-directory", value: "DIR", "Where the copies of OCI specifications are; likewise")
  static let runtime = CommandOption(
    "runtime", value: "RUNTIME", "auto, runc, crun, builtin (plain processes), or the path of an OCI runtime")
  static let runDirectory = CommandOption(
    "run-directory", value: "DIR", "Where OCI runtimes keep what does not outlive a boot")
  static let format = CommandOption("format", value: "FORMAT", "table or json")
  static let lockWait = CommandOption(
    "wait", value: "DURATION", "How long to wait for a container's lock: 500ms, 30s, 5m, 0 or forever (30s)")
  static let timings = CommandOption(
    "timings", value: "FILE", "Append one line of JSON that says how long this command took and waited")
  static let help = CommandOption("help", letter: "h", "This help")
  static let version = CommandOption("version", "The version")

  static let global: [CommandOption] = [
    .root, .lockDirectory, .specificationDirectory, .runtime, .runDirectory, .format, .lockWait, .timings,
    .help,
    .version,
  ]
}

/// The options and operands of one command line, as they were given.
struct CommandArguments {
  private var values: [String: [String]] = [:]
  /// What is neither an option nor the value of one.
  private(set) var operands: [String] = []

  /// Whether the option was given.
  func has(_ option: CommandOption) -> Bool { values[option.name] != nil }

  /// The value that was given last; nil where the option was not given.
  func value(_ option: CommandOption) -> String? { values[option.name]?.last }

  /// All values that were given, in their order.
  func values(_ option: CommandOption) -> [String] { values[option.name] ?? [] }

  mutating func add(_ option: CommandOption, _ value: String) {
    values[option.name, default: []].append(value)
  }
  mutating func add(operand: String) { operands.append(operand) }
}
