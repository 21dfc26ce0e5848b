internal import ContainerStateStore

/// The shapes that verbs print: an object, or an array of objects.
extension JSONBytes {
  /// One object whose members `write` writes.
  static func object(_ write: (inout JSONWriter) -> Void) -> JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    write(&json)
    json.endObject()
    return json.finish()
  }

  /// An array with an object for each element.
  static func objects<Element>(
    _ elements: [Element], _ write: (inout JSONWriter, Element) -> Void
  ) -> JSONBytes {
    var json = JSONWriter(reservingBytes: 256 * max(1, elements.count))
    json.objects(elements, write)
    return json.finish()
  }
}

extension JSONWriter {
  /// Writes an array with an object for each element.
  mutating func objects<Element>(_ elements: [Element], _ write: (inout JSONWriter, Element) -> Void) {
    beginArray()
    for element in elements {
      beginObject()
      write(&self, element)
      endObject()
    }
    endArray()
  }

  /// Writes a member whose value is an array with an object for each element.
  mutating func objects<Element>(
    _ key: String, _ elements: [Element], _ write: (inout JSONWriter, Element) -> Void
  ) {
    self.key(key)
    objects(elements, write)
  }
}
