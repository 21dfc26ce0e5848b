/// Writes one JSON value from left to right, always valid; a call that the grammar does not allow traps.
///
/// Keys of one object are the caller's to keep distinct.
public struct JSONWriter: ~Copyable {
  private var bytes: [UInt8] = []
  /// One entry per open container: whether it is an object.
  private var isObject: [Bool] = []
  private var expectation = Expectation.value

  /// What the grammar asks for next.
  private enum Expectation {
    /// A value, with nothing before it that needs a comma.
    case value
    /// The first member or element of a container, or its end.
    case first
    /// A comma and a further member or element, or the end.
    case further
    /// Nothing: the one value is complete.
    case end
  }

  /// A writer that has written nothing.
  ///
  /// - Parameter reservedBytes: how much room to set aside at once.
  public init(reservingBytes reservedBytes: Int = 256) {
    bytes.reserveCapacity(reservedBytes)
  }

  /// Ends the text, which must be one complete value.
  public consuming func finish() -> JSONBytes {
    precondition(expectation == .end, "a JSON value that is not complete")
    return JSONBytes(unchecked: bytes)
  }

  /// Opens an object.
  public mutating func beginObject() { begin(Byte.openBrace, isObject: true) }

  /// Closes the innermost object.
  public mutating func endObject() { end(Byte.closeBrace, isObject: true) }

  /// Opens an array.
  public mutating func beginArray() { begin(Byte.openBracket, isObject: false) }

  /// Closes the innermost array.
  public mutating func endArray() { end(Byte.closeBracket, isObject: false) }

  /// Writes the key of the next member of the innermost object.
  public mutating func key(_ key: String) {
    precondition(isObject.last == true && expectation != .value, "a JSON key outside an object")
    if expectation == .further { bytes.append(Byte.comma) }
    bytes.appendJSONString(key)
    bytes.append(Byte.colon)
    expectation = .value
  }

  /// Writes a string, with no more escapes than JSON demands.
  public mutating func string(_ value: String) {
    beginValue()
    bytes.appendJSONString(value)
    endValue()
  }

  /// Writes an integer.
  public mutating func int(_ value: some BinaryInteger) {
    raw(ascii: String(value))
  }

  /// Writes a number in the shortest spelling that reads back as the same double; it must be finite.
  public mutating func double(_ value: Double) {
    precondition(value.isFinite, "JSON has no number that is not finite")
    raw(ascii: value.description)
  }

  /// Writes `true` or `false`.
  public mutating func bool(_ value: Bool) { raw(ascii: value ? "true" : "false") }

  /// Writes `null`.
  public mutating func null() { raw(ascii: "null") }

  /// Writes a value byte for byte as it was given.
  public mutating func raw(_ value: JSONBytes) { raw(value.root) }

  /// Writes a value byte for byte as it stands in its text.
  public mutating func raw(_ value: JSONView) {
    beginValue()
    bytes.append(contentsOf: value.storage[value.start..<value.end])
    endValue()
  }

  private mutating func raw(ascii text: String) {
    beginValue()
    bytes.append(contentsOf: text.utf8)
    endValue()
  }

  private mutating func begin(_ bracket: UInt8, isObject: Bool) {
    beginValue()
    bytes.append(bracket)
    self.isObject.append(isObject)
    expectation = .first
  }

  private mutating func end(_ bracket: UInt8, isObject: Bool) {
    precondition(
      self.isObject.last == isObject && (expectation == .first || expectation == .further),
      "the end of a JSON container that is not open")
    self.isObject.removeLast()
    bytes.append(bracket)
    endValue()
  }

  private mutating func beginValue() {
    switch expectation {
    case .value: return
    case .first: precondition(isObject.last == false, "a JSON member without a key")
    case .further:
      precondition(isObject.last == false, "a JSON member without a key")
      bytes.append(Byte.comma)
    case .end: preconditionFailure("a second JSON value")
    }
  }

  private mutating func endValue() {
    expectation = isObject.isEmpty ? .end : .further
  }
}

/// One member in one call; a value of nil writes nothing.
extension JSONWriter {
  /// Writes a member whose value is a string, or nothing for nil.
  public mutating func member(_ key: String, _ value: String?) {
    guard let value else { return }
    self.key(key)
    string(value)
  }

  /// Writes a member whose value is an integer, or nothing for nil.
  public mutating func member(_ key: String, _ value: (some BinaryInteger)?) {
    guard let value else { return }
    self.key(key)
    int(value)
  }

  /// Writes a member whose value is a truth value, or nothing for nil.
  public mutating func member(_ key: String, _ value: Bool?) {
    guard let value else { return }
    self.key(key)
    bool(value)
  }

  /// Writes a member whose value is written byte for byte as it was given, or nothing for nil.
  public mutating func member(_ key: String, _ value: JSONBytes?) {
    member(key, value?.root)
  }

  /// Writes a member whose value is written byte for byte as it stands in its text, or nothing for nil.
  public mutating func member(_ key: String, _ value: JSONView?) {
    guard let value else { return }
    self.key(key)
    raw(value)
  }

  /// Writes a member whose value is an array of strings, or nothing for nil.
  public mutating func member(_ key: String, _ value: [String]?) {
    guard let value else { return }
    self.key(key)
    beginArray()
    for element in value { string(element) }
    endArray()
  }

  /// Writes a member whose value is an object of strings, sorted by key, or nothing for nil.
  public mutating func member(_ key: String, _ value: [String: String]?) {
    guard let value else { return }
    self.key(key)
    beginObject()
    for (name, text) in value.sorted(by: { $0.key < $1.key }) { member(name, text) }
    endObject()
  }
}
