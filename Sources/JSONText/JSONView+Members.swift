extension JSONView {
  /// The value of the object's member `key`.
  ///
  /// - Parameter key: compared byte for byte once escapes are resolved.
  /// - Returns: nil where the object has no such member, the first where it has several.
  /// - Throws: `wrongKind` where this is no object.
  public func member(_ key: String) throws(JSONError) -> JSONView? {
    let text = storage.span.bytes.extracting(first: end)
    guard text.byte(at: start) == Byte.openBrace else { throw wrongKind(expected: .object) }
    guard let found = try text.valueOfMember(key, inObjectAt: start) else { return nil }
    return JSONView(storage, from: found, to: try text.skippingValue(from: found))
  }

  /// The value at the end of a path of member names.
  ///
  /// - Parameter path: member names from the outside in; without any, the value itself.
  /// - Returns: nil where the last member is missing, or one before it is missing or null.
  /// - Throws: `wrongKind` where something on the way is neither an object nor null.
  public func at(_ path: String...) throws(JSONError) -> JSONView? {
    let text = storage.span.bytes.extracting(first: end)
    var position = start
    for key in path {
      guard text.byte(at: position) == Byte.openBrace else {
        if text.hasLiteral("null", at: position) { return nil }
        throw JSONView(storage, from: position, to: end).wrongKind(expected: .object)
      }
      guard let found = try text.valueOfMember(key, inObjectAt: position) else { return nil }
      position = found
    }
    return JSONView(storage, from: position, to: path.isEmpty ? end : try text.skippingValue(from: position))
  }

  /// The elements of an array, in order.
  ///
  /// - Throws: `wrongKind` where this is no array.
  public func elements() throws(JSONError) -> [JSONView] {
    var elements: [JSONView] = []
    try forEachElement { (element) throws(JSONError) in elements.append(element) }
    return elements
  }

  /// The members of an object, in order.
  ///
  /// - Throws: `wrongKind` where this is no object.
  public func members() throws(JSONError) -> [(key: String, value: JSONView)] {
    var members: [(key: String, value: JSONView)] = []
    try forEachMember { (key, value) throws(JSONError) in members.append((try key.string(), value)) }
    return members
  }

  /// Calls `body` with each element of an array, in order, without an array in between.
  ///
  /// - Parameter body: what it throws ends the walk.
  /// - Throws: `wrongKind` where this is no array, and what `body` throws.
  public func forEachElement(_ body: (JSONView) throws(JSONError) -> Void) throws(JSONError) {
    let text = storage.span.bytes.extracting(first: end)
    guard text.byte(at: start) == Byte.openBracket else { throw wrongKind(expected: .array) }
    var cursor = ContainerCursor(openingAt: start)
    while let element = try cursor.nextElement(text) {
      try body(JSONView(storage, from: element, to: try cursor.passValue(text)))
    }
  }

  /// Calls `body` with each key and value of an object, in order, without decoding the keys.
  ///
  /// - Parameter body: gets the key as a string value; what it throws ends the walk.
  /// - Throws: `wrongKind` where this is no object, and what `body` throws.
  public func forEachMember(
    _ body: (_ key: JSONView, _ value: JSONView) throws(JSONError) -> Void
  ) throws(JSONError) {
    let text = storage.span.bytes.extracting(first: end)
    guard text.byte(at: start) == Byte.openBrace else { throw wrongKind(expected: .object) }
    var cursor = ContainerCursor(openingAt: start)
    while let member = try cursor.nextMember(text) {
      let key = JSONView(storage, from: member.keyStart - 1, to: member.keyEnd + 1)
      try body(key, JSONView(storage, from: member.valueStart, to: try cursor.passValue(text)))
    }
  }
}

extension RawSpan {
  /// Where the value of the first member called `key` begins, or nil where the object at `start` has none.
  func valueOfMember(_ key: String, inObjectAt start: Int) throws(JSONError) -> Int? {
    let wanted = key.utf8Span.span.bytes
    var cursor = ContainerCursor(openingAt: start)
    while let member = try cursor.nextMember(self) {
      if try hasString(
        wanted, from: member.keyStart, to: member.keyEnd, hasEscapes: member.keyHasEscapes)
      {
        return member.valueStart
      }
      try cursor.passValue(self)
    }
    return nil
  }
}
