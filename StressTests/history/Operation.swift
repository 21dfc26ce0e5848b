/// One call on the store as a worker saw it.
public struct Operation: Sendable, Equatable {
  /// The process incarnation; a number is never used again in a run, and is not 0.
  public var session: Int32
  /// The thread of the session; a thread does one operation after the other.
  public var thread: Int32
  /// What was asked of the store.
  public var verb: Verb
  /// `CLOCK_MONOTONIC` in nanoseconds, taken before the call.
  public var began: UInt64
  /// The same clock after the return; `UInt64.max` where none was seen.
  public var ended: UInt64
  /// What became of each object that was named at the beginning; for a list its scope, empty for all.
  public var accesses: [Access]
  /// How it ended.
  public var outcome: Outcome

  /// An operation, by default without an end.
  public init(
    session: Int32, thread: Int32 = 0, _ verb: Verb, began: UInt64, ended: UInt64 = .max,
    accesses: [Access] = [], outcome: Outcome = .unknown
  ) {
    self.session = session
    self.thread = thread
    self.verb = verb
    self.began = began
    self.ended = ended
    self.accesses = accesses
    self.outcome = outcome
  }
}

/// What can be asked of the store.
public enum Verb: String, Sendable, CaseIterable {
  /// A container is made; its version is a new generation with revision 1.
  case add
  /// One write to one container under its lock.
  case update
  /// The container is removed under its lock.
  case remove
  /// Several containers under their locks at once; some or all of them are written, each in its own commit.
  case batch
  /// The lock is taken and nothing written; what was seen inside is a read.
  case section
  /// The whole container.
  case read
  /// Its state alone.
  case state
  /// Whether it is there.
  case has
  /// By name or prefix.
  case lookUp
  /// Several containers under their locks at once, written in one commit.
  case together
  /// An exit code is recorded, under no lock.
  case record
  /// Exit codes are removed: those that are seen as absent.
  case prune
  /// All containers in one snapshot, or those of the scope.
  case list
  /// The same with their configurations.
  case listWhole
  /// All pods and their configurations.
  case listPods
  /// All volumes and their configurations.
  case listVolumes
  /// All exec sessions.
  case listSessions
  /// The exit codes of the scope.
  case listCodes
  /// The next changes after a place.
  case changes
  /// Calls without an object; they count as progress alone.
  case open, close, recover, verify, declare

  /// Whether its accesses change the store.
  public var isWrite: Bool {
    switch self {
    case .add, .update, .remove, .batch, .together, .record, .prune: true
    default: false
    }
  }

  /// The kinds of which it names everything that is there; nil for what is no list.
  var listedKinds: [ObjectKind]? {
    switch self {
    case .list: [.container]
    case .listWhole: [.container, .configuration]
    case .listPods: [.pod, .podConfiguration]
    case .listVolumes: [.volume, .volumeConfiguration]
    case .listSessions: [.session]
    case .listCodes: [.exitCode]
    default: nil
    }
  }

  /// Whether it names what is there, and says by that that the rest is not.
  public var isList: Bool { listedKinds != nil }
}

/// How an operation ended.
public enum Outcome: Sendable, Equatable {
  /// It returned; for verbs that read, with what was seen.
  ///
  /// For `add`, `update`, `together` and `batch`, what is seen is what was written, for `remove` what was
  /// removed. What else a write names was so at its moment: what it refers to was there, what would have been
  /// in its way was not. A list names what is there, and the other objects of its scope are absent.
  case succeeded([Seen])
  /// It failed with this code of the store's, which promises that nothing was changed.
  ///
  /// `notFound` says that the object was absent, `alreadyExists` that it was there.
  case failed(String)
  /// It failed with this code because of what was seen at that moment.
  case refused(String, because: [Seen])
  /// It returned changes.
  case changes(ChangesSeen)
  /// It is in effect; whether it is durable is unknown.
  case durabilityUnknown
  /// No end was seen: it may be in effect, not be, or become so later.
  case unknown
}

/// One state of one container.
public struct Version: Sendable, Hashable {
  /// Which row it is; the store never gives a number out twice.
  public var generation: Int64
  /// Counts the writes of the row from 1.
  public var revision: Int64
  /// What the write put in; no two writes of a run have the same.
  public var value: UInt64

