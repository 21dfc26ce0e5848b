internal import CPlatform
internal import Glibc

/// Says one line to the test.
///
/// SIGPIPE ends this process where nobody listens any more. Flushed at once: what stays in the buffer would
/// be said again by a forked child.
func say(_ line: String) {
  print(line)
  fflush(nil)
}

/// The next line from the test; nil when it has closed the input or is gone.
///
/// Read byte by byte: a buffer would be inherited by a forked child, and a line then heard twice.
func hear() -> String? {
  var line: [UInt8] = []
  var byte: UInt8 = 0
  while true {
    let count = read(0, &byte, 1)
    if count < 0, errno == EINTR { continue }
    guard count == 1 else { return line.isEmpty ? nil : String(decoding: line, as: UTF8.self) }
    if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
    line.append(byte)
  }
}

/// Says `line` and waits for any answer; false where the test has closed the input instead.
@discardableResult
func sayAndWait(_ line: String) -> Bool {
  say(line)
  return hear() != nil
}

/// Runs `body` in a forked child that ends with its result, and returns the child's pid.
func forkChild(_ body: () -> Int32) -> pid_t {
  withoutActuallyEscaping(body) { body in
    withUnsafePointer(to: body) { context in
      platform_fork_call(
        { context in
          context?.assumingMemoryBound(to: (() -> Int32).self).pointee() ?? 125
        }, UnsafeMutableRawPointer(mutating: context))
    }
  }
}

/// Waits for a forked child: its exit status, or 128 and its signal as a shell has it.
func waitForChild(_ pid: pid_t) -> Int32 {
  var raw: Int32 = 0
  while waitpid(pid, &raw, 0) < 0, errno == EINTR {}
  let signal = raw & 0x7f
  return signal == 0 ? (raw >> 8) & 0xff : 128 + signal
}
