/// Takes lines of words and numbers apart, without a copy.
struct LineScanner {
  private let bytes: UnsafeBufferPointer<UInt8>
  /// Where the next line begins.
  private var nextLine = 0
  private var position = 0
  private var end = 0
  /// Counts from 1.
  private(set) var lineNumber = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// Goes to the next line that is whole.
  mutating func next() -> Bool {
    position = nextLine
    while nextLine < bytes.count {
      nextLine += 1
      if bytes[nextLine - 1] == UInt8(ascii: "\n") {
        end = nextLine - 1
        lineNumber += 1
        return true
      }
    }
    end = position
    return false
  }

  /// Whether the line has nothing more.
  var isAtEnd: Bool { position >= end }

  /// Takes one byte where it is this one.
  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard position < end, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  /// Takes the space after a word, or nothing at the end of the line.
  mutating func endWord() -> Bool {
    if position == end { return true }
    return skip(" ")
  }

  /// A word of one byte.
  mutating func letter() -> UInt8? {
    guard position < end else { return nil }
    let letter = bytes[position]
    position += 1
    return endWord() ? letter : nil
  }

  mutating func word() -> String? {
    let first = position
    while position < end, bytes[position] != UInt8(ascii: " ") { position += 1 }
    guard position > first else { return nil }
    let word = String(decoding: bytes[first..<position], as: UTF8.self)
    return endWord() ? word : nil
  }

  mutating func number<Number: FixedWidthInteger>(_: Number.Type, endsWord: Bool = true) -> Number? {
    let isNegative = Number.isSigned && skip("-")
    let first = position
    var number: Number = 0
    while position < end, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
      let (shifted, tooLarge) = number.multipliedReportingOverflow(by: 10)
      let digit = Number(truncatingIfNeeded: digit)
      let (sum, tooFar) =
        isNegative ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
      guard !tooLarge, !tooFar else { return nil }
      number = sum
      position += 1
    }
    guard position > first else { return nil }
    return !endsWord || endWord() ? number : nil
  }

  mutating func version() -> Version? {
    guard let generation = number(Int64.self, endsWord: false), skip("."),
      let revision = number(Int64.self, endsWord: false), skip("."), let value = number(UInt64.self)
    else { return nil }
    return Version(generation: generation, revision: revision, value: value)
  }

  /// An object, without the end of its word.
  mutating func object() -> Int? {
    var kind = ObjectKind.container
    if position < end, let other = ObjectKind(letter: bytes[position]) {
      kind = other
      position += 1
    }
    guard let number = number(UInt32.self, endsWord: false), number <= ObjectKind.largestNumber else {
      return nil
    }
    return kind.object(Int(number))
  }

  /// The first byte of the rest of the line that is taken, whatever it is.
  private mutating func byte() -> UInt8? {
    guard position < end else { return nil }
    position += 1
    return bytes[position - 1]
  }

  mutating func change() -> ChangeSeen? {
    guard let sequence = number(Int64.self, endsWord: false), skip("."), let object = object(), skip("."),
      let action = byte().flatMap(ChangeSeen.Action.init(letter:)), skip("."),
      let revision = number(Int64.self, endsWord: false), skip("."),
      let from = number(UInt8.self, endsWord: false), skip("."), let to = number(UInt8.self)
    else { return nil }
    return ChangeSeen(
      sequence: sequence, object: object, action: action, revision: revision, from: from, to: to)
  }

  mutating func seen() -> Seen? {
    guard let object = object() else { return nil }
    if skip("@") { return version().map { Seen(object: object, version: $0) } }
    if skip(":") { return self.number(UInt64.self).map { Seen(object: object, value: $0) } }
    if skip("+") { return endWord() ? Seen(object: object, .present) : nil }
    if skip("-") { return endWord() ? Seen(object: object, .absent) : nil }
    if skip("!") { return endWord() ? Seen(object: object, .half) : nil }
    return nil
  }
}