  /// A version as the store returned it.
  public init(generation: Int64, revision: Int64, value: UInt64) {
    self.generation = generation
    self.revision = revision
    self.value = value
  }
}

/// What an operation saw of one object.
public struct Seen: Sendable, Hashable {
  /// How much it saw.
  public enum Sight: Sendable, Hashable {
    /// The container with everything about it.
    case version(Version)
    /// The container's content without its generation and revision.
    case value(UInt64)
    /// That it is there.
    case present
    /// That it is not there.
    case absent
    /// A container of which the parts do not belong together.
    case half
  }

  private let number: Int32
  /// How much was seen.
  public var sight: Sight

  /// The object's number in the run.
  public var object: Int { Int(number) }

  /// Any sight.
  public init(object: Int, _ sight: Sight) {
    number = Int32(object)
    self.sight = sight
  }

  /// The container with everything about it.
  public init(object: Int, version: Version) { self.init(object: object, .version(version)) }

  /// The container's content.
  public init(object: Int, value: UInt64) { self.init(object: object, .value(value)) }

  /// Whether it is there.
  public init(object: Int, isThere: Bool) { self.init(object: object, isThere ? .present : .absent) }
}

/// What an operation did with one of the objects it named.
public struct Access: Sendable, Equatable {
  /// The object's number in the run.
  public var object: Int
  /// The value it writes, if it gets that far.
  public var value: UInt64?
  /// Values that the same commit overwrites itself; nobody may ever see them.
  public var intermediateValues: [UInt64]
  /// The critical section, where it was reached.
  public var section: Section?
  /// When the write was known to be committed; nil where that was not noted apart from the end.
  public var committed: UInt64?
  /// The version that was written, where the store said it.
  public var written: Version?
  /// Whether its lock is held for another object, and it is not written itself.
  public var isOnlyLocked = false
  /// The revision that the write demanded to find.
  public var expected: Int64?
  /// What was read of it under the lock of another object.
  public var look: Look?

  /// What was read, and when at the latest.
  public struct Look: Sendable, Equatable {
    /// `CLOCK_MONOTONIC` after the read.
    public var time: UInt64
    /// nil where the object was not there.
    public var version: Version?

    /// A read that had ended by `time`.
    public init(time: UInt64, version: Version?) {
      self.time = time
      self.version = version
    }
  }

  /// The last version that was read under the lock before anything was written.
  var base: Version? { section?.base ?? look?.version }
  /// Since when the lock was held, at the latest.
  var locked: UInt64? { section?.entered ?? look?.time }

  /// An access of which nothing has happened yet.
  public init(
    object: Int, value: UInt64? = nil, intermediateValues: [UInt64] = [], section: Section? = nil,
    committed: UInt64? = nil, written: Version? = nil, isOnlyLocked: Bool = false
  ) {
    self.isOnlyLocked = isOnlyLocked
    self.object = object
    self.value = value
    self.intermediateValues = intermediateValues
    self.section = section
    self.committed = committed
    self.written = written
  }
}

/// A stay under the lock of one container.
public struct Section: Sendable, Equatable {
  /// `CLOCK_MONOTONIC` after the grant, taken after the witness was asked.
  public var entered: UInt64
  /// The same clock before the release; nil where the end was not seen.
  public var left: UInt64?
  /// The fencing token of the grant.
  public var token: Token
  /// The session that stood in the object's witness word; 0 for nobody.
  public var found: Int32
  /// What was read under the lock before anything was written.
  public var base: Version?

  /// A section as its holder saw it.
  public init(entered: UInt64, left: UInt64? = nil, token: Token, found: Int32 = 0, base: Version? = nil) {
    self.entered = entered
    self.left = left
    self.token = token
    self.found = found
    self.base = base
  }
}

/// A fencing token: grows with every grant of one lock.
public struct Token: Sendable, Hashable, Comparable {
  /// How many boots the store has seen.
  public var epoch: Int64
  /// `CLOCK_BOOTTIME` at the grant.
  public var bootNanoseconds: Int64

  /// The two halves of a token.
  public init(epoch: Int64, bootNanoseconds: Int64) {
    self.epoch = epoch
    self.bootNanoseconds = bootNanoseconds
  }

  /// Whether it was given out before.
  public static func < (one: Token, other: Token) -> Bool {
    (one.epoch, one.bootNanoseconds) < (other.epoch, other.bootNanoseconds)
  }
}
