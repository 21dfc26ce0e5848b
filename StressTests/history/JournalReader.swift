/// Reads the lines of one journal.
///
/// A line ends with a newline; a last one without was being written when its process died, and counts as not
/// written. Words are separated by one space, numbers are decimal, times are nanoseconds of
/// `CLOCK_MONOTONIC`. The first line of a file says what it is.
///
/// A worker's file, one for each thread of each session:
///
/// ```
/// J 2 SESSION THREAD                     the version of these lines; 1 is read too
/// B TIME VERB [OBJECT[=VALUE][?REVISION][/] …]
///                                        before a call: objects, what is going to be written to each, and
///                                        the revision that is demanded there; / is one that is only locked;
///                                        an object that stands here several times is written several times
///                                        in one commit, the last value stays
/// I TIME OBJECT EPOCH.BOOTNS FOUND [VERSION]
///                                        under the lock: token, the session found in the witness word, and
///                                        what was read
/// R TIME OBJECT [VERSION]                what was read of it under another object's lock; none: not there
/// W TIME OBJECT [VERSION]                a write of a call that goes on is committed
/// O TIME OBJECT                          the witness word was set back, the lock is let go
/// E TIME ok [SEEN …]                     the call returned
/// E TIME failed CODE [SEEN …]            it failed, because of these; nothing was changed
/// E TIME changes AFTER POSITION LIMIT TRIMMED [CHANGE …]
/// E TIME unsynced                        durabilityUnknown: it is in effect
/// E TIME unknown                         as if there were no end
/// ```
///
/// OBJECT is a number for a container and a letter with a number for others: `f` its configuration, `p` a
/// pod, `q` its configuration, `v` a volume, `g` its configuration, `s` an exec session, `n` a connection,
/// `x` an exit code, `w` all connections of a container, `o` anything else. CHANGE is
/// `SEQUENCE.OBJECT.ACTION.REVISION.FROM.TO`, with the object's letter, `a` added, `u` updated or rewritten,
/// `r` removed, `c` recorded, `p` pruned, `l` a leap, `o` another action, and TRIMMED is 0 or 1. VERSION is
/// `GENERATION.REVISION.VALUE`. SEEN is the object with `@VERSION` (everything), `:VALUE` (without
/// generation and revision), `+` (there), `-` (absent) or `!` (half a container).
///
/// The coordinator's file:
///
/// ```
/// C 1
/// busy TIME SESSION                      a session begins that asks the store all the time
/// free TIME SESSION                      one begins that need not
/// stopped TIME SESSION                   before SIGSTOP
/// woken TIME SESSION                     after SIGCONT
/// died TIME SESSION                      it has been waited for
/// ```
struct JournalReader {
  private let path: String
  private var lines: LineScanner
  private var session: Int32 = 0
  private var thread: Int32 = 0
  private var current: Operation?

  init(_ bytes: UnsafeBufferPointer<UInt8>, path: String) {
    self.path = path
    lines = LineScanner(bytes)
  }

  /// Adds what the file says to `history`.
  mutating func read(into history: inout History) throws(HistoryFailure) {
    guard lines.next() else { return }
    switch lines.letter() {
    case UInt8(ascii: "J"):
      guard let version = lines.number(UInt8.self), (1...2).contains(version),
        let session = lines.number(Int32.self), session != 0,
        let thread = lines.number(Int32.self), lines.isAtEnd
      else { throw failure }
      (self.session, self.thread) = (session, thread)
      while lines.next() { if !readWorkerLine(into: &history) { throw failure } }
      if let current { history.operations.append(current) }
    case UInt8(ascii: "C"):
      guard lines.number(UInt8.self) == 1, lines.isAtEnd else { throw failure }
      while lines.next() { if !readCoordinatorLine(into: &history) { throw failure } }
    default: throw failure
    }
  }

  private var failure: HistoryFailure { .line(lines.lineNumber, path: path) }

  private mutating func readWorkerLine(into history: inout History) -> Bool {
    let letter = lines.letter()
    guard let time = lines.number(UInt64.self) else { return false }
    if letter == UInt8(ascii: "B") {
      if let current { history.operations.append(current) }
      current = readBeginning(time)
      return current != nil
    }
    guard current != nil else { return false }
    switch letter {
    case UInt8(ascii: "I"): return readSection(time)
    case UInt8(ascii: "R"): return readLook(time)
    case UInt8(ascii: "W"): return readWrite(time)
    case UInt8(ascii: "O"): return readLeaving(time)
    case UInt8(ascii: "E"):
      guard readEnd(time), let ended = current else { return false }
      history.operations.append(ended)
      current = nil
      return true
    default: return false
    }
  }

