/// One verb as data, with the function that carries it out.
struct Verb: Sendable {
  let name: String
  /// One line for the list of verbs.
  let summary: String
  /// What its operands are called in help, for example `NAME…`; empty where it takes none.
  let operands: String
  /// How many operands it takes.
  let operandCounts: ClosedRange<Int>
  let options: [CommandOption]
  /// Paragraphs of help.
  let details: [String]
  /// What `--format json` prints, as a pattern; empty where the verb prints nothing.
  let json: String
  let example: String
  let isHidden: Bool
  /// Whether everything after its name belongs to it unread.
  let takesRawArguments: Bool
  /// Does it, and returns the exit status where nothing that was reported decides it.
  let carryOut: @Sendable (Invocation) throws -> Int32

  init(
    _ name: String, _ summary: String, operands: String = "", count operandCounts: ClosedRange<Int> = 0...0,
    options: [CommandOption] = [], details: [String] = [], json: String = "", example: String = "",
    isHidden: Bool = false, takesRawArguments: Bool = false,
    carryOut: @escaping @Sendable (Invocation) throws -> Int32
  ) {
    self.name = name
    self.summary = summary
    self.operands = operands
    self.operandCounts = operandCounts
    self.options = options
    self.details = details
    self.json = json
    self.example = example
    self.isHidden = isHidden
    self.takesRawArguments = takesRawArguments
    self.carryOut = carryOut
  }

  /// As many operands as the command line holds, but at least one.
  static let oneOrMore = 1...Int.max

  /// Every verb, in the order of help.
  static let all: [Verb] = [
    .create, .start, .run, .list, .inspect, .kill, .stop, .wait, .remove, .recover, .verify, .backUp,
    .restore, .events, .podAdd, .podList, .podInspect, .podRemove, .volumeAdd, .volumeList,
    .volumeInspect, .volumeRemove, .networkConnect, .networkDisconnect,
    .networkList, .execSessionList, .execSessionRemove, .exitCodeList, .exitCodePrune, .extraIndexAdd,
    .extraIndexList, .extraIndexRemove, .locks, .info, .bench,
    .version,
    .completion, .manual,
    .monitor, .benchWorker,
  ]

  /// The verbs of two words that begin with this one; none where there is no such group.
  static func named(inGroup word: String) -> [Verb] { all.filter { $0.name.hasPrefix(word + " ") } }

  /// Throws where the number of operands is wrong.
  func check(_ arguments: CommandArguments) throws(UsageError) {
    if takesRawArguments { return }
    let count = arguments.operands.count
    if count < operandCounts.lowerBound {
      throw UsageError("", "\(operands) is missing: cstate \(name) \(operands)", verb: name)
    }
    if count > operandCounts.upperBound {
      let surplus = arguments.operands[operandCounts.upperBound]
      throw UsageError(surplus, "one argument too many", verb: name)
    }
  }
}
