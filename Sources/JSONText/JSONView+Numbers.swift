extension JSONView {
  /// The number as a signed integer.
  ///
  /// - Throws: `wrongKind` for any other value, `notAnInteger` where it is spelled with a fraction or an
  ///   exponent, `numberOutOfRange` where it does not fit.
  public func int64() throws(JSONError) -> Int64 {
    let integer = try integer()
    if !integer.isNegative, let value = Int64(exactly: integer.magnitude) { return value }
    if integer.isNegative, integer.magnitude <= Int64.min.magnitude {
      return Int64(truncatingIfNeeded: 0 &- integer.magnitude)
    }
    throw JSONError(.numberOutOfRange, at: start)
  }

  /// The number as an integer that is not negative.
  ///
  /// - Throws: as `int64()` does.
  public func uint64() throws(JSONError) -> UInt64 {
    let integer = try integer()
    guard !integer.isNegative || integer.magnitude == 0 else { throw JSONError(.numberOutOfRange, at: start) }
    return integer.magnitude
  }

  /// The number as an integer of a narrower type.
  ///
  /// - Throws: as `int64()` does.
  public func integer<Value: FixedWidthInteger>(as type: Value.Type = Value.self) throws(JSONError) -> Value {
    guard let value = Value(exactly: try int64()) else { throw JSONError(.numberOutOfRange, at: start) }
    return value
  }

  /// The double nearest to the number.
  ///
  /// - Throws: `wrongKind` for any other value, `numberOutOfRange` where only infinity would be near enough.
  public func double() throws(JSONError) -> Double {
    guard kind == .number else { throw wrongKind(expected: .number) }
    guard try storage.span.bytes.extracting(first: end).endOfNumber(from: start) == end,
      let value = Double(String(decoding: storage[start..<end], as: UTF8.self))
    else { throw JSONError(.invalidNumber, at: start) }
    guard value.isFinite else { throw JSONError(.numberOutOfRange, at: start) }
    return value
  }

  private func integer() throws(JSONError) -> (isNegative: Bool, magnitude: UInt64) {
    guard kind == .number else { throw wrongKind(expected: .number) }
    let text = storage.span.bytes.extracting(first: end)
    guard try text.endOfNumber(from: start) == end else { throw JSONError(.invalidNumber, at: start) }
    let isNegative = text.byte(at: start) == Byte.minus
    var magnitude: UInt64 = 0
    for position in (isNegative ? start + 1 : start)..<end {
      let digit = text.byte(at: position) &- Byte.zero
      guard digit < 10 else { throw JSONError(.notAnInteger, at: start) }
      let product = magnitude.multipliedReportingOverflow(by: 10)
      let sum = product.partialValue.addingReportingOverflow(UInt64(digit))
      guard !product.overflow, !sum.overflow else { throw JSONError(.numberOutOfRange, at: start) }
      magnitude = sum.partialValue
    }
    return (isNegative, magnitude)
  }
}
