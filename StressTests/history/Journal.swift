internal import Glibc

/// The file in which one thread of one worker writes down what it does.
///
/// Each line is one `write(2)`, so that a SIGKILL loses at most the line that was being written. The
/// lines are described at `JournalReader`. Times are taken inside: at the beginning of `begin`, and of
/// everything else, before the line is written.
public struct Journal: ~Copyable {
  private let lines: LineWriter

  /// Makes the file `SESSION.THREAD` in `directory`, which must not be there yet.
  public init(directory: String, session: Int32, thread: Int32) throws(HistoryFailure) {
    let lines = try LineWriter(path: "\(directory)/\(session).\(thread)")
    try lines.write { line in
      line.word("J 2")
      line.number(session)
      line.number(thread)
    }
    self.lines = lines
  }

  /// To be called before a call on the store.
  ///
  /// - Parameters:
  ///   - verb: what the call is.
  ///   - objects: what is asked for; for a list its scope, empty for everything.
  ///   - values: what is written to each of them; empty where nothing is, and fewer where the last ones
  ///     are only read.
  ///   - expected: the revisions that are demanded, by object.
  ///   - locked: objects of which nothing but the lock is taken, for the others.
  /// - Returns: the time that was written down.
  /// - Throws: `HistoryFailure` where the line could not be written; the call is not to be made then.
  @discardableResult
  public func begin(
    _ verb: Verb, _ objects: [Int], values: [UInt64] = [], expected: [Int: Int64] = [:], locked: [Int] = []
  ) throws(HistoryFailure) -> UInt64 {
    let now = monotonicNanoseconds()
    try lines.write { line in
      line.word("B")
      line.number(now)
      line.word(verb.rawValue)
      for (index, object) in objects.enumerated() {
        if index < values.count {
          line.object(object, "=", value: values[index])
        } else {
          line.object(object)
        }
        if let revision = expected[object] { line.demand(revision) }
      }
      for object in locked { line.object(object, "/") }
    }
    return now
  }

  /// To be called under the lock of another object, before anything is written there.
  ///
  /// `version` is what was read of the object; nil where it was not there.
  public func looked(_ object: Int, _ version: Version?) throws(HistoryFailure) {
    let now = monotonicNanoseconds()
    try lines.write { line in
      line.word("R")
      line.number(now)
      line.object(object)
      if let version { line.version(version) }
    }
  }

  /// To be called under the lock, before anything is written there.
  ///
  /// `found` is what the swap with the object's witness word gave, `base` what was read under the lock: a
  /// write that is killed can only be placed with it.
  public func inside(_ object: Int, token: Token, found: Int32, base: Version?) throws(HistoryFailure) {
    let now = monotonicNanoseconds()
    try lines.write { line in
      line.word("I")
      line.number(now)
      line.object(object)
      line.token(token)
      line.number(found)
      if let base { line.version(base) }
    }
  }

  /// To be called in a batch after each write has returned.
  ///
  /// Where the batch fails later, this write took place. Elsewhere it is not needed, but tells more where the
  /// worker is killed between the commit and the end of the call.
  public func wrote(_ object: Int, _ version: Version?) throws(HistoryFailure) {
    let now = monotonicNanoseconds()
    try lines.write { line in
      line.word("W")
      line.number(now)
      line.object(object)
      if let version { line.version(version) }
    }
  }

  /// To be called under the lock, after the witness word was set back.
  ///
  /// It may be left out; the checker then knows less about overlaps.
  public func leaving(_ object: Int) throws(HistoryFailure) {
    let now = monotonicNanoseconds()
    try lines.write { line in
      line.word("O")
      line.number(now)
      line.object(object)
    }
  }

  /// To be called when the call has returned.
  ///
  /// - Returns: the time that was written down.
  @discardableResult
  public func end(_ outcome: Outcome) throws(HistoryFailure) -> UInt64 {
    let now = monotonicNanoseconds()
    try lines.write { line in
      line.word("E")
      line.number(now)
      switch outcome {
      case .succeeded(let seen):
        line.word("ok")
        for one in seen { line.seen(one) }
      case .failed(let code):
        line.word("failed")
        line.word(code)
      case .refused(let code, let seen):
        line.word("failed")
        line.word(code)
        for one in seen { line.seen(one) }
      case .changes(let changes):
        line.word("changes")
        line.number(changes.after)
        line.number(changes.position)
        line.number(changes.limit)
        line.number(changes.wasTrimmed ? 1 : 0)
        for change in changes.changes { line.change(change) }
      case .durabilityUnknown: line.word("unsynced")
      case .unknown: line.word("unknown")
      }
    }
    return now
  }
}

/// The file in which the coordinator writes down the lives of the sessions.
public struct CoordinatorJournal: ~Copyable {
  private let lines: LineWriter

  /// Makes the file `coordinator` in `directory`, which must not be there yet.
  public init(directory: String) throws(HistoryFailure) {
    let lines = try LineWriter(path: "\(directory)/coordinator")
    try lines.write { $0.word("C 1") }
    self.lines = lines
  }

  /// A session begins; one that `isBusy` asks the store all the time, so it must get answers.
  public func born(_ session: Int32, isBusy: Bool) throws(HistoryFailure) {
    if isBusy { try note("busy", session) } else { try note("free", session) }
  }

  /// A session has ended: its process has been waited for.
  public func died(_ session: Int32) throws(HistoryFailure) { try note("died", session) }

  /// A session is being stopped: to be called before the signal is sent.
  public func stopped(_ session: Int32) throws(HistoryFailure) { try note("stopped", session) }

  /// A session goes on: to be called after the signal was sent.
  public func woken(_ session: Int32) throws(HistoryFailure) { try note("woken", session) }

  private func note(_ event: StaticString, _ session: Int32) throws(HistoryFailure) {
    let now = monotonicNanoseconds()
    try lines.write { line in
      line.word(event)
      line.number(now)
      line.number(session)
    }
  }
}

/// What kept a journal from being written or read.
public enum HistoryFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// A system call failed on a path.
  case systemCall(String, path: String, errno: Int32)
  /// A line that means nothing, or not there.
  case line(Int, path: String)

  /// One line for a person.
  public var description: String {
    switch self {
    case .systemCall(let call, let path, let code): "\(call) \(path): \(String(cString: strerror(code)))"
    case .line(let number, let path): "\(path): line \(number) cannot be read"
    }
  }
}

func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
