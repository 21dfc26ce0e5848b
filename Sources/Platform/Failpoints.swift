#if FAILPOINTS
  internal import Glibc
  internal import Synchronization

  /// What is armed in this process, and which failpoints it has passed.
  ///
  /// `CSTATE_FAILPOINTS` arms at the first failpoint that is passed, and is inherited by whatever this
  /// process starts: `NAME=MODE[:ARGUMENT][@N],…`.
  ///
  /// | mode | at the N-th time (1 unless said otherwise) |
  /// |---|---|
  /// | `kill` | SIGKILL |
  /// | `stop` | SIGSTOP |
  /// | `error:ERRNO` | the place fails, once; by name (`EIO`) or number |
  /// | `error-always:ERRNO` | it fails, this time and every time after |
  /// | `delay:MICROSECONDS` | a pause, this time and every time after |
  /// | `note` | nothing; the place is counted |
  ///
  /// A NAME that ends in `*` stands for all that begin so, counted together.
  @usableFromInline package enum Failpoints {
    private struct State {
      var plans: [FailpointPlan] = []
      var passed: [String] = []
      var noting: (@Sendable (String) -> Void)?
      var concerns: (@Sendable () -> Bool)?
    }

    private static let state = Mutex(State(plans: planned(in: environment)))
    /// One load for what is almost always the answer: nothing is armed.
    private static let isArmed = Atomic<Bool>(!environment.isEmpty)

    private static var environment: String {
      getenv("CSTATE_FAILPOINTS").map { String(cString: $0) } ?? ""
    }

    /// Replaces what is armed, and forgets what has been passed.
    ///
    /// - Parameters:
    ///   - text: as in the environment; empty disarms. What it does not understand traps.
    ///   - noting: called each time with the name before what is planned is done there, so that a death does
    ///     not hide it.
    ///   - concerns: asked of each thread that passes; one that it does not concern passes unseen. nil: all.
    package static func arm(
      _ text: String, noting: (@Sendable (String) -> Void)? = nil, concerns: (@Sendable () -> Bool)? = nil
    ) {
      let plans = planned(in: text)
      state.withLock { $0 = State(plans: plans, noting: noting, concerns: concerns) }
      isArmed.store(!plans.isEmpty, ordering: .releasing)
    }

    /// The names that a plan was about and that were passed since it was armed, in their order.
    package static var passed: [String] { state.withLock { $0.passed } }

    /// Whether this process runs code that has failpoints.
    package static var areCompiledIn: Bool { true }

    /// Counts one passing and does what is planned for it.
    ///
    /// - Returns: an errno to fail with, or 0.
    @usableFromInline package static func pass(_ name: StaticString) -> Int32 {
      guard isArmed.load(ordering: .acquiring) else { return 0 }
      return pass("\(name)")
    }

    /// As above, for a name that is put together.
    package static func pass(_ name: String) -> Int32 {
      guard isArmed.load(ordering: .acquiring) else { return 0 }
      if let concerns = state.withLock({ $0.concerns }), !concerns() { return 0 }
      let (modes, noting) = state.withLock { state in
        var isKnown = false
        let due = state.plans.indices.compactMap { index -> FailpointPlan.Mode? in
          guard state.plans[index].matches(name) else { return nil }
          isKnown = true
          return state.plans[index].hit()
        }
        if isKnown { state.passed.append(name) }
        return (due, state.noting)
      }
      if !modes.isEmpty { noting?(name) }
      return modes.reduce(0) { errno, mode in
        let found = mode.act()
        return found == 0 ? errno : found
      }
    }

    private static func planned(in text: String) -> [FailpointPlan] {
      text.split(separator: ",").map { FailpointPlan(String($0)) }
    }
  }

  /// One `NAME=MODE[:ARGUMENT][@N]`.
  struct FailpointPlan {
    enum Mode {
      case kill, stop, note
      case error(Int32, isForever: Bool)
      case delay(microseconds: UInt32)
    }

    private let name: String
    private let isPrefix: Bool
    private let mode: Mode
    private let first: Int
    private var hits = 0

    init(_ text: String) {
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      precondition(parts.count == 2, "CSTATE_FAILPOINTS: '\(text)' is not NAME=MODE")
      isPrefix = parts[0].hasSuffix("*")
      name = isPrefix ? String(parts[0].dropLast()) : parts[0]
      let words = parts[1].split(separator: "@", maxSplits: 1).map(String.init)
      first = words.count == 2 ? Int(words[1]) ?? 0 : 1
      precondition(first > 0, "CSTATE_FAILPOINTS: '\(text)' counts from 1")
      let mode = words[0].split(separator: ":", maxSplits: 1).map(String.init)
      self.mode = Mode(mode[0], mode.count == 2 ? mode[1] : "")
    }

    func matches(_ name: String) -> Bool {
      isPrefix ? name.hasPrefix(self.name) : name == self.name
    }

    /// Counts a hit; what is to happen, if anything.
    mutating func hit() -> Mode? {
      hits += 1
      return hits == first || hits > first && mode.isForever ? mode : nil
    }
  }

  extension FailpointPlan.Mode {
    private static let errnos: [String: Int32] = [
      "EIO": EIO, "ENOSPC": ENOSPC, "EINTR": EINTR, "ENOLCK": ENOLCK, "EMFILE": EMFILE, "ENFILE": ENFILE,
      "ENOMEM": ENOMEM, "EDQUOT": EDQUOT, "EFBIG": EFBIG, "EACCES": EACCES, "EROFS": EROFS, "EAGAIN": EAGAIN,
    ]

    init(_ word: String, _ argument: String) {
      let errno = Self.errnos[argument] ?? Int32(argument) ?? 0
      switch word {
      case "kill": self = .kill
      case "stop": self = .stop
      case "note": self = .note
      case "delay": self = .delay(microseconds: UInt32(argument) ?? 0)
      case "error", "error-always":
        precondition(errno > 0, "CSTATE_FAILPOINTS: no error is called '\(argument)'")
        self = .error(errno, isForever: word == "error-always")
      default: preconditionFailure("CSTATE_FAILPOINTS: no mode is called '\(word)'")
      }
    }

    var isForever: Bool {
      switch self {
      case .error(_, let isForever): isForever
      case .delay: true
      case .kill, .stop, .note: false
      }
    }

    /// Does it; an errno to fail with, or 0.
    func act() -> Int32 {
      switch self {
      case .kill: Glibc.kill(getpid(), SIGKILL)
      // This thread, so that it goes no further while another one takes the signal.
      case .stop: raise(SIGSTOP)
      case .note: break
      case .error(let errno, _): return errno
      case .delay(let microseconds): usleep(microseconds)
      }
      return 0
    }
  }
#endif
