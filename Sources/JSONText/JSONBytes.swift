/// One valid JSON value as text, kept byte for byte as it was given and decoded only where asked for.
public struct JSONBytes: Sendable {
  /// The text as it was given, white space included.
  public let bytes: [UInt8]

  /// The value in `bytes`, which are kept as they are.
  ///
  /// - Parameters:
  ///   - bytes: one JSON value by RFC 8259 in UTF-8, without byte order mark; white space around it is kept.
  ///   - limits: what is refused although it is well-formed.
  /// - Throws: what is wrong first, and where. `tooLarge` is found before anything is read.
  public init(_ bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) {
    self.init(unchecked: bytes)
    try validate(limits: limits)
  }

  /// The value in `text`, kept as it is.
  ///
  /// - Parameters:
  ///   - text: one JSON value; white space around it is kept.
  ///   - limits: what is refused although it is well-formed.
  /// - Throws: what is wrong first, and where, counted in bytes of UTF-8.
  public init(_ text: String, limits: JSONLimits = .standard) throws(JSONError) {
    try self.init(Array(text.utf8), limits: limits)
  }

  /// The value in bytes that were validated before they were stored.
  ///
  /// Where the bytes have been damaged since, reading throws or gives other values, and never traps.
  ///
  /// - Parameter bytes: what `bytes` of a valid value was.
  package init(unchecked bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The text as a string.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The value itself, from where its members can be read.
  public var root: JSONView {
    let text = bytes.span.bytes
    var end = bytes.count
    let start = text.skippingWhitespace(from: 0)
    while end > start, text.isWhitespace(at: end - 1) { end -= 1 }
    return JSONView(bytes, from: start, to: end)
  }

  /// Reads everything and finds out whether it is still valid, for bytes that came from a store.
  ///
  /// - Parameter limits: what is refused although it is well-formed.
  /// - Throws: what is wrong first, and where.
  public func validate(limits: JSONLimits = .standard) throws(JSONError) {
    guard bytes.count <= limits.maximumBytes else {
      throw JSONError(.tooLarge(maximumBytes: limits.maximumBytes), at: limits.maximumBytes)
    }
    var validator = Validator(limits: limits)
    try validator.validate(bytes.span.bytes)
  }
}

extension JSONBytes: Hashable {
  /// Feeds the text to a hasher: two spellings of one value are two values here.
  ///
  /// - Parameter hasher: receives the bytes.
  public func hash(into hasher: inout Hasher) {
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}
