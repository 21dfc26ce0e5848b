import CPlatform
import ContainerStateStore
import Glibc

/// How a child of this process ended.
package enum ProcessEnd: Equatable, Sendable {
  /// It ended by itself, with this code.
  case code(Int32)
  /// This signal ended it.
  case signal(Int32)
  /// Somebody else in this process has taken the answer, or ignores the ends of children.
  case unknown

  /// The exit code by which a container's end is recorded: 128 + the signal, −1 for unknown.
  var exitCode: Int32 {
    switch self {
    case .code(let code): code
    case .signal(let signal): 128 + signal
    case .unknown: ContainerState.unknownExitCode
    }
  }

  init(waitStatus: Int32) {
    let signal = waitStatus & 0x7F
    self = signal == 0 ? .code(waitStatus >> 8 & 0xFF) : .signal(signal)
  }

  /// Waits for the end of a child and reaps it.
  ///
  /// - Parameters:
  ///   - pid: the child.
  ///   - deadlineNanoseconds: CLOCK_MONOTONIC; `UInt64.max` for none.
  /// - Returns: nil when the deadline has passed and it may still run; it is not reaped then.
  /// - Blocking: until the child ends, never beyond the deadline.
  package static func of(child pid: Int32, deadlineNanoseconds: UInt64) -> ProcessEnd? {
    let descriptor = platform_pidfd_open(pid)
    defer { if descriptor >= 0 { close(descriptor) } }
    while true {
      var status: Int32 = 0
      switch waitpid(pid, &status, WNOHANG) {
      case pid: return ProcessEnd(waitStatus: status)
      case 0:
        if Deadline.isPast(deadlineNanoseconds) { return nil }
        if descriptor >= 0 {
          _ = poll(descriptor, deadlineNanoseconds: deadlineNanoseconds)
        } else {
          // A sandbox may not know pidfd_open(2).
          usleep(1000)
        }
      default: if errno != EINTR { return .unknown }
      }
    }
  }

  /// Kills a child and reaps it.
  ///
  /// - Returns: nil when it has not ended within five seconds, as where the kernel keeps it: then nobody
  ///   reaps it, which only costs its number.
  static func ofKilled(child pid: Int32) -> ProcessEnd? {
    kill(pid, SIGKILL)
    return of(child: pid, deadlineNanoseconds: Deadline.after(.seconds(5)))
  }

  /// Kills every child of this process, and what becomes one by that where it is a subreaper, and reaps all.
  ///
  /// - Returns: whether none is left; false when the deadline has passed.
  /// - Blocking: until the last has ended, never beyond the deadline.
  static func killAndReapChildren(deadlineNanoseconds: UInt64) -> Bool {
    while true {
      var status: Int32 = 0
      switch waitpid(-1, &status, WNOHANG) {
      case 0:
        if Deadline.isPast(deadlineNanoseconds) { return false }
        for child in ProcessIdentity.childrenOfThisProcess { kill(child, SIGKILL) }
        // They end at once; which one does first is not known.
        usleep(1000)
      case -1: if errno != EINTR { return true }
      default: continue
      }
    }
  }
}

extension ProcessEnd: CustomStringConvertible {
  package var description: String {
    switch self {
    case .code(let code): "it ended with status \(code)"
    case .signal(let signal): "signal \(signal) ended it"
    case .unknown: "nobody saw how it ended"
    }
  }
}

extension ProcessIdentity {
  /// The numbers of this process's children, unreaped ones included.
  fileprivate static var childrenOfThisProcess: [Int32] {
    let own = getpid()
    return ((try? FileAccess.names(in: "/proc")) ?? []).compactMap { Int32($0) }.filter { pid in
      guard let bytes = try? FileAccess.read("/proc/\(pid)/stat", maximumBytes: 4096) else { return false }
      // The command's name stands in parentheses and may contain anything.
      let rest = String(decoding: bytes, as: UTF8.self).split(separator: ")").last ?? ""
      let fields = rest.split(separator: " ")
      return fields.count > 1 && Int32(fields[1]) == own
    }
  }

  /// Waits until this very process has ended; any process, not only a child.
  ///
  /// - Returns: false when the deadline has passed and it may still run.
  func waitForEnd(deadlineNanoseconds: UInt64) -> Bool {
    guard liveness != .dead else { return true }
    let descriptor = platform_pidfd_open(pid)
    guard descriptor >= 0 else { return errno == ESRCH }
    defer { close(descriptor) }
    // Only now does the descriptor keep the number from meaning another process.
    if liveness == .dead { return true }
    return poll(descriptor, deadlineNanoseconds: deadlineNanoseconds)
  }

  /// Sends a signal to this very process, and never to another that has its number by now.
  ///
  /// - Returns: whether it was there to be sent one.
  @discardableResult
  func send(signal: Int32) -> Bool {
    let descriptor = platform_pidfd_open(pid)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    guard liveness == .alive else { return false }
    return platform_pidfd_send_signal(descriptor, signal) == 0
  }

  /// Kills this very process and waits until it has ended.
  ///
  /// - Returns: false when the deadline has passed and it may still run.
  func kill(deadlineNanoseconds: UInt64) -> Bool {
    send(signal: SIGKILL)
    return waitForEnd(deadlineNanoseconds: deadlineNanoseconds)
  }
}
