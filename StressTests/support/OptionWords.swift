/// The words of a command line: options with values behind them, or attached by an equals sign.
package struct OptionWords {
  private let program: String
  private var words: ArraySlice<String>
  private var attached: String?
  /// The option that `next` returned last.
  package private(set) var name = ""

  package init(_ words: [String], of program: String) {
    self.program = program
    self.words = words[...]
  }

  /// The next option, or another word; nil at the end.
  package mutating func next() -> String? {
    guard let word = words.popFirst() else { return nil }
    name = String(word.prefix { $0 != "=" })
    attached = name.count < word.count ? String(word.dropFirst(name.count + 1)) : nil
    return name
  }

  /// The value of the option.
  package mutating func value() throws(StressFailure) -> String {
    defer { attached = nil }
    guard let value = attached ?? words.popFirst() else { throw StressFailure("\(name) needs a value") }
    return value
  }

  /// The value of the option as a number.
  package mutating func number(_ range: ClosedRange<UInt64>) throws(StressFailure) -> UInt64 {
    let text = try value()
    guard let number = UInt64(text), range.contains(number) else {
      throw StressFailure(
        "\(name) \(text): a number from \(range.lowerBound) to \(range.upperBound) is needed")
    }
    return number
  }

  /// The value of the option, one of a few words.
  package mutating func word(of choices: [String]) throws(StressFailure) -> String {
    let text = try value()
    guard choices.contains(text) else {
      throw StressFailure("\(name) \(text): one of \(choices.joined(separator: ", ")) is needed")
    }
    return text
  }

  /// The failure for a word that means nothing.
  package var unknown: StressFailure { StressFailure("\(name): unknown option; see \(program) --help") }
}
