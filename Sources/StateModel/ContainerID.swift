/// A container's id: 1 to 128 of `[A-Za-z0-9_.-]`, the first alphanumeric.
///
/// Engines generate 64 hex digits.
///
/// A value of this type is well-formed, so it is safe as a file name and in any output.
public struct ContainerID: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The id as text.
  public let rawValue: String

  /// An id from outside.
  ///
  /// - Throws: `emptyID` for an empty text, `invalidArgument` for any other that is no id.
  public init(_ text: String) throws(StoreError) {
    if text.isEmpty { throw .emptyID() }
    guard Identifier.isValid(text, maximumLength: Identifier.maximumIDLength) else {
      throw .invalidIdentifier("container id", text, maximumLength: Identifier.maximumIDLength)
    }
    rawValue = text
  }

  /// An id that the store has checked before.
  package init(unchecked text: String) { rawValue = text }

  /// The id itself.
  public var description: String { rawValue }

  /// The first 12 characters, as listings show it.
  public var short: String { String(rawValue.prefix(12)) }

  /// Orders ids bytewise; the lock order rests on it.
  public static func < (left: ContainerID, right: ContainerID) -> Bool { left.rawValue < right.rawValue }
}

/// The grammar that ids and names share: `[A-Za-z0-9][A-Za-z0-9_.-]*`.
package enum Identifier {
  package static let maximumIDLength = 128
  package static let maximumNameLength = 255

  package static func isValid(_ text: String, maximumLength: Int) -> Bool {
    // One by one through the view a byte costs six times as much, and a listing checks an id for each row.
    text.utf8.withContiguousStorageIfAvailable { isValid($0, maximumLength: maximumLength) }
      ?? ContiguousArray(text.utf8).withUnsafeBufferPointer { isValid($0, maximumLength: maximumLength) }
  }

  private static func isValid(_ bytes: UnsafeBufferPointer<UInt8>, maximumLength: Int) -> Bool {
    guard let first = bytes.first, isAlphanumeric(first), bytes.count <= maximumLength else { return false }
    // Without a way out in the middle, so that the processor does many at once.
    var wrong: UInt8 = 0
    for byte in bytes {
      let isNoLetter: UInt8 = (byte | 0x20) &- UInt8(ascii: "a") < 26 ? 0 : 1
      let isNoDigit: UInt8 = byte &- UInt8(ascii: "0") < 10 ? 0 : 1
      let isNoDash: UInt8 = byte == UInt8(ascii: "-") ? 0 : 1
      let isNoDot: UInt8 = byte == UInt8(ascii: ".") ? 0 : 1
      let isNoUnderscore: UInt8 = byte == UInt8(ascii: "_") ? 0 : 1
      wrong |= isNoLetter & isNoDigit & isNoDash & isNoDot & isNoUnderscore
    }
    return wrong == 0
  }

  /// Throws `invalidArgument` where `name` is no name of a container, pod or volume.
  package static func checkName(_ name: String) throws(StoreError) {
    guard isValid(name, maximumLength: maximumNameLength) else {
      throw .invalidIdentifier("name", name, maximumLength: maximumNameLength)
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
}

/// `text` with everything that could move a cursor or hide characters escaped, cut to `limit` characters:
/// safe to print whatever it came from.
public func printable(_ text: String, limit: Int = 64) -> String {
  if text.utf8.count <= limit, text.isPlain { return text }
  var result = ""
  for scalar in text.unicodeScalars.prefix(limit) {
    if scalar.isASCII && scalar.value >= 0x20 && scalar.value != 0x7F {
      result.unicodeScalars.append(scalar)
    } else {
      result += "\\u{\(String(scalar.value, radix: 16))}"
    }
  }
  return text.unicodeScalars.count > limit ? result + "…" : result
}

extension String {
  /// Whether it is of ASCII characters alone that show as themselves: what nearly all is that is printed.
  fileprivate var isPlain: Bool { utf8.allSatisfy { (0x20...0x7E).contains($0) } }
}
