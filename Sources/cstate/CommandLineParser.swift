/// What a command line asks for.
struct ParsedCommand {
  /// Nil where none was named.
  let verb: Verb?
  /// The first word of verbs that have two, where nothing came after it.
  let group: String?
  let arguments: CommandArguments
}

/// A command line that cannot be understood, with what to do about it.
struct UsageError: Error {
  /// The argument that is wrong.
  let subject: String
  /// What is wrong with it; what is right.
  let message: String
  /// Whose help to point at; nil for the command's own.
  let verb: String?

  init(_ subject: String, _ message: String, verb: String? = nil) {
    self.subject = subject
    self.message = message
    self.verb = verb
  }

  /// The same error, said of `verb` unless it names one.
  func of(verb: String?) -> UsageError { UsageError(subject, message, verb: self.verb ?? verb) }
}

/// Reads a command line by the tables of options and verbs.
///
/// It knows `--name value`, `--name=value`, `-a`, `-aq`, `-s value` and `-svalue`; after `--` everything is
/// an operand. Options of every verb may stand before its name. A verb's name has one word or two.
struct CommandLineParser {
  private var words: ArraySlice<String>
  private var arguments = CommandArguments()
  private var verb: Verb?
  /// The first word of a verb whose second has not come yet.
  private var group: String?

  /// The verb and what was given to it in `words`, the command line without the program's name; operands are
  /// not counted yet.
  static func parse(_ words: [String]) throws(UsageError) -> ParsedCommand {
    var parser = CommandLineParser(words: words[...])
    try parser.parse()
    return ParsedCommand(
      verb: parser.verb, group: parser.verb == nil ? parser.group : nil, arguments: parser.arguments)
  }

  private init(words: ArraySlice<String>) { self.words = words }

  private mutating func parse() throws(UsageError) {
    while let word = words.popFirst() {
      if verb?.takesRawArguments == true {
        arguments.add(operand: word)
      } else if word == "--" {
        while let operand = words.popFirst() { try take(operand: operand) }
      } else if word.hasPrefix("--") {
        try take(long: String(word.dropFirst(2)))
      } else if word.hasPrefix("-"), word != "-" {
        try take(letters: word.dropFirst())
      } else {
        try take(operand: word)
      }
    }
  }

  private var options: [CommandOption] { (verb?.options ?? []) + CommandOption.global }

  private mutating func take(operand: String) throws(UsageError) {
    guard verb == nil else { return arguments.add(operand: operand) }
    let name = group.map { "\($0) \(operand)" } ?? operand
    if let named = Verb.all.first(where: { $0.name == name }) {
      verb = named
    } else if group == nil, !Verb.named(inGroup: operand).isEmpty {
      group = operand
    } else {
      let known = group.map(Verb.named(inGroup:)) ?? Verb.all.filter { !$0.isHidden }
      let near = nearest(to: name, among: known.map(\.name))
      throw UsageError(name, "there is no such verb" + (near.map { "; did you mean \($0)?" } ?? ""))
    }
  }

  private mutating func take(long text: String) throws(UsageError) {
    let name = String(text.prefix { $0 != "=" })
    let attached = name.count < text.count ? String(text.dropFirst(name.count + 1)) : nil
    guard let option = options.first(where: { $0.name == name }) else { throw unknown(name) }
    if option.valueName == nil, attached != nil {
      throw UsageError("--\(name)", "this option takes no value", verb: verb?.name)
    }
    try add(option, spelled: "--\(name)", attached: attached)
  }

  private mutating func take(letters: Substring) throws(UsageError) {
    var letters = letters
    while let letter = letters.popFirst() {
      guard let option = options.first(where: { $0.letter == letter }) else {
        throw UsageError("-\(letter)", "unknown option", verb: verb?.name)
      }
      guard option.valueName != nil else {
        try add(option, spelled: "-\(letter)", attached: nil)
        continue
      }
      let rest = letters.first == "=" ? letters.dropFirst() : letters
      return try add(option, spelled: "-\(letter)", attached: letters.isEmpty ? nil : String(rest))
    }
  }

  private mutating func add(
    _ option: CommandOption, spelled spelling: String, attached: String?
  ) throws(UsageError) {
    guard let valueName = option.valueName else { return arguments.add(option, "") }
    guard let value = attached ?? words.popFirst() else {
      throw UsageError(spelling, "this option needs a value: \(spelling) \(valueName)", verb: verb?.name)
    }
    arguments.add(option, value)
  }

  private func unknown(_ name: String) -> UsageError {
    let near = nearest(to: name, among: options.map(\.name))
    if let near {
      return UsageError("--\(name)", "unknown option; did you mean --\(near)?", verb: verb?.name)
    }
    let hasIt = Verb.all.filter { verb in !verb.isHidden && verb.options.contains { $0.name == name } }
    if verb == nil, let other = hasIt.first {
      return UsageError("--\(name)", "this option comes after the verb: cstate \(other.name) --\(name)")
    }
    return UsageError("--\(name)", "unknown option", verb: verb?.name)
  }
}

/// The word that differs least from `text`, by at most a third of its letters; nil where none is that near.
func nearest(to text: String, among words: [String]) -> String? {
  let text = Array(text.utf8.prefix(64))
  let limit = max(1, text.count / 3)
  let distances = words.map { (word: $0, distance: editDistance(text, Array($0.utf8))) }
  let best = distances.min { $0.distance < $1.distance }
  return best.flatMap { $0.distance <= limit ? $0.word : nil }
}

/// How many letters have to be inserted, removed, replaced or swapped with their neighbour.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var rows = [Array(0...right.count)]
  for i in 0..<left.count {
    var row = [i + 1]
    for j in 0..<right.count {
      let replaced = rows[i][j] + (left[i] == right[j] ? 0 : 1)
      var best = min(replaced, row[j] + 1, rows[i][j + 1] + 1)
      if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
        best = min(best, rows[i - 1][j - 1] + 1)
      }
      row.append(best)
    }
    rows.append(row)
  }
  return rows[left.count][right.count]
}
