import CPlatform
import Glibc
import Platform

/// Which process something is: its number, and when it started, since numbers are used again.
///
/// Source: proc(5), `/proc/PID/stat` field 22.
public struct ProcessIdentity: Sendable, Hashable {
  /// The process number in this pid namespace; 0 for a process that is not visible from it.
  public let pid: Int32
  /// When it started, in clock ticks since boot.
  public let startTime: UInt64

  /// An identity that was recorded earlier.
  ///
  /// - Parameters:
  ///   - pid: the process number.
  ///   - startTime: clock ticks since boot.
  public init(pid: Int32, startTime: UInt64) {
    self.pid = pid
    self.startTime = startTime
  }

  /// What can be said about a process that was recorded earlier.
  public enum Liveness: Sendable, Hashable {
    /// The same process runs.
    case alive
    /// It has ended, is a zombie, or its number belongs to another process now.
    case dead
    /// `/proc` does not tell (hidden, not mounted); never to be taken for dead.
    case unknown
  }
}

extension ProcessIdentity {
  /// The calling process.
  ///
  /// Its start time is read once, and again after a fork; 0 when `/proc` does not tell.
  public static var current: ProcessIdentity {
    let pid = getpid()
    let cached = platform_cached_start_time(pid)
    if cached != 0 { return ProcessIdentity(pid: pid, startTime: cached) }
    guard case .process(let identity, isZombie: _) = ProcessStatus.of(pid: pid) else {
      return ProcessIdentity(pid: pid, startTime: 0)
    }
    platform_cache_start_time(pid, identity.startTime)
    return identity
  }

  /// The process that has this number now; nil when there is none, it is a zombie, or `/proc` does not tell.
  public static func running(pid: Int32) -> ProcessIdentity? {
    running(pid: pid, procRoot: "/proc")
  }

  static func running(pid: Int32, procRoot: String) -> ProcessIdentity? {
    guard case .process(let identity, isZombie: false) = ProcessStatus.of(pid: pid, procRoot: procRoot)
    else { return nil }
    return identity
  }

  /// Whether this very process still runs.
  public var liveness: Liveness { liveness(procRoot: "/proc") }

  func liveness(procRoot: String) -> Liveness {
    switch ProcessStatus.of(pid: pid, procRoot: procRoot) {
    case .none: .dead
    case .unreadable: .unknown
    case .process(let found, let isZombie): found == self && !isZombie ? .alive : .dead
    }
  }
}

/// What `/proc/PID/stat` says.
enum ProcessStatus {
  case process(ProcessIdentity, isZombie: Bool)
  case none
  case unreadable

  static func of(pid: Int32, procRoot: String = "/proc") -> ProcessStatus {
    guard pid > 0 else { return .unreadable }
    do throws(SmallFile.Failure) {
      let bytes = try SmallFile.read(path: "\(procRoot)/\(pid)/stat")
      return parse(bytes, pid: pid) ?? .unreadable
    } catch {
      guard case .errno(let code) = error else { return .unreadable }
      if code == ESRCH { return .none }
      // A hidden or unmounted /proc also says "no such file": only kill(2) knows that nobody is there.
      return kill(pid, 0) != 0 && errno == ESRCH ? .none : .unreadable
    }
  }

  /// The command in parentheses may contain anything, so fields are counted after the last one.
  private static func parse(_ bytes: [UInt8], pid: Int32) -> ProcessStatus? {
    guard let commandEnd = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = bytes[(commandEnd + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 19, let state = fields[0].first,
      let startTime = UInt64(String(decoding: fields[19], as: UTF8.self))
    else { return nil }
    let isZombie = state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")
    return .process(ProcessIdentity(pid: pid, startTime: startTime), isZombie: isZombie)
  }
}

extension ProcessIdentity {
  /// How many clock ticks the machine has been up: no process of this boot has a greater start time.
  package static var ticksSinceBoot: UInt64 {
    let ticksPerSecond = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
    return Clock.bootTimeNanoseconds / (1_000_000_000 / ticksPerSecond) + 1
  }
}
