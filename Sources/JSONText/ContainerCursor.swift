/// Walks over the members of one object or the elements of one array, as offsets, without decoding.
struct ContainerCursor {
  /// Where the next thing to look at begins.
  private var position: Int
  private var isFirst = true

  /// A cursor for the object or array whose opening bracket is at `start`.
  init(openingAt start: Int) {
    position = start + 1
  }

  /// One member of an object: its key without the quotes, and where its value begins.
  struct Member {
    let keyStart: Int
    let keyEnd: Int
    let keyHasEscapes: Bool
    let valueStart: Int
  }

  /// The next member, or nil behind the last one; before the next call its value must have been passed.
  @inline(__always)
  mutating func nextMember(_ text: RawSpan) throws(JSONError) -> Member? {
    guard try advance(text, to: Byte.closeBrace) else { return nil }
    guard text.byte(at: position) == Byte.quote else { throw text.unexpected(at: position) }
    let keyStart = position + 1
    let key = try text.skippingString(from: keyStart)
    let colon = text.skippingWhitespace(from: key.end + 1)
    guard text.byte(at: colon) == Byte.colon else { throw text.unexpected(at: colon) }
    position = text.skippingWhitespace(from: colon + 1)
    return Member(
      keyStart: keyStart, keyEnd: key.end, keyHasEscapes: key.hasEscapes, valueStart: position)
  }

  /// Where the next element begins, or nil behind the last one; pass it before the next call.
  @inline(__always)
  mutating func nextElement(_ text: RawSpan) throws(JSONError) -> Int? {
    try advance(text, to: Byte.closeBracket) ? position : nil
  }

  /// Passes the member's value or the element that came last, and returns the offset behind it.
  @inline(__always)
  @discardableResult
  mutating func passValue(_ text: RawSpan) throws(JSONError) -> Int {
    position = try text.skippingValue(from: position)
    return position
  }

  @inline(__always)
  private mutating func advance(_ text: RawSpan, to close: UInt8) throws(JSONError) -> Bool {
    position = text.skippingWhitespace(from: position)
    if text.byte(at: position) == close { return false }
    guard !isFirst else {
      isFirst = false
      return true
    }
    guard text.byte(at: position) == Byte.comma else { throw text.unexpected(at: position) }
    position = text.skippingWhitespace(from: position + 1)
    return true
  }
}
