/// Something in a history that no correct store can have done.
public struct Anomaly: Sendable, Equatable {
  /// The kinds of anomaly; the raw value is what people are shown.
  public enum Kind: String, Sendable, CaseIterable {
    /// Writes that each came before the other.
    case g0 = "G0: writes in a circle"
    /// A value was read that a failed operation would have written.
    case g1a = "G1a: read of a write that failed"
    /// A value was read that its own commit overwrote.
    case g1b = "G1b: read of an intermediate value"
    /// Writes and reads of them that each came before the other.
    case g1c = "G1c: information in a circle"
    /// A snapshot holds something new and misses something older.
    case gSingle = "G-single: a snapshot that never was"
    /// Several snapshots that no one order explains.
    case g2 = "G2: snapshots without a common order"
    /// Two operations each wrote on the strength of what the other was overwriting.
    case writeSkew = "write skew"
    /// Two writes over one version.
    case lostUpdate = "lost update"
    /// A read that misses what was acknowledged before it began.
    case staleRead = "stale read"
    /// A session that saw something newer before.
    case nonMonotoneRead = "non-monotone read"
    /// A session that does not see its own write.
    case readYourWrites = "own write not read"
    /// A read that ended before what it saw was begun.
    case futureRead = "read of the future"
    /// An acknowledged write that nobody sees any more.
    case lostWrite = "lost acknowledged write"
    /// A removed container that was seen afterwards.
    case resurrected = "resurrected container"
    /// One container removed twice.
    case removedTwice = "removed twice"
    /// A container of which the parts do not belong together.
    case halfDone = "half a container"
    /// A list that names a container twice.
    case listedTwice = "listed twice"
    /// A value that nobody wrote there.
    case inventedValue = "value from nowhere"
    /// One version with two values, or one value with two versions.
    case versionClash = "contradictory versions"
    /// More revisions than writes.
    case missingWrite = "revision without a write"
    /// Tokens that do not grow.
    case tokenOrder = "double holder: tokens"
    /// Two holders at the same time.
    case overlap = "double holder: overlap"
    /// A holder that found another one.
    case witness = "double holder: witness"
    /// A write that broke a rule between records: what it refers to was gone, or what excludes it was there.
    case brokenRule = "rule between records broken"
    /// A write over another revision than it demanded.
    case ignoredDemand = "demand for a revision ignored"
    /// A demand for a revision refused, although that was the one.
    case falseConflict = "conflict without a cause"
    /// A change that a reader of the sequence was not told of.
    case missedChange = "change missed"
    /// A change that a reader was told of twice.
    case repeatedChange = "change told twice"
    /// Changes that are not in the order of the commits.
    case changeOrder = "changes out of order"
    /// One place in the sequence with two changes.
    case changeClash = "contradictory changes"
    /// A change that nobody can have made.
    case inventedChange = "change from nowhere"
    /// A reader that began after a commit had returned and did not find it.
    case lateChange = "change not seen after its commit"
    /// Changes that are gone and nobody said so, or that are said to be and are not.
    case wrongTrimming = "wrong about trimming"
    /// A session that got no answers.
    case noProgress = "no progress"
    /// The history contradicts itself; the harness is wrong.
    case badHistory = "unusable history"
  }

  /// What kind of thing it is.
  public var kind: Kind
  /// The objects concerned.
  public var objects: [Int]
  /// The operations concerned, as indices of the history's, in the order of the explanation.
  public var operations: [Int]
  /// What they have to do with each other.
  public var dependencies: [Dependency]
  /// One or two sentences, in which object 7 is called c7.
  public var explanation: String

  init(
    _ kind: Kind, objects: [Int], operations: [Int], dependencies: [Dependency] = [], _ explanation: String
  ) {
    self.kind = kind
    self.objects = objects
    self.operations = operations
    self.dependencies = dependencies
    self.explanation = explanation
  }
}

/// What one operation has to do with another, mostly that it had to come before it.
public struct Dependency: Sendable, Hashable {
  /// Why.
  public enum Reason: UInt8, Sendable {
    /// It wrote the version before the other's.
    case overwritten
    /// It wrote what the other saw.
    case seen
    /// It saw what the other replaced.
    case replaced
    /// It had ended before the other began.
    case realTime
    /// The same thread did it before.
    case sessionOrder
    /// It saw, or replaced, an older state than the other saw or made.
    case older
    /// Both wrote the same version.
    case sameVersion
    /// Both were inside a lock at the same time.
    case sameTime
    /// Its token was not smaller, although it was first.
    case sameToken
    /// The other found it inside.
    case found
  }

  /// The index of the first operation of the sentence.
  public var from: Int
  /// The index of the second one.
  public var to: Int
  /// What stands between them.
  public var reason: Reason
  /// The object, where the reason has one.
  public var object: Int?
}

extension Dependency.Reason: CustomStringConvertible {
  /// The reason as part of a sentence.
  public var description: String {
    switch self {
    case .overwritten: "then overwritten by"
    case .seen: "seen by"
    case .replaced: "saw what was replaced by"
    case .realTime: "had ended before"
    case .sessionOrder: "in one thread before"
    case .older: "took an older state than"
    case .sameVersion: "wrote the same version as"
    case .sameTime: "inside at the same time as"
    case .sameToken: "has no smaller token than"
    case .found: "was found inside by"
    }
  }
}
