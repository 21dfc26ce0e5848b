extension JSONBytes {
  /// A copy in which one member has another value and every other byte is as it was.
  ///
  /// - Parameters:
  ///   - path: member names from the outside in; the last one may be missing and is then added to its
  ///     object behind the other members; all before it must exist. Without any, the whole value is replaced.
  ///   - value: the new value.
  ///   - limits: what the result must keep to.
  /// - Returns: valid JSON, read through once and kept to the limits.
  /// - Throws: `missingMember` or `wrongKind` where the path does not lead through objects, and what is
  ///   wrong with the result: too large, too deep, or, where the original was damaged, anything else.
  public func replacing(
    _ path: [String], with value: JSONBytes, limits: JSONLimits = .standard
  ) throws(JSONError) -> JSONBytes {
    let text = bytes.span.bytes
    var position = root.start
    guard let last = path.last else {
      return try splicing(value.root.bytes, at: position..<root.end, limits: limits)
    }
    for key in path.dropLast() {
      try requireObject(at: position)
      guard let found = try text.valueOfMember(key, inObjectAt: position) else {
        throw JSONError(.missingMember, at: position)
      }
      position = found
    }
    try requireObject(at: position)
    if let found = try text.valueOfMember(last, inObjectAt: position) {
      let end = try text.skippingValue(from: found)
      return try splicing(value.root.bytes, at: found..<end, limits: limits)
    }
    return try adding(last, value.root.bytes, toObjectAt: position, limits: limits)
  }

  private func adding(
    _ key: String, _ value: [UInt8], toObjectAt start: Int, limits: JSONLimits
  ) throws(JSONError) -> JSONBytes {
    let text = bytes.span.bytes
    var end = start + 1
    var member: [UInt8] = []
    var cursor = ContainerCursor(openingAt: start)
    while try cursor.nextMember(text) != nil {
      end = try cursor.passValue(text)
      member = [Byte.comma]
    }
    member.appendJSONString(key)
    member.append(Byte.colon)
    member += value
    return try splicing(member, at: end..<end, limits: limits)
  }

  private func splicing(
    _ replacement: [UInt8], at range: Range<Int>, limits: JSONLimits
  ) throws(JSONError) -> JSONBytes {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count - range.count + replacement.count)
    result += bytes[..<range.lowerBound]
    result += replacement
    result += bytes[range.upperBound...]
    return try JSONBytes(result, limits: limits)
  }

  private func requireObject(at position: Int) throws(JSONError) {
    let view = JSONView(bytes, from: position, to: bytes.count)
    guard view.kind == .object else { throw view.wrongKind(expected: .object) }
  }
}
