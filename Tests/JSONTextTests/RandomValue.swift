import JSONText
import StoreTestSupport

/// A JSON value as Swift values, to compare with what comes back out of text.
indirect enum RandomValue: Equatable {
  case object([Member])
  case array([RandomValue])
  case string(String)
  case signed(Int64)
  case unsigned(UInt64)
  case double(Double)
  case bool(Bool)
  case null

  struct Member: Equatable {
    let key: String
    let value: RandomValue
  }

  init(depth: Int, _ generator: inout SeededGenerator) {
    switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &generator) {
    case 0: self = .string(Self.string(&generator))
    case 1: self = .signed(.random(in: .min ... -1, using: &generator))
    case 2: self = .unsigned(generator.next() >> UInt64.random(in: 0..<64, using: &generator))
    case 3: self = .double(Double.random(in: -1e9...1e9, using: &generator))
    case 4: self = .bool(.random(using: &generator))
    case 5: self = .null
    case 6:
      self = .array(
        (0..<Int.random(in: 0..<6, using: &generator)).map { _ in RandomValue(depth: depth - 1, &generator) })
    default:
      var keys: Set<String> = []
      let count = Int.random(in: 0..<24, using: &generator)
      let members = (0..<count).compactMap { _ -> Member? in
        // Swift's equality is canonical equivalence, which is at least as strict as JSON's.
        let key = Self.string(&generator)
        return keys.insert(key).inserted
          ? Member(key: key, value: RandomValue(depth: depth - 1, &generator)) : nil
      }
      self = .object(members)
    }
  }

  /// Mostly plain characters, and some of every kind that needs care.
  static func string(_ generator: inout SeededGenerator) -> String {
    let careful: [Unicode.Scalar] = [
      "\"", "\\", "/", "\n", "\t", "\r", "\u{0}", "\u{1}", "\u{8}", "\u{C}", "\u{1F}", "\u{7F}", "\u{9B}",
      "é", "ß",
      "\u{2028}", "\u{202E}", "\u{D7FF}", "\u{E000}", "\u{FEFF}", "\u{FFFF}", "\u{10000}",
      "😀", "\u{10FFFF}",
    ]
    var string = ""
    for _ in 0..<Int.random(in: 0..<24, using: &generator) {
      if Int.random(in: 0..<5, using: &generator) == 0 {
        string.unicodeScalars.append(careful.randomElement(using: &generator) ?? "x")
      } else {
        string.unicodeScalars.append(Unicode.Scalar(UInt8.random(in: 0x20..<0x7F, using: &generator)))
      }
    }
    return string
  }

  func write(_ writer: inout JSONWriter) {
    switch self {
    case .object(let members):
      writer.beginObject()
      for member in members {
        writer.key(member.key)
        member.value.write(&writer)
      }
      writer.endObject()
    case .array(let elements):
      writer.beginArray()
      for element in elements { element.write(&writer) }
      writer.endArray()
    case .string(let value): writer.string(value)
    case .signed(let value): writer.int(value)
    case .unsigned(let value): writer.int(value)
    case .double(let value): writer.double(value)
    case .bool(let value): writer.bool(value)
    case .null: writer.null()
    }
  }

  /// Reads everything in `view` by means of typed access alone.
  init(reading view: JSONView) throws(JSONError) {
    switch view.kind {
    case .object:
      var members: [Member] = []
      for (key, value) in try view.members() {
        members.append(Member(key: key, value: try RandomValue(reading: value)))
      }
      self = .object(members)
    case .array:
      var elements: [RandomValue] = []
      try view.forEachElement { (element) throws(JSONError) in
        elements.append(try RandomValue(reading: element))
      }
      self = .array(elements)
    case .string: self = .string(try view.string())
    case .bool: self = .bool(try view.bool())
    case .null: self = .null
    case .number: self = try Self.number(view)
    }
  }

  private static func number(_ view: JSONView) throws(JSONError) -> RandomValue {
    let text = view.copy().text
    if text.contains(where: { ".eE".contains($0) }) { return .double(try view.double()) }
    return text.hasPrefix("-") ? .signed(try view.int64()) : .unsigned(try view.uint64())
  }
}
