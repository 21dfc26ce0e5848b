internal import ContainerStateStore
internal import Glibc

/// What `--timings FILE` says of one command: one line of JSON, appended in one write, so that many commands
/// can share the file.
struct Timings {
  private let line: JSONBytes

  init(of invocation: Invocation, status: Int32, startNanoseconds: UInt64) {
    line = .object { json in
      json.member("verb", invocation.verb.name)
      json.member("pid", getpid())
      json.member("microseconds", (monotonicNanoseconds() - startNanoseconds) / 1_000)
      json.member("exit_status", status)
      json.member("error_code", invocation.firstFailure?.code)
      if let wait = invocation.longestLockWait {
        json.member("longest_lock_wait_microseconds", wait.nanoseconds / 1_000)
        json.member("waited_for", wait.holder.map { "\($0)" })
      }
    }
  }

  /// Appends the line; where that fails the command still did what it was asked, so that is only said.
  func append(to path: String) {
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    let code = descriptor < 0 ? errno : writeAll(line.bytes + [UInt8(ascii: "\n")], to: descriptor)
    if descriptor >= 0 { close(descriptor) }
    guard code != 0 else { return }
    Failure(
      UsageError("--timings \(path)", "not written: \(String(cString: strerror(code)))")
    ).print(verb: nil)
  }
}