  private mutating func readBeginning(_ time: UInt64) -> Operation? {
    guard let verb = lines.word().flatMap(Verb.init(rawValue:)) else { return nil }
    var accesses: [Access] = []
    while !lines.isAtEnd {
      guard let access = readAccess() else { return nil }
      if let index = accesses.firstIndex(where: { $0.object == access.object }) {
        if let earlier = accesses[index].value { accesses[index].intermediateValues.append(earlier) }
        accesses[index].value = access.value
        accesses[index].expected = access.expected
      } else {
        accesses.append(access)
      }
    }
    return Operation(session: session, thread: thread, verb, began: time, accesses: accesses)
  }

  private mutating func readAccess() -> Access? {
    guard let object = lines.object() else { return nil }
    var access = Access(object: object)
    if lines.skip("=") {
      guard let value = lines.number(UInt64.self, endsWord: false) else { return nil }
      access.value = value
    }
    if lines.skip("?") {
      guard let revision = lines.number(Int64.self, endsWord: false) else { return nil }
      access.expected = revision
    }
    access.isOnlyLocked = lines.skip("/")
    return lines.endWord() ? access : nil
  }

  /// The place in the current operation's accesses of the object that comes next.
  private mutating func access() -> Int? {
    guard let object = lines.object(), lines.endWord() else { return nil }
    return current?.accesses.firstIndex { $0.object == object }
  }

  private mutating func readLook(_ time: UInt64) -> Bool {
    guard let index = access() else { return false }
    var look = Access.Look(time: time, version: nil)
    if !lines.isAtEnd {
      guard let version = lines.version() else { return false }
      look.version = version
    }
    current?.accesses[index].look = look
    return lines.isAtEnd
  }

  private mutating func readSection(_ time: UInt64) -> Bool {
    guard let index = access(), let epoch = lines.number(Int64.self, endsWord: false), lines.skip("."),
      let boot = lines.number(Int64.self), let found = lines.number(Int32.self)
    else { return false }
    let token = Token(epoch: epoch, bootNanoseconds: boot)
    var section = Section(entered: time, token: token, found: found)
    if !lines.isAtEnd {
      guard let base = lines.version() else { return false }
      section.base = base
    }
    current?.accesses[index].section = section
    return lines.isAtEnd
  }

  private mutating func readWrite(_ time: UInt64) -> Bool {
    guard let index = access() else { return false }
    current?.accesses[index].committed = time
    if !lines.isAtEnd {
      guard let version = lines.version() else { return false }
      current?.accesses[index].written = version
    }
    return lines.isAtEnd
  }

  private mutating func readLeaving(_ time: UInt64) -> Bool {
    guard let index = access() else { return false }
    current?.accesses[index].section?.left = time
    return lines.isAtEnd
  }

  private mutating func readEnd(_ time: UInt64) -> Bool {
    current?.ended = time
    switch lines.word() {
    case "ok":
      guard let seen = readSeen() else { return false }
      current?.outcome = .succeeded(seen)
    case "failed":
      guard let code = lines.word(), let seen = readSeen() else { return false }
      current?.outcome = seen.isEmpty ? .failed(code) : .refused(code, because: seen)
    case "changes":
      guard let changes = readChanges() else { return false }
      current?.outcome = .changes(changes)
    case "unsynced": current?.outcome = .durabilityUnknown
    case "unknown": current?.outcome = .unknown
    default: return false
    }
    return lines.isAtEnd
  }

  private mutating func readSeen() -> [Seen]? {
    var seen: [Seen] = []
    while !lines.isAtEnd {
      guard let one = lines.seen() else { return nil }
      seen.append(one)
    }
    return seen
  }

  private mutating func readChanges() -> ChangesSeen? {
    guard let after = lines.number(Int64.self), let position = lines.number(Int64.self),
      let limit = lines.number(Int.self), let trimmed = lines.number(UInt8.self), trimmed < 2
    else { return nil }
    var changes: [ChangeSeen] = []
    while !lines.isAtEnd {
      guard let change = lines.change() else { return nil }
      changes.append(change)
    }
    return ChangesSeen(
      after: after, position: position, limit: limit, wasTrimmed: trimmed == 1, changes: changes)
  }

  private mutating func readCoordinatorLine(into history: inout History) -> Bool {
    guard let event = lines.word(), let time = lines.number(UInt64.self),
      let session = lines.number(Int32.self), lines.isAtEnd
    else { return false }
    switch event {
    case "busy", "free":
      guard history.lives[session] == nil else { return false }
      history.lives[session] = Life(born: time, isBusy: event == "busy")
    case "stopped": history.lives[session]?.stops.append(Life.Stop(from: time))
    case "woken":
      guard let last = history.lives[session]?.stops.indices.last else { return true }
      history.lives[session]?.stops[last].to = time
    case "died": history.lives[session]?.died = time
    default: return false
    }
    return true
  }
}
