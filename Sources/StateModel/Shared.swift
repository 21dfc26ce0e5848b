/// A value that does not change, and that its copies share.
///
/// To copy it counts one reference, however many texts are in it.
final class Shared<Value: Sendable & Hashable>: Sendable, Hashable {
  let value: Value

  init(_ value: consuming Value) { self.value = value }

  static func == (left: Shared, right: Shared) -> Bool { left === right || left.value == right.value }

  func hash(into hasher: inout Hasher) { value.hash(into: &hasher) }
}
