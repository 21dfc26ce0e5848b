/// The keys of the objects that are open during validation, to find a key that one object holds twice.
///
/// Few keys are compared in pairs by their hashes. Many are sorted by hash and then by bytes, so that keys
/// made to collide cost no more than n log n either.
package struct KeyRegister {
  private struct Key {
    let hash: UInt64
    /// Offset of the key's first byte in the text, or the complement of its offset in `unescaped`.
    let start: Int
    let count: Int
    /// Offset in the text, for the error.
    let offset: Int
  }

  private var keys: [Key] = []
  /// The keys that were written with escapes, resolved, one behind the other.
  private var unescaped: [UInt8] = []

  private static let largestNumberComparedInPairs = 16

  init() {
    keys.reserveCapacity(32)
  }

  var count: Int { keys.count }

  @inline(__always)
  mutating func append(
    _ text: RawSpan, from start: Int, to end: Int, hasEscapes: Bool
  ) throws(JSONError) {
    guard hasEscapes else {
      let hash = Self.hash(text, from: start, to: end)
      keys.append(Key(hash: hash, start: start, count: end - start, offset: start))
      return
    }
    try appendUnescaped(text, from: start, to: end)
  }

  private mutating func appendUnescaped(
    _ text: RawSpan, from start: Int, to end: Int
  ) throws(JSONError) {
    let key = try text.unescapedString(from: start, to: end)
    let hash = Self.hash(key.span.bytes, from: 0, to: key.count)
    keys.append(Key(hash: hash, start: ~unescaped.count, count: key.count, offset: start))
    unescaped.append(contentsOf: key)
  }

  /// Forgets the keys from `first` on, which are those of one object.
  ///
  /// - Throws: `duplicateKey` where two of them are equal.
  @inline(__always)
  mutating func removeDistinct(from first: Int, _ text: RawSpan) throws(JSONError) {
    if keys.count - first <= Self.largestNumberComparedInPairs {
      try comparePairs(from: first, text)
    } else {
      try compareSorted(from: first, text)
    }
    keys.removeSubrange(first...)
  }

  private func comparePairs(from first: Int, _ text: RawSpan) throws(JSONError) {
    for later in first..<keys.count {
      for earlier in first..<later
      where keys[earlier].hash == keys[later].hash && order(keys[earlier], keys[later], text) == 0 {
        throw JSONError(.duplicateKey, at: keys[later].offset)
      }
    }
  }

  private mutating func compareSorted(from first: Int, _ text: RawSpan) throws(JSONError) {
    let sorted = keys[first...].sorted { order($0, $1, text) < 0 }
    for (earlier, later) in zip(sorted, sorted.dropFirst()) where order(earlier, later, text) == 0 {
      throw JSONError(.duplicateKey, at: max(earlier.offset, later.offset))
    }
  }

  /// Negative, zero or positive, as `first` sorts before, equals or sorts behind `second`.
  private func order(_ first: Key, _ second: Key, _ text: RawSpan) -> Int {
    if first.hash != second.hash { return first.hash < second.hash ? -1 : 1 }
    if first.count != second.count { return first.count - second.count }
    for index in 0..<first.count {
      let difference = Int(byte(index, of: first, text)) - Int(byte(index, of: second, text))
      if difference != 0 { return difference }
    }
    return 0
  }

  @inline(__always)
  private func byte(_ index: Int, of key: Key, _ text: RawSpan) -> UInt8 {
    key.start >= 0 ? text.byte(at: key.start + index) : unescaped[~key.start + index]
  }

  /// The hash by which keys are compared first; it is cheap, and whoever writes the keys can make it collide.
  ///
  /// - Parameters:
  ///   - text: holds the key.
  ///   - start: the offset of its first byte.
  ///   - end: the offset behind its last byte.
  /// - Returns: the same for the same bytes, wherever they stand.
  @inline(__always)
  package static func hash(_ text: RawSpan, from start: Int, to end: Int) -> UInt64 {
    var hash = UInt64(truncatingIfNeeded: end - start)
    var position = start
    while position < end {
      // Bytes behind the key's end are shifted out of the last word.
      let missing = max(0, position + 8 - end)
      let word = (text.word(at: position) ?? text.shortWord(at: position)) << UInt64(missing * 8)
      hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash >> 32
      position += 8
    }
    return hash
  }
}
