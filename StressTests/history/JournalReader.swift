/// Reads the lines of one journal.
///
/// A line ends with a newline; a last one without was being written when its process died, and counts as not
/// written. Words are separated by one space, numbers are decimal, times are nanoseconds of
/// `CLOCK_MONOTONIC`. The first line of a file says what it is.
///
/// A worker's file, one for each thread of each session:
///
/// ```
/// J 1 SESSION THREAD
/// B TIME VERB [OBJECT[=VALUE] …]         before a call: objects, what is going to be written to each; an
///                                        object that stands here several times is written several times in
///                                        one commit, the last value stays
/// I TIME OBJECT EPOCH.BOOTNS FOUND [VERSION]
///                                        under the lock: token, the session found in the witness word, and
///                                        what was read
/// W TIME OBJECT [VERSION]                a write of a call that goes on is committed
/// O TIME OBJECT                          the witness word was set back, the lock is let go
/// E TIME ok [SEEN …]                     the call returned
/// E TIME failed CODE                     it failed; nothing was changed
/// E TIME unsynced                        durabilityUnknown: it is in effect
/// E TIME unknown                         as if there were no end
/// ```
///
/// VERSION is `GENERATION.REVISION.VALUE`. SEEN is the object with `@VERSION` (everything), `:VALUE` (without
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
      guard lines.number(UInt8.self) == 1, let session = lines.number(Int32.self), session != 0,
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
      guard let object = lines.number(Int32.self, endsWord: false) else { return nil }
      var access = Access(object: Int(object))
      if lines.skip("=") {
        guard let value = lines.number(UInt64.self) else { return nil }
        access.value = value
      } else if !lines.endWord() {
        return nil
      }
      if let index = accesses.firstIndex(where: { $0.object == access.object }) {
        if let earlier = accesses[index].value { accesses[index].intermediateValues.append(earlier) }
        accesses[index].value = access.value
      } else {
        accesses.append(access)
      }
    }
    return Operation(session: session, thread: thread, verb, began: time, accesses: accesses)
  }

  /// The place in the current operation's accesses of the object that comes next.
  private mutating func access() -> Int? {
    guard let object = lines.number(Int32.self) else { return nil }
    return current?.accesses.firstIndex { $0.object == Int(object) }
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
      var seen: [Seen] = []
      while !lines.isAtEnd {
        guard let one = lines.seen() else { return false }
        seen.append(one)
      }
      current?.outcome = .succeeded(seen)
    case "failed":
      guard let code = lines.word() else { return false }
      current?.outcome = .failed(code)
    case "unsynced": current?.outcome = .durabilityUnknown
    case "unknown": current?.outcome = .unknown
    default: return false
    }
    return lines.isAtEnd
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
