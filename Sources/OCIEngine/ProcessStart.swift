import CPlatform
import Glibc

/// Everything that the start of a program is told.
///
/// All descriptors but the given ones are closed in it, and its signals
/// are as the kernel has them.
struct ProcessStart {
  /// The program's path; nothing is searched.
  var executable: String
  /// Its arguments, without the name it is called by.
  var arguments: [String]
  /// `NAME=VALUE` entries; nil for those of this process.
  var environment: [String]?
  /// Where it starts; nil for here.
  var directory: String?
  /// What become its descriptors 0, 1, 2 and so on.
  var descriptors: [Int32]
  var startsSession = false
  /// Whether the kernel kills it when this thread ends: a runtime call must not outlive the one whose lock
  /// covers it.
  var diesWithParent = false
  /// Which of its descriptors has to become readable before it may run, what is unlinked then, and from which
  /// it reads a byte before all that: it ends where whoever started it has died without writing one.
  var gate: (descriptor: Int32, path: String, confirmation: Int32)?

  /// Starts it; returns its pid.
  ///
  /// - Throws: `system` where it cannot be started, a missing program included.
  func start() throws(EngineError) -> Int32 {
    let code = withCStrings([executable] + arguments) { arguments in
      guard let environment else { return start(arguments, environ) }
      return withCStrings(environment) { start(arguments, $0) }
    }
    guard code > 0 else { throw .system("the start of a program", executable, -code) }
    return code
  }

  /// A pid, or an errno made negative.
  private func start(
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
    _ environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
  ) -> Int32 {
    withOptionalCString(directory) { directory in
      withOptionalCString(gate?.path) { gatePath in
        executable.withCString { path in
          descriptors.withUnsafeBufferPointer { descriptors in
            var request = platform_spawn_request(
              path: path, arguments: arguments, environment: environment, directory: directory,
              descriptors: descriptors.baseAddress, descriptor_count: Int32(descriptors.count),
              starts_session: startsSession, dies_with_parent: diesWithParent,
              gate_descriptor: gate?.descriptor ?? -1, gate_path: gatePath,
              confirmation_descriptor: gate?.confirmation ?? -1)
            let pid = platform_spawn(&request)
            return pid < 0 ? -errno : pid
          }
        }
      }
    }
  }
}

/// Lends `strings` as a NULL-terminated vector of C strings.
private func withCStrings<R>(
  _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
  withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<CChar>?.self, capacity: strings.count + 1) {
    vector in
    for (index, string) in strings.enumerated() { vector[index] = strdup(string) }
    vector[strings.count] = nil
    defer { for string in vector { free(string) } }
    guard let first = vector.baseAddress else { preconditionFailure("a vector of at least one element") }
    return body(first)
  }
}

private func withOptionalCString<R>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
  guard let text else { return body(nil) }
  return text.withCString { body($0) }
}
