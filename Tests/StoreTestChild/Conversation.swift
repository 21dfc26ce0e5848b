internal import CPlatform
internal import Glibc

/// A forked process that talks to this one by lines, with a limit on every wait.
final class Conversation {
  private let pid: pid_t
  private let near: End
  private var status: Int32?

  /// One end of it.
  struct End {
    let input: Int32
    let output: Int32

    func say(_ line: String) {
      var text = line.split(separator: "\n").joined(separator: " ") + "\n"
      text.withUTF8 { _ = write(output, $0.baseAddress, $0.count) }
    }

    /// The next line; nil when the other end is gone.
    func hear(milliseconds: Int32 = -1) -> String? {
      var line: [UInt8] = []
      var byte: UInt8 = 0
      while true {
        var waiting = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
        let ready = poll(&waiting, 1, milliseconds)
        if ready < 0 && errno == EINTR { continue }
        guard ready > 0, read(input, &byte, 1) == 1 else { return nil }
        if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
        line.append(byte)
      }
    }
  }

  /// Forks; what the body throws is said as a line, and the child ends with 1.
  init(_ body: (End) throws -> Void) throws {
    var (down, up): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
    guard platform_pipe(&down) == 0, platform_pipe(&up) == 0 else { throw FaultFinding("no pipe: \(errno)") }
    let (far, near) = (End(input: down[0], output: up[1]), End(input: up[0], output: down[1]))
    self.near = near
    pid = forkChild {
      close(near.input)
      close(near.output)
      do { try body(far) } catch {
        far.say("\(error)")
        return 1
      }
      return 0
    }
    close(far.input)
    close(far.output)
  }

  func say(_ line: String) { near.say(line) }

  /// A line within a minute; who says none is killed.
  func hear() -> String? {
    let line = near.hear(milliseconds: 60_000)
    if line == nil { _ = kill(pid, status == nil ? SIGKILL : 0) }
    return line
  }

  /// Waits for its end: exit status, or 128 and the signal.
  func end() -> Int32 {
    if let status { return status }
    close(near.output)
    let found = waitForChild(pid)
    close(near.input)
    status = found
    return found
  }

  func signal(_ number: Int32) { _ = kill(pid, number) }

  /// Waits until it has stopped itself; false where it has ended instead.
  func waitUntilStopped() -> Bool {
    var raw: Int32 = 0
    while waitpid(pid, &raw, WUNTRACED) < 0, errno == EINTR {}
    if raw & 0xff == 0x7f { return true }
    status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + raw & 0x7f
    return false
  }

  deinit { _ = end() }
}
