internal import Glibc

/// A program under `StressTests` that cannot begin or go on.
package struct StressFailure: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }

  /// A system call that failed, with what errno says.
  package static func systemCall(_ name: String, _ subject: String, _ code: Int32 = errno) -> StressFailure {
    StressFailure("\(name)(\(subject)): \(String(cString: strerror(code)))")
  }
}
