internal import ContainerStateStore
internal import Glibc

/// What a command prints, collected and written at once, so that a reader never sees half of it.
struct OutputBuffer {
  private var bytes: [UInt8] = []

  mutating func line(_ text: String) {
    bytes.append(contentsOf: text.utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  mutating func text(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// Writes everything to a descriptor and forgets it.
  ///
  /// - Returns: 0, or the errno of the write that failed.
  mutating func flush(to descriptor: Int32) -> Int32 {
    defer { bytes.removeAll() }
    return writeAll(bytes, to: descriptor)
  }
}

/// Writes all bytes, whatever interrupts it.
///
/// - Returns: 0, or the errno of the write that failed.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
  bytes.withUnsafeBytes { buffer in
    var rest = buffer[...]
    while !rest.isEmpty {
      let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0 {
        if errno == EINTR { continue }
        return errno
      }
      rest = rest.dropFirst(count)
    }
    return 0
  }
}

/// `text` with every character that a terminal would obey, or that hides or reorders others, escaped.
///
/// For sentences: letters of every script stay, unlike in `printable`, which is for names in tables.
func visible(_ text: String) -> String {
  // What needs no escape in a table needs none here; it is given back as it is.
  if printable(text, limit: .max) == text { return text }
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
      result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
