import CPlatform
import Synchronization

/// A `Mutex` that ThreadSanitizer understands.
///
/// The standard library is not instrumented: a contended `Mutex` orders accesses in a way the sanitizer does
/// not see, and each of them is reported as a race. A release build does without the two notes, which are a
/// twentieth of an uncontended lock even where they are empty.
struct Guarded<Value>: ~Copyable, Sendable {
  private let mutex: Mutex<Value>

  init(_ value: sending Value) {
    mutex = Mutex(value)
  }

  /// Runs the body while no other thread runs one of the same value.
  func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    #if DEBUG
      let address = withUnsafePointer(to: mutex) { UInt(bitPattern: $0) }
      return try mutex.withLock { (value) throws(Failure) -> sending Result in
        platform_sanitizer_acquired(address)
        defer { platform_sanitizer_releasing(address) }
        return try body(&value)
      }
    #else
      return try mutex.withLock(body)
    #endif
  }
}
