internal import Glibc

/// A run that cannot begin or go on.
struct BenchFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// A system call that failed, with what errno says.
  static func systemCall(_ name: String, _ subject: String, _ code: Int32 = errno) -> BenchFailure {
    BenchFailure("\(name)(\(subject)): \(String(cString: strerror(code)))")
  }
}
