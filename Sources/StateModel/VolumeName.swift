/// A volume's name: 1 to 255 of `[A-Za-z0-9_.-]`, the first alphanumeric.
///
/// It is the volume's key: it never changes, and no other volume has it (INVARIANT I-2).
public struct VolumeName: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The name as text.
  public let rawValue: String

  /// A name from outside.
  ///
  /// - Throws: `emptyID` for an empty text, `invalidArgument` for any other that is no name.
  public init(_ text: String) throws(StoreError) {
    if text.isEmpty { throw .emptyID() }
    guard Identifier.isValid(text, maximumLength: Identifier.maximumNameLength) else {
      throw .invalidIdentifier("volume name", text, maximumLength: Identifier.maximumNameLength)
    }
    rawValue = text
  }

  /// A name that the store has checked before.
  package init(unchecked text: String) { rawValue = text }

  /// The name itself.
  public var description: String { rawValue }

  /// Orders names bytewise; the lock order rests on it.
  public static func < (left: VolumeName, right: VolumeName) -> Bool { left.rawValue < right.rawValue }
}
