internal import ContainerStateStore

/// Hides what often holds passwords.
enum Redaction {
  /// What stands for a value that is not shown.
  static let hidden = "(hidden)"
}

extension JSONWriter {
  /// Writes an OCI specification without what often holds passwords.
  ///
  /// Every `env`, of the process and of hooks, keeps only the names, and every `annotations` only the keys. A
  /// part that cannot be read is hidden as a whole.
  mutating func redacted(_ value: JSONView) {
    switch value.kind {
    case .object:
      guard let members = try? value.members() else { return string(Redaction.hidden) }
      beginObject()
      for (key, value) in members {
        self.key(key)
        switch key {
        case "env": environmentNames(value)
        case "annotations": keysOnly(value)
        default: redacted(value)
        }
      }
      endObject()
    case .array:
      guard let elements = try? value.elements() else { return string(Redaction.hidden) }
      beginArray()
      for element in elements { redacted(element) }
      endArray()
    case .string, .number, .bool, .null: raw(value)
    }
  }

  private mutating func environmentNames(_ value: JSONView) {
    guard let variables = try? value.elements().map({ (view) throws(JSONError) in try view.string() }) else {
      return string(Redaction.hidden)
    }
    beginArray()
    for variable in variables { string(variable.prefix { $0 != "=" } + "=" + Redaction.hidden) }
    endArray()
  }

  private mutating func keysOnly(_ value: JSONView) {
    guard let members = try? value.members() else { return string(Redaction.hidden) }
    beginObject()
    for (key, _) in members { member(key, Redaction.hidden) }
    endObject()
  }
}
